// ServerContext: what the protocols share. Made by server/Server, outlives both of them.
#ifndef INGOT_RUNTIME_SERVE_INFERENCE_SERVERCONTEXT_H
#define INGOT_RUNTIME_SERVE_INFERENCE_SERVERCONTEXT_H

#include "runtime/serve/inference/AccessControl.h"
#include "runtime/serve/inference/InferenceService.h"
#include "runtime/serve/inference/Lifecycle.h"
#include "runtime/serve/inference/Limits.h"
#include "runtime/serve/inference/RequestRecord.h"
#include "runtime/serve/inference/SharedMemory.h"
#include "runtime/serve/inference/TlsFiles.h"
#include "runtime/serve/repository/Repository.h"

#include <functional>
#include <string>
#include <vector>

namespace ingot::serve {

struct ServerContext {
  std::string name = "ingot", version; ///< of the server's metadata
  Repository &repository;
  InferenceService &inference;
  SharedMemory &sharedMemory;
  Lifecycle &lifecycle;
  const AccessControl &access;
  const Limits &limits;
  RequestObserver &observer;
  /// The text of /metrics.
  std::function<std::string()> metrics;
  /// What a config in a request (to load, to reload) does not say.
  ModelConfig modelDefaults = {};
  /// Below these lie the models that a request to reload may name; unless it may name any.
  std::vector<std::string> modelDirectories = {};
  bool takesAnyDirectory = false;
  bool isReady() const { return !lifecycle.isDraining() && repository.isReady(); }
};

} // namespace ingot::serve

#endif
