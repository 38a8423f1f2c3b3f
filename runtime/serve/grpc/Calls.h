// Calls: what all calls of a server share, and the kinds of them. A call waits for a client, is
// answered, and deletes itself when the last event that concerns it has happened.
//
// Events of the completion queue are handled by the threads that poll it; a call's answer may come
// from any thread. A call that is answered is no longer touched.
#ifndef INGOT_RUNTIME_SERVE_GRPC_CALLS_H
#define INGOT_RUNTIME_SERVE_GRPC_CALLS_H

#include "runtime/serve/grpc/Methods.h"
#include "runtime/serve/grpc/ThreadOrder.h"
#include "runtime/serve/grpc/Wire.h"
#include "runtime/serve/inference/ServerContext.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/async_unary_call.h>
#include <list>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>

namespace ingot::serve {

grpc::StatusCode toGrpc(StatusCode code);
/// What clients are told; a long message is clipped.
grpc::Status toGrpc(const Status &status);

/// "there is no memory …", ResourceExhausted.
Status noMemory();

/// What a completion queue hands back.
class Event {
public:
  /// For an operation that begins now.
  void *tag() {
    handOver(this);
    return this;
  }
  static void take(void *tag, bool ok) {
    takeOver(tag);
    static_cast<Event *>(tag)->happened(ok);
  }

protected:
  ~Event() = default;
  virtual void happened(bool ok) = 0;
};

template <typename Owner, void (Owner::*Handle)(bool)> class MemberEvent final : public Event {
public:
  explicit MemberEvent(Owner *owner) : owner_(owner) {}

private:
  void happened(bool ok) override { (owner_->*Handle)(ok); }
  Owner *owner_;
};

class Call;
class StreamCall;

class Calls {
public:
  Calls(ServerContext &context, Methods &methods);
  ~Calls();
  Calls(const Calls &) = delete;
  Calls &operator=(const Calls &) = delete;

  ServerContext &context() const { return context_; }
  const Methods &methods() const { return methods_; }
  bool isStopping() const { return stopping_.load(std::memory_order_acquire); }
  /// Once: streams end as they can (StreamCall::onStopping).
  void startStopping();

  /// Before the server is built: queues for as many threads.
  void addQueues(grpc::ServerBuilder &builder, int threads);
  /// Once the server runs: waits for calls.
  void start(int threads);
  /// After the server is shut down: waits for the last call to be gone, and the threads end.
  void stop();

  /// Neither a call that is being answered nor one that waits for a client.
  bool areGone() const {
    const std::lock_guard lock(callsMutex_);
    return calls_.empty();
  }

  /// A call of this method waits for a client.
  void listen(const Method &method, grpc::ServerCompletionQueue &queue);
  /// Runs it on a thread of its own. False: too many are running, or there is no thread to have.
  bool runAside(std::function<void()> task);

  /// A client has called; from now on startStopping reaches the stream, unless it has begun
  /// already, which the result says. Too many streams: see mayHaveStream.
  bool isStoppingFor(StreamCall &stream);
  bool mayHaveStream() const {
    return streams_.load(std::memory_order_relaxed) <= context_.limits.connections;
  }

private:
  friend class Call;
  friend class StreamCall;
  void poll(grpc::ServerCompletionQueue &queue);
  void sweep(bool ok);

  ServerContext &context_;
  Methods &methods_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> streams_{0}; ///< that a client has opened
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues_;
  std::vector<std::thread> threads_;

  mutable std::mutex callsMutex_;
  std::condition_variable noCalls_;
  std::list<Call *> calls_; ///< all, those too that wait for a client

  std::mutex sweepMutex_; // an alarm must not be set once its queue is shut down
  grpc::Alarm sweepAlarm_;
  MemberEvent<Calls, &Calls::sweep> swept_{this};
  bool sweeping_ = false;

  struct Aside {
    std::thread thread;
    std::atomic<bool> isDone{false};
  };
  std::mutex asideMutex_;
  std::list<Aside> aside_;
};

/// What unary calls and streams have in common.
class Call {
public:
  Calls &calls() const { return calls_; }
  ServerContext &context() const { return calls_.context(); }
  const Method &method() const { return method_; }
  const std::shared_ptr<Cancellation> &cancellation() const { return cancellation_; }
  /// Of the call, as the client set it.
  Clock::time_point deadline() const;
  /// For a record of this call: protocol, method, peer, trace.
  RequestRecord describe() const;
  /// May this client call this, or methods of another group? Unauthenticated and forbidden are
  /// codes of gRPC's own.
  grpc::Status checkAccess() const { return checkAccess(method_.group); }
  grpc::Status checkAccess(ApiGroup group) const;

protected:
  Call(Calls &calls, const Method &method, grpc::ServerCompletionQueue &queue);
  virtual ~Call();
  Call(const Call &) = delete;
  Call &operator=(const Call &) = delete;

  std::string metadata(const char *key) const;

  /// What the record says is told to the observer.
  void tell(RequestRecord &record);

  /// An event is still to come; the last one that has come deletes the call.
  void hold() { events_.fetch_add(1, std::memory_order_relaxed); }
  /// False: the last one has come.
  bool holdIfAlive() {
    int events = events_.load(std::memory_order_relaxed);
    while (events > 0 && !events_.compare_exchange_weak(events, events + 1))
      ;
    return events > 0;
  }
  void release() {
    if (events_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete this;
  }
  void waitForEnd() {
    hold();
    rpc_.AsyncNotifyWhenDone(ended_.tag());
  }
  virtual void onEnd() {}

  grpc::ServerContext rpc_;
  grpc::ServerCompletionQueue &queue_;
  std::shared_ptr<Cancellation> cancellation_; ///< of calls that wait for their end
  /// When its reply was begun to be written, in nanoseconds of the clock; 0: it is not.
  std::atomic<int64_t> writingSince_{0};
  void startsWriting();

private:
  friend class Calls;
  void ended(bool ok);
  Calls &calls_;
  const Method &method_;
  std::atomic<int> events_{1};        ///< the one that the constructor's caller releases
  std::list<Call *>::iterator place_; ///< in Calls::calls_
  StreamCall *stream_ = nullptr; ///< with Calls::callsMutex_: this, once a client has opened it
  MemberEvent<Call, &Call::ended> ended_{this};
};

/// A request, a reply.
class UnaryCall final : public Call {
public:
  UnaryCall(Calls &calls, const Method &method, grpc::ServerCompletionQueue &queue);
  /// Once it is constructed: waits for a client.
  void listen();

  RequestRecord &record() { return record_; }
  /// False: it cannot be, and the call has been answered so.
  bool parse(google::protobuf::Message &message);
  // The call's end: one of these, once.
  void reply(grpc::ByteBuffer message);
  void fail(const Status &status);
  void fail(const grpc::Status &status);
  /// Of a run; where the queue was full, the client is told when to try again.
  void fail(const InferenceResponse &response);
  /// Runs what ends the call; memory that there is not ends it, too.
  template <typename Run> void guard(Run &&run) {
    try {
      run();
    } catch (const std::bad_alloc &) {
      fail(noMemory());
    } catch (const std::length_error &) {
      fail(noMemory());
    }
  }

  /// What a request has of its call: deadline, cancellation, when it came. And the record tells of
  /// it.
  void complete(InferenceRequest &request);
  /// Runs a model. The request's function and inputs are set; the rest is the call's. `write` makes
  /// the reply of a response that is ok.
  void infer(InferenceRequest request,
             std::function<Status(const InferenceResponse &response, WireWriter &reply)> write);

private:
  ~UnaryCall() override = default;
  void arrived(bool ok);
  void finished(bool ok);

  grpc::ByteBuffer message_;
  grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> writer_{&rpc_};
  grpc_compression_algorithm compression_ = GRPC_COMPRESS_NONE;
  bool isCounted_ = false; ///< in Lifecycle
  RequestRecord record_;
  MemberEvent<UnaryCall, &UnaryCall::arrived> arrived_{this};
  MemberEvent<UnaryCall, &UnaryCall::finished> finished_{this};
};

/// Any number of messages each way. onMessage and onLastMessage are called once for each `read`;
/// what a kind of stream calls, it may call from any thread.
class StreamCall : public Call {
public:
  /// Told once when a message was given to the socket, or (false) will not be: the client is gone.
  using Written = std::function<void(bool isWritten)>;

  /// `recordsMessages`: each message has a record, and the call, if it is let in, has none.
  StreamCall(Calls &calls, const Method &method, grpc::ServerCompletionQueue &queue,
             bool recordsMessages = false);
  /// Once it is constructed: waits for a client.
  void listen();

  /// The server takes no more calls, and this one is to end: at once, but for what it has accepted.
  /// From any thread.
  virtual void onStopping() { finish(stopping()); }

protected:
  ~StreamCall() override;
  static grpc::Status stopping() {
    return {grpc::StatusCode::UNAVAILABLE, "the server is stopping"};
  }
  /// Calls `taken` when its place among the messages is settled: the next one is not read before.
  virtual void onMessage(grpc::ByteBuffer message) = 0;
  /// The client has said all.
  virtual void onLastMessage() = 0;

  /// Asks for a message more, once the client has read of what was written; without effect while
  /// one is asked for.
  void read();
  void taken();
  void write(grpc::ByteBuffer message, Written written = {});
  /// After what was written. Once; later ones have no effect.
  void finish(const grpc::Status &status);
  /// Of the client's first message: what is written is compressed as it is.
  void answerAs(grpc::ByteBuffer &message);
  void onEnd() override;

private:
  struct Outgoing {
    grpc::ByteBuffer message;
    Written written;
  };
  void arrived(bool ok);
  void wasRead(bool ok);
  void wasWritten(bool ok);
  void finished(bool ok) { release(); }
  void lingered(bool ok);
  void sendEnd();     ///< with mutex_
  void writeNext();   ///< with mutex_
  void recordAtEnd(); ///< with mutex_: once it has arrived and ended

  grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer> stream_{&rpc_};
  grpc::ByteBuffer incoming_;
  std::mutex mutex_;
  bool isWrittenEnough() const;                ///< with mutex_
  RequestRecord record_;                       ///< of the call as a whole
  bool isRecorded_;                            ///< it has a record, besides those of its messages
  bool isOpen_ = false;                        ///< a client has called: Calls::streams_
  bool hasArrived_ = false, hasEnded_ = false; ///< whichever comes last tells the record
  bool isEncodingSet_ = false;
  std::deque<Outgoing> outgoing_;
  size_t outgoingBytes_ = 0;
  bool isReading_ = false, isReadWanted_ = false;
  bool isTaking_ = false; ///< a message was read, and its place is not settled yet
  bool isWriting_ = false, isBroken_ = false, isFinished_ = false;
  std::unique_ptr<grpc::Status> finalStatus_; ///< finish was called
  MemberEvent<StreamCall, &StreamCall::arrived> arrived_{this};
  MemberEvent<StreamCall, &StreamCall::wasRead> read_{this};
  MemberEvent<StreamCall, &StreamCall::wasWritten> written_{this};
  MemberEvent<StreamCall, &StreamCall::finished> finished_{this};
  bool hasWritten_ = false;
  grpc::Alarm lingerAlarm_;
  MemberEvent<StreamCall, &StreamCall::lingered> lingered_{this};
};

/// Methods whose reply is a message that a function fills in.
template <typename Request, typename Reply, Status (*Answer)(UnaryCall &, const Request &, Reply &)>
void answer(UnaryCall &call) {
  Request request;
  if (!call.parse(request))
    return;
  Reply reply;
  const Status status = Answer(call, request, reply);
  if (status.isOk())
    call.reply(serialize(reply));
  else
    call.fail(status);
}

} // namespace ingot::serve

#endif
