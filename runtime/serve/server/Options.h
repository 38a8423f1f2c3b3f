// Options of `ingot-serve`: the command line, and the same keys in a configuration file (TOML, read
// by CLI11's --config). docs/Serving.md has the table.
#ifndef INGOT_RUNTIME_SERVE_SERVER_OPTIONS_H
#define INGOT_RUNTIME_SERVE_SERVER_OPTIONS_H

#include "runtime/serve/grpc/GrpcServer.h"
#include "runtime/serve/inference/Limits.h"
#include "runtime/serve/repository/Repository.h"
#include "runtime/serve/rest/RestServer.h"

#include <chrono>
#include <string>
#include <vector>

namespace ingot::serve {

struct ServerOptions {
  RepositoryOptions repository;
  std::string modelConfigFile;        ///< TF Serving's model_config_list as text; empty: none
  std::string batchingParametersFile; ///< TF Serving's BatchingParameters as text; empty: none
  RestOptions rest;
  GrpcOptions grpc;
  Limits limits;
  int workers = 0; ///< threads that compute; 0: the CPUs this process may run on
  std::string tokensFile;
  std::string restricted;                         ///< groups of APIs that want a token, with commas
  bool tfsMetrics = false, tritonMetrics = false; ///< their names beside ours
  std::string accessLog;                          ///< a file, "-" for standard output, or none
  std::string traceFile;                          ///< Chrome trace; empty: none
  double traceRate =
      0.01; ///< share of requests traced, besides those whose traceparent asks for it
  std::chrono::milliseconds drainDelay{0}, drainTimeout{30000};
};

/// Reads the command line. Help and version are printed, mistakes are told on standard error.
/// Returns -1 to go on, else the exit code.
int parseOptions(int argc, char **argv, const char *version, ServerOptions &options);

} // namespace ingot::serve

#endif
