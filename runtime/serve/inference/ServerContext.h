// ServerContext: what the protocols share. Made by server/Server, outlives both of them.
#ifndef INGOT_RUNTIME_SERVE_INFERENCE_SERVERCONTEXT_H
#define INGOT_RUNTIME_SERVE_INFERENCE_SERVERCONTEXT_H

#include "runtime/serve/inference/AccessControl.h"
#include "runtime/serve/inference/InferenceService.h"
#include "runtime/serve/inference/Lifecycle.h"
#include "runtime/serve/inference/Limits.h"
#include "runtime/serve/inference/RequestRecord.h"
#include "runtime/serve/inference/SharedMemory.h"
#include "runtime/serve/repository/Repository.h"

#include <functional>
#include <string>

namespace ingot::serve {

/// TLS of a listener. Files in PEM form; empty: no TLS.
struct TlsFiles {
  std::string certificate, key;
  std::string clientAuthority; ///< with it, clients need a certificate that it signed (mutual TLS)
};

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
  bool isReady() const { return !lifecycle.isDraining() && repository.isReady(); }
};

} // namespace ingot::serve

#endif
