// grpc.health.v1.Health: the server ("" and the names of its services) and each model, by name. See
// Methods.h.
#include "runtime/serve/grpc/Calls.h"
#include "runtime/serve/grpc/proto/health.pb.h"

#include <algorithm>

namespace ingot::serve {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using grpc::health::v1::HealthListRequest;
using grpc::health::v1::HealthListResponse;
using ServingStatus = HealthCheckResponse::ServingStatus;

namespace {

/// How often those who watch are looked after.
constexpr std::chrono::milliseconds watchInterval{200};

/// SERVICE_UNKNOWN: there is no service or model of that name.
ServingStatus healthOf(const Calls &calls, const std::string &service) {
  const ServerContext &context = calls.context();
  const auto when = [](bool isServing) {
    return isServing ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
  };
  const std::vector<std::string> &names = calls.methods().serviceNames();
  if (service.empty() || std::find(names.begin(), names.end(), service) != names.end())
    return when(context.isReady());
  const Status model = context.repository.find(service, VersionChoice::latest()).status();
  return model.code() == StatusCode::NotFound
             ? HealthCheckResponse::SERVICE_UNKNOWN
             : when(model.isOk() && !context.lifecycle.isDraining());
}

Status check(UnaryCall &call, const HealthCheckRequest &request, HealthCheckResponse &reply) {
  const ServingStatus status = healthOf(call.calls(), request.service());
  if (status == HealthCheckResponse::SERVICE_UNKNOWN)
    return Status(StatusCode::NotFound, "there is no service or model '" + request.service() + "'");
  reply.set_status(status);
  return Status();
}

Status list(UnaryCall &call, const HealthListRequest &, HealthListResponse &reply) {
  std::vector<std::string> names = call.calls().methods().serviceNames();
  names.emplace_back();
  if (call.checkAccess(ApiGroup::Metadata).ok()) // which models there are is metadata
    for (const ModelStatus &model : call.context().repository.index())
      names.push_back(model.model);
  for (const std::string &name : names)
    (*reply.mutable_statuses())[name].set_status(healthOf(call.calls(), name));
  return Status();
}

/// Tells the status now and whenever it changes, until the client goes or the server stops.
class Watch final : public StreamCall {
public:
  using StreamCall::StreamCall;

private:
  void onMessage(grpc::ByteBuffer message) override {
    taken();
    HealthCheckRequest request;
    const Status status = parse(message, context().limits.decompressedBytes, request);
    if (!status.isOk())
      return finish(toGrpc(status));
    if (!hasAsked_) { // more than one request says nothing
      hasAsked_ = true;
      service_ = request.service();
      look();
    }
    read(); // so that the client's end is seen
  }

  void onLastMessage() override { // clients say all at first, and then watch
    if (!hasAsked_)
      finish({grpc::StatusCode::INVALID_ARGUMENT, "there is no message that says what to watch"});
  }

  void onStopping() override {
    const std::lock_guard lock(alarmMutex_);
    alarm_.Cancel(); // and then looks for the last time; without an alarm there is nothing to tell
    if (!isSet_)
      finish(stopping());
  }

  void look() {
    const ServingStatus now =
        calls().isStopping() ? HealthCheckResponse::NOT_SERVING : healthOf(calls(), service_);
    if (now != last_) {
      HealthCheckResponse reply;
      reply.set_status(now);
      write(serialize(reply));
      last_ = now;
    }
    const std::lock_guard lock(alarmMutex_);
    isSet_ = false;
    if (calls().isStopping())
      return finish(stopping());
    if (isEnded_)
      return;
    hold();
    isSet_ = true;
    alarm_.Set(&queue_, std::chrono::system_clock::now() + watchInterval, looked_.tag());
  }

  void looked(bool) { // also of an alarm that was cancelled, where the server stops
    if (!isEnded())
      look();
    release();
  }
  bool isEnded() {
    const std::lock_guard lock(alarmMutex_);
    return isEnded_;
  }

  void onEnd() override {
    StreamCall::onEnd();
    const std::lock_guard lock(alarmMutex_);
    isEnded_ = true;
    alarm_.Cancel();
  }

  std::string service_;
  int last_ = -1; ///< what the client was told; none yet
  bool hasAsked_ = false;
  std::mutex alarmMutex_;
  bool isEnded_ = false, isSet_ = false;
  grpc::Alarm alarm_;
  MemberEvent<Watch, &Watch::looked> looked_{this};
};

} // namespace

void addHealthService(Methods &methods) {
  const auto &service = *HealthCheckRequest::descriptor()->file()->FindServiceByName("Health");
  methods.addUnary(service, "Check", ApiGroup::Health, "health", Method::Kind::Quick,
                   answer<HealthCheckRequest, HealthCheckResponse, check>);
  methods.addUnary(service, "List", ApiGroup::Health, "health", Method::Kind::Quick,
                   answer<HealthListRequest, HealthListResponse, list>);
  methods.addStream(
      service, "Watch", ApiGroup::Health, "health",
      [](Calls &calls, const Method &method, grpc::ServerCompletionQueue &queue) -> StreamCall * {
        return new Watch(calls, method, queue);
      });
}

} // namespace ingot::serve
