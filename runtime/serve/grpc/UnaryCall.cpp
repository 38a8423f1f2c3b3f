// A request, a reply. See Calls.h.
#include "runtime/serve/grpc/Calls.h"

#include <algorithm>
#include <utility>

namespace ingot::serve {

UnaryCall::UnaryCall(Calls &calls, const Method &method, grpc::ServerCompletionQueue &queue)
    : Call(calls, method, queue) {}

void UnaryCall::listen() {
  if (method().kind != Method::Kind::Quick) {
    cancellation_ = std::make_shared<Cancellation>();
    waitForEnd();
  }
  method().service->requestUnary(method().index, &rpc_, &message_, &writer_, &queue_,
                                 arrived_.tag());
}

void UnaryCall::arrived(bool ok) {
  if (!ok) { // the server stops, and no client has called: no other event comes
    delete this;
    return;
  }
  hold();                           // until it is finished
  calls().listen(method(), queue_); // the next
  record_ = describe();
  record_.bytesIn = message_.Length();
  compression_ = compressionOf(message_);
  const grpc::Status access = checkAccess();
  const bool counts = method().group != ApiGroup::Health;
  if (access.ok() && counts)
    isCounted_ = context().lifecycle.begin(context().limits.requests);
  if (!access.ok()) {
    fail(access);
  } else if (counts && !isCounted_) {
    fail(Status(StatusCode::ResourceExhausted, "there are " +
                                                   std::to_string(context().limits.requests) +
                                                   " requests in flight already; try again later"));
  } else if (method().kind != Method::Kind::Slow) {
    guard([this] { method().run(*this); });
  } else if (!calls().runAside([this] { guard([this] { method().run(*this); }); })) {
    fail(Status(StatusCode::ResourceExhausted,
                "too many calls that change the repository at the same time; try again later"));
  }
  release();
}

bool UnaryCall::parse(google::protobuf::Message &message) {
  const Status status = serve::parse(message_, context().limits.decompressedBytes, message);
  message_.Clear(); // what was parsed is a copy
  if (!status.isOk())
    fail(status);
  return status.isOk();
}

void UnaryCall::reply(grpc::ByteBuffer message) {
  record_.bytesOut = message.Length();
  record_.status = grpc::StatusCode::OK;
  if (compression_ != GRPC_COMPRESS_NONE) // as the client does, it is answered
    rpc_.set_compression_algorithm(compression_);
  startsWriting();
  writer_.Finish(message, grpc::Status::OK, finished_.tag());
}

void UnaryCall::fail(const Status &status) { fail(toGrpc(status)); }

void UnaryCall::fail(const InferenceResponse &response) {
  if (response.status.code() == StatusCode::ResourceExhausted && response.timing.runs == 0) {
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(
        response.function->queue->status().expectedWait);
    rpc_.AddTrailingMetadata("grpc-retry-pushback-ms",
                             std::to_string(std::max<int64_t>(1, wait.count())));
  }
  fail(response.status);
}

void UnaryCall::fail(const grpc::Status &status) {
  record_.status = status.error_code();
  record_.error = status.error_message();
  startsWriting();
  writer_.FinishWithError(status, finished_.tag());
}

void UnaryCall::finished(bool) {
  record_.written = Clock::now();
  if (record_.parsed == Clock::time_point())
    record_.parsed = record_.written;
  tell(record_);
  if (isCounted_)
    context().lifecycle.end();
  release();
}

void UnaryCall::complete(InferenceRequest &request) {
  request.received = record_.received;
  request.deadline = std::min(request.deadline, deadline());
  request.cancellation = cancellation_;
  request.mayRunHere = true;
  record_.isInference = true;
  record_.model = request.model->model;
  record_.version = request.model->version;
  record_.function = request.function->function->name;
  record_.parsed = Clock::now();
}

void UnaryCall::infer(
    InferenceRequest request,
    std::function<Status(const InferenceResponse &response, WireWriter &reply)> write) {
  complete(request);
  context().inference.infer(std::move(request),
                            [this, write = std::move(write)](InferenceResponse response) {
                              record_.timing = response.timing;
                              guard([&] {
                                if (!response.status.isOk())
                                  return fail(response);
                                WireWriter out;
                                if (const Status status = write(response, out); !status.isOk())
                                  fail(status);
                                else
                                  reply(out.finish());
                              });
                            });
}

} // namespace ingot::serve
