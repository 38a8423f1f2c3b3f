// Polling, and what all calls have in common. See Calls.h.
#include "runtime/serve/grpc/Calls.h"

#include "runtime/serve/inference/Clip.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace ingot::serve {

namespace {
constexpr int threadsPerQueue = 8;
constexpr int mostAside = 16;
constexpr std::chrono::seconds sweepInterval{5};

int64_t nanosecondsNow() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
      .count();
}

/// "ipv4:127.0.0.1:51234" -> "127.0.0.1:51234", "ipv6:%5B::1%5D:80" -> "[::1]:80".
std::string peerName(std::string peer) {
  const bool isV6 = peer.rfind("ipv6:", 0) == 0;
  if (!isV6 && peer.rfind("ipv4:", 0) != 0)
    return peer;
  peer.erase(0, 5);
  for (const auto &[escaped, character] : {std::pair{"%5B", '['}, std::pair{"%5D", ']'}})
    if (const size_t at = peer.find(escaped); at != std::string::npos)
      peer.replace(at, 3, 1, character);
  return peer;
}
} // namespace

grpc::StatusCode toGrpc(StatusCode code) {
  switch (code) {
  case StatusCode::Ok:
    return grpc::StatusCode::OK;
  case StatusCode::InvalidArgument:
    return grpc::StatusCode::INVALID_ARGUMENT;
  case StatusCode::NotFound:
    return grpc::StatusCode::NOT_FOUND;
  case StatusCode::FailedPrecondition:
    return grpc::StatusCode::FAILED_PRECONDITION;
  case StatusCode::OutOfRange:
    return grpc::StatusCode::OUT_OF_RANGE;
  case StatusCode::Cancelled:
    return grpc::StatusCode::CANCELLED;
  case StatusCode::ResourceExhausted:
    return grpc::StatusCode::RESOURCE_EXHAUSTED;
  case StatusCode::Unsupported:
    return grpc::StatusCode::UNIMPLEMENTED;
  case StatusCode::DataLoss:
    return grpc::StatusCode::DATA_LOSS;
  case StatusCode::DeadlineExceeded:
    return grpc::StatusCode::DEADLINE_EXCEEDED;
  case StatusCode::Unavailable:
    return grpc::StatusCode::UNAVAILABLE;
  case StatusCode::IoError:
  case StatusCode::Internal:
    break;
  }
  return grpc::StatusCode::INTERNAL;
}

grpc::Status toGrpc(const Status &status) {
  return {toGrpc(status.code()), clip(status.message(), mostMessageBytes)};
}

Status noMemory() {
  return Status(StatusCode::ResourceExhausted,
                "there is no memory for this request; try again later, or send less at once");
}

// ---- Calls ----

Calls::Calls(ServerContext &context, Methods &methods) : context_(context), methods_(methods) {}

Calls::~Calls() {
  for (Aside &aside : aside_)
    aside.thread.join();
}

void Calls::addQueues(grpc::ServerBuilder &builder, int threads) {
  for (int i = 0; i < std::max(1, threads / threadsPerQueue); ++i)
    queues_.push_back(builder.AddCompletionQueue());
}

void Calls::start(int threads) {
  for (const auto &queue : queues_)
    for (const Method &method : methods_.all()) {
      // A client's call waits while none listens: as many as threads can begin at the same time.
      const int most = method.kind == Method::Kind::Inference && method.run ? threads : 1;
      for (int i = 0; i < most; ++i)
        listen(method, *queue);
    }
  sweeping_ = true;
  sweepAlarm_.Set(queues_.front().get(), std::chrono::system_clock::now() + sweepInterval,
                  swept_.tag());
  for (int i = 0; i < threads; ++i)
    threads_.emplace_back(
        [this, &queue = *queues_[static_cast<size_t>(i) % queues_.size()]] { poll(queue); });
}

void Calls::stop() {
  {
    const std::lock_guard lock(sweepMutex_);
    sweeping_ = false;
    sweepAlarm_.Cancel();
  }
  {
    std::unique_lock lock(callsMutex_); // gRPC's own shutdown does not wait for them
    noCalls_.wait(lock, [this] { return calls_.empty(); });
  }
  for (const auto &queue : queues_)
    queue->Shutdown();
  for (std::thread &thread : threads_)
    thread.join();
  threads_.clear();
  // What the threads have not taken, which is nothing: gRPC wants its queues empty.
  void *tag = nullptr;
  bool ok = false;
  for (const auto &queue : queues_)
    while (queue->Next(&tag, &ok))
      Event::take(tag, ok);
}

void Calls::poll(grpc::ServerCompletionQueue &queue) {
  void *tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok))
    Event::take(tag, ok);
}

void Calls::listen(const Method &method, grpc::ServerCompletionQueue &queue) {
  if (method.makeStream)
    method.makeStream(*this, method, queue)->listen();
  else
    (new UnaryCall(*this, method, queue))->listen();
}

bool Calls::runAside(std::function<void()> task) {
  const std::lock_guard lock(asideMutex_);
  for (auto it = aside_.begin(); it != aside_.end();) {
    if (!it->isDone.load(std::memory_order_acquire)) {
      ++it;
      continue;
    }
    it->thread.join();
    it = aside_.erase(it);
  }
  if (aside_.size() >= mostAside)
    return false;
  Aside &aside = aside_.emplace_back();
  try {
    aside.thread = std::thread([&aside, task = std::move(task)] {
      task();
      aside.isDone.store(true, std::memory_order_release);
    });
  } catch (const std::system_error &) {
    aside_.pop_back();
    return false;
  }
  return true;
}

void Calls::startStopping() {
  std::vector<StreamCall *> streams;
  {
    const std::lock_guard lock(callsMutex_);
    stopping_.store(true, std::memory_order_release);
    for (Call *call : calls_)
      if (call->stream_ && call->holdIfAlive())
        streams.push_back(call->stream_);
  }
  for (StreamCall *stream : streams) {
    stream->onStopping();
    stream->release();
  }
}

bool Calls::isStoppingFor(StreamCall &stream) {
  const std::lock_guard lock(callsMutex_);
  static_cast<Call &>(stream).stream_ = &stream;
  return isStopping();
}

/// Ends calls whose client does not read their reply.
void Calls::sweep(bool ok) {
  if (!ok)
    return;
  const int64_t limit =
      nanosecondsNow() -
      std::chrono::duration_cast<std::chrono::nanoseconds>(context_.limits.writeTimeout).count();
  {
    const std::lock_guard lock(callsMutex_);
    for (Call *call : calls_)
      if (const int64_t since = call->writingSince_.load(std::memory_order_relaxed);
          since != 0 && since < limit)
        call->rpc_.TryCancel();
  }
  const std::lock_guard lock(sweepMutex_);
  if (!sweeping_)
    return;
  sweepAlarm_.Set(queues_.front().get(), std::chrono::system_clock::now() + sweepInterval,
                  swept_.tag());
}

// ---- Call ----

Call::Call(Calls &calls, const Method &method, grpc::ServerCompletionQueue &queue)
    : queue_(queue), calls_(calls), method_(method) {
  const std::lock_guard lock(calls_.callsMutex_);
  place_ = calls_.calls_.insert(calls_.calls_.end(), this);
}

Call::~Call() {
  const std::lock_guard lock(calls_.callsMutex_);
  calls_.calls_.erase(place_);
  if (calls_.calls_.empty())
    calls_.noCalls_.notify_all();
}

std::string Call::metadata(const char *key) const {
  const auto &all = rpc_.client_metadata();
  const auto found = all.find(key);
  return found == all.end() ? std::string()
                            : std::string(found->second.data(), found->second.size());
}

grpc::Status Call::checkAccess(ApiGroup apis) const {
  const AccessControl &access = context().access;
  if (access.check(apis, "") == AccessControl::Answer::Allowed)
    return grpc::Status::OK;
  const std::string group = toString(apis);
  switch (access.check(apis, metadata("authorization"))) {
  case AccessControl::Answer::Allowed:
    return grpc::Status::OK;
  case AccessControl::Answer::Unauthenticated:
    return {grpc::StatusCode::UNAUTHENTICATED,
            "calls of the group '" + group +
                "' need a token: metadata 'authorization' with 'Bearer TOKEN'"};
  case AccessControl::Answer::Forbidden:
    break;
  }
  return {grpc::StatusCode::PERMISSION_DENIED,
          "calls of the group '" + group + "' are not allowed to this client"};
}

Clock::time_point Call::deadline() const {
  const auto wall = rpc_.deadline();
  if (wall == std::chrono::system_clock::time_point::max())
    return Clock::time_point::max();
  const auto left = wall - std::chrono::system_clock::now();
  if (left > std::chrono::hours(24 * 365)) // gRPC's infinity is not always the clock's
    return Clock::time_point::max();
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(left);
}

RequestRecord Call::describe() const {
  RequestRecord record;
  record.protocol = "grpc";
  record.method.assign(method_.path, 1);
  record.api = method_.api;
  record.traceparent = metadata("traceparent");
  record.peer = peerName(rpc_.peer());
  record.received = Clock::now();
  return record;
}

void Call::tell(RequestRecord &record) {
  clip(record);
  context().observer.onRequest(record);
}

void Call::startsWriting() { writingSince_.store(nanosecondsNow(), std::memory_order_relaxed); }

void Call::ended(bool) {
  if (rpc_.IsCancelled())
    cancellation_->cancel();
  onEnd();
  release();
}

} // namespace ingot::serve
