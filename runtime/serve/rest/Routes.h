// Routes: which API a method and path are, of which model and version. Both protocols in one table.
#ifndef INGOT_RUNTIME_SERVE_REST_ROUTES_H
#define INGOT_RUNTIME_SERVE_REST_ROUTES_H

#include "runtime/serve/inference/AccessControl.h"
#include "runtime/serve/repository/Repository.h"

#include <string>
#include <string_view>

namespace ingot::serve::rest {

enum class Api {
  None,
  // TF Serving
  Predict,
  Classify,
  Regress,
  Status,
  Metadata,
  // Open Inference and Triton's extensions
  ServerMetadata,
  Live,
  Ready,
  ModelReady,
  ModelMetadata,
  ModelConfig,
  Statistics,
  Infer,
  Index,
  Load,
  Unload,
  SharedMemoryStatus,
  SharedMemoryRegister,
  SharedMemoryUnregister,
  CudaMemoryStatus,
  CudaMemoryRegister,
  CudaMemoryUnregister,
  Unsupported,
  // ours
  Metrics,
  Page
};

/// What is known of an API before its request is read.
struct ApiTraits {
  const char *name; ///< as in metrics and logs: "predict"
  ApiGroup group;
  const char *allow; ///< methods, as in the header Allow
  bool isInference = false;
};
const ApiTraits &traitsOf(Api api);

struct Route {
  Api api = Api::None;
  std::string model; ///< decoded; empty: of all, or of none
  VersionChoice version;
  std::string region; ///< of shared memory; empty: all
  /// 0, or why there is no such route: 400, 404; then `error` is what to say.
  int status = 0;
  std::string error;
};

/// `path` is without its query. Whether the method fits is the caller's to see (allowsMethod).
Route findRoute(std::string_view method, std::string_view path);
/// HEAD goes where GET goes.
bool allowsMethod(Api api, std::string_view method);

} // namespace ingot::serve::rest

#endif
