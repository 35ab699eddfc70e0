// Streams that read from bytes and write to a string.
#pragma once

#include <tvm/support/io.h>

#include <algorithm>
#include <cstring>

namespace tvm::support {

class BytesInStream : public Stream {
 public:
  using Stream::Read;
  using Stream::Write;

  template <typename Bytes>
  explicit BytesInStream(const Bytes& bytes) : rest_(bytes.data()), n_left_(bytes.size()) {}

  size_t Read(void* to, size_t size) final {
    size = std::min(size, n_left_);
    if (size > 0) std::memcpy(to, rest_, size);
    rest_ += size;
    n_left_ -= size;
    return size;
  }
  size_t Write(const void*, size_t) final { return 0; }

 private:
  const char* rest_;
  size_t n_left_;
};

class BytesOutStream : public Stream {
 public:
  using Stream::Read;
  using Stream::Write;

  explicit BytesOutStream(std::string* out) : out_(out) {}

  size_t Read(void*, size_t) final { return 0; }
  size_t Write(const void* from, size_t size) final {
    out_->append(static_cast<const char*>(from), size);
    return size;
  }

 private:
  std::string* out_;
};

}  // namespace tvm::support
