// Profiler marks, which WebAssembly has none of.
#pragma once

namespace tvm::support {

struct NVTXScopedRange {
  template <typename Name>
  explicit NVTXScopedRange(Name&&) {}
};

}  // namespace tvm::support
