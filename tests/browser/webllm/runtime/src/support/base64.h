// Compiled because the runtime can write tensors as JSON; nobody here does.
#pragma once

#include <tvm/support/io.h>

namespace tvm::support {

class NoStream : public Stream {
 public:
  using Stream::Read;
  using Stream::Write;

  explicit NoStream(Stream*) {}
  size_t Read(void*, size_t) final { return 0; }
  size_t Write(const void*, size_t) final { return 0; }
};
struct Base64InStream : NoStream {
  using NoStream::NoStream;
  void InitPosition() {}
};
struct Base64OutStream : NoStream {
  using NoStream::NoStream;
  void Finish() {}
};

}  // namespace tvm::support
