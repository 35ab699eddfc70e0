// Words about strings that the runtime's sources use.
#pragma once

#include <string>

namespace tvm::support {

inline bool StartsWith(const std::string& text, const char* prefix) { return text.rfind(prefix, 0) == 0; }

}  // namespace tvm::support
