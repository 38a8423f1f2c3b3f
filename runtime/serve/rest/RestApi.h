// RestApi: what requests mean. Knows requests and replies, no sockets; one for all connections.
//
// Invariant: serve leads to exactly one complete, whatever the request is.
#ifndef INGOT_RUNTIME_SERVE_REST_RESTAPI_H
#define INGOT_RUNTIME_SERVE_REST_RESTAPI_H

#include "runtime/serve/inference/ServerContext.h"
#include "runtime/serve/rest/Exchange.h"
#include "runtime/serve/rest/RestServer.h"

#include <atomic>
#include <functional>
#include <string>
#include <vector>

namespace ingot::serve::rest {

/// Of an id that a client makes up, in records.
inline constexpr size_t mostIdBytes = 128;

class RestApi {
public:
  /// Runs what may take long (loading a model) on threads that serve nobody.
  using RunSlowly = std::function<void(std::function<void()>)>;

  RestApi(ServerContext &context, const RestOptions &options, RunSlowly runSlowly)
      : context_(context), pages_(options.pages), corsOrigin_(options.corsOrigin),
        runSlowly_(std::move(runSlowly)) {}

  /// Notes in the record which request it is, so far as its head was read.
  void identify(Exchange &exchange);
  /// The head is there, the body is not. False: it is refused or answered already, and the body
  /// need not be read.
  bool admit(Exchange &exchange);
  /// The body is there. Calls exchange.complete(), now or later.
  void serve(Exchange &exchange);
  /// After complete, on the connection's thread: the reply as it goes out.
  void finish(Exchange &exchange);

  ServerContext &context() { return context_; }

private:
  // InferenceApi.cpp: these answer at once or start a run.
  void predict(Exchange &exchange);
  void classifyOrRegress(Exchange &exchange);
  void infer(Exchange &exchange);
  Result<Signature> lookUp(Exchange &exchange, std::string_view name);
  void run(Exchange &exchange, DecodedInputs inputs);

  // ModelApi.cpp: these answer at once, or run slowly.
  void modelStatus(Exchange &exchange);
  void metadata(Exchange &exchange);
  void serverMetadata(Exchange &exchange);
  void health(Exchange &exchange);
  void statistics(Exchange &exchange);
  void index(Exchange &exchange);
  void loadOrUnload(Exchange &exchange);
  void sharedMemory(Exchange &exchange);

  void encode(Exchange &exchange);
  /// Into the record, once it is there: what clients make up is no label of a metric.
  static void note(Exchange &exchange, const ModelVersion &model);
  bool unpack(Exchange &exchange);
  void addCors(Exchange &exchange);
  void pack(Exchange &exchange);

  ServerContext &context_;
  const std::vector<RestPage> pages_;
  const std::string corsOrigin_;
  RunSlowly runSlowly_;
  std::atomic<uint64_t> nextId_{1};
};

} // namespace ingot::serve::rest

#endif
