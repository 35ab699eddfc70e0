// What the runtime would start if a library were called from another machine, which nobody does here.
#include <tvm/ffi/error.h>

#include "../../src/runtime/rpc/rpc_session.h"

namespace tvm::runtime {

ffi::Module CreateRPCSessionModule(std::shared_ptr<RPCSession>) {
  TVM_FFI_THROW(RuntimeError) << "remote calls are left out";
  TVM_FFI_UNREACHABLE();
}

}  // namespace tvm::runtime
