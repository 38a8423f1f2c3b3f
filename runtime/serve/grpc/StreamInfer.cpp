// GRPCInferenceService: ModelStreamInfer. Each message is a request, answered when it is done;
// those of a sequence are run one after the other, and so are answered in order.
#include "runtime/serve/grpc/Calls.h"
#include "runtime/serve/grpc/OpenInference.h"
#include "runtime/serve/grpc/ServerMethods.h"
#include "runtime/serve/inference/Clip.h"

#include <algorithm>
#include <map>
#include <utility>

namespace ingot::serve {

using inference::ModelInferRequest;
using inference::ModelStreamInferResponse;

namespace {

/// Of one stream; the client's next messages wait in its socket.
constexpr int mostAtOnce = 128;

class InferStream final : public StreamCall {
public:
  InferStream(Calls &calls, const Method &method, grpc::ServerCompletionQueue &queue)
      : StreamCall(calls, method, queue, true) {}

private:
  /// A message that was accepted; it holds the stream until its reply is written.
  struct Item {
    explicit Item(uint64_t limit) : parsed(std::make_shared<Parsed<ModelInferRequest>>(limit)) {}
    std::shared_ptr<Parsed<ModelInferRequest>> parsed;
    PreparedInference prepared;
    RequestRecord record;
    std::string sequence;
    bool isCounted = false; ///< in Lifecycle
  };
  using ItemPtr = std::shared_ptr<Item>;

  /// Messages of a sequence that are not answered: the first one is being run.
  struct Sequence {
    std::deque<ItemPtr> waiting;
    bool isStarting = false; ///< runSequence is about to run the first one,
    bool isAnswered = false; ///< and it has been answered meanwhile
  };

  void onMessage(grpc::ByteBuffer message) override {
    auto item = std::make_shared<Item>(context().limits.decompressedBytes);
    item->record = describe();
    item->record.bytesIn = message.Length();
    answerAs(message);
    if (!accept()) // the client is told by the stream's end
      return taken();
    Status status = prepareItem(message, *item);
    message.Clear();
    Sequence *sequence = nullptr; // that this message begins
    if (status.isOk() && !item->sequence.empty()) {
      const std::lock_guard lock(itemsMutex_);
      const auto [found, isNew] = sequences_.try_emplace(item->sequence);
      found->second.waiting.push_back(item);
      if (isNew)
        sequence = &found->second;
    }
    taken();
    readIfFew(); // the next message may be handled while this one is run
    if (!status.isOk()) {
      item->sequence.clear();
      fail(item, status);
    } else if (sequence) {
      runSequence(*sequence);
    } else if (item->sequence.empty()) {
      start(item);
    }
  }

  void onLastMessage() override {
    const std::lock_guard lock(itemsMutex_);
    isLast_ = true;
    finishIfDone();
  }

  void onStopping() override {
    const std::lock_guard lock(itemsMutex_);
    isStopping_ = true;
    finishIfDone();
  }

  /// With itemsMutex_. What is answered is written before the end.
  void finishIfDone() {
    if (running_ != 0 || !(isLast_ || isStopping_))
      return;
    isOver_ = true;
    finish(isLast_ ? grpc::Status::OK : stopping());
  }

  bool accept() {
    const std::lock_guard lock(itemsMutex_);
    if (isOver_)
      return false;
    ++running_;
    hold();
    return true;
  }

  Status prepareItem(grpc::ByteBuffer &message, Item &item) {
    const Limits &limits = context().limits;
    item.isCounted = context().lifecycle.begin(limits.requests);
    if (!item.isCounted)
      return Status(StatusCode::ResourceExhausted,
                    "there are " + std::to_string(limits.requests) +
                        " requests in flight already; try again later");
    try {
      return parseItem(message, item);
    } catch (const std::bad_alloc &) {
      return noMemory();
    } catch (const std::length_error &) {
      return noMemory();
    }
  }

  Status parseItem(grpc::ByteBuffer &message, Item &item) {
    INGOT_RETURN_IF_ERROR(parse(message, context().limits.decompressedBytes, item.parsed->message));
    item.record.model = item.parsed->message.model_name();
    item.record.id = item.parsed->message.id();
    INGOT_ASSIGN_OR_RETURN(item.prepared,
                           serve::prepare(context().inference, context().sharedMemory, *item.parsed,
                                          item.record.received));
    InferenceRequest &request = item.prepared.request;
    item.sequence = request.sequence;
    request.owner = item.parsed;
    request.cancellation = cancellation();
    request.deadline = std::min(request.deadline, deadline());
    request.mayRunHere = true;
    item.record.isInference = true;
    item.record.model = request.model->model;
    item.record.version = request.model->version;
    item.record.function = request.function->function->name;
    return Status();
  }

  /// Runs the first one, and those behind it as long as each is answered at once. A loop: a
  /// recursion would be as deep as there are messages.
  void runSequence(Sequence &sequence) {
    for (;;) {
      ItemPtr item;
      {
        const std::lock_guard lock(itemsMutex_);
        item = sequence.waiting.front();
        sequence.isStarting = true;
        sequence.isAnswered = false;
      }
      start(item);
      const std::lock_guard lock(itemsMutex_);
      sequence.isStarting = false;
      if (!sequence.isAnswered) // `end` goes on
        return;
      if (sequence.waiting.empty()) {
        sequences_.erase(item->sequence);
        return;
      }
    }
  }

  /// With itemsMutex_: the item is answered. The sequence that goes on with this, if any.
  Sequence *leaveSequence(const Item &item) {
    if (item.sequence.empty())
      return nullptr;
    const auto found = sequences_.find(item.sequence);
    Sequence &sequence = found->second;
    sequence.waiting.pop_front();
    if (sequence.isStarting) {
      sequence.isAnswered = true;
      return nullptr;
    }
    if (!sequence.waiting.empty())
      return &sequence;
    sequences_.erase(found);
    return nullptr;
  }

  void start(const ItemPtr &item) {
    item->record.parsed = Clock::now();
    context().inference.infer(std::move(item->prepared.request),
                              [this, item](InferenceResponse response) {
                                item->record.timing = response.timing;
                                answer(item, response);
                              });
  }

  void answer(const ItemPtr &item, const InferenceResponse &response) {
    grpc::ByteBuffer reply;
    Status status = response.status;
    try {
      if (status.isOk())
        status = makeReply(*item, response, reply);
    } catch (const std::bad_alloc &) {
      status = noMemory();
    } catch (const std::length_error &) {
      status = noMemory();
    }
    if (status.isOk())
      end(item, reply);
    else
      fail(item, status);
  }

  static Status makeReply(const Item &item, const InferenceResponse &response,
                          grpc::ByteBuffer &reply) {
    WireWriter writer;
    INGOT_RETURN_IF_ERROR(writeReply(item.parsed->message, response, item.prepared.wanted, writer));
    // Of each message there is one reply: those who asked to be told which is the last are.
    inference::ModelInferResponse last;
    (*last.mutable_parameters())["triton_final_response"].set_bool_param(true);
    writer.raw(last.SerializeAsString());
    WireWriter out;
    out.message(ModelStreamInferResponse::kInferResponseFieldNumber, std::move(writer));
    reply = out.finish();
    return Status();
  }

  void fail(const ItemPtr &item, const Status &status) {
    item->record.status = toGrpc(status.code());
    item->record.error = clip(status.message(), mostMessageBytes);
    ModelStreamInferResponse reply;
    reply.set_error_message(item->record.error);
    reply.mutable_infer_response()->set_id(item->record.id);
    reply.mutable_infer_response()->set_model_name(item->record.model);
    end(item, serialize(reply));
  }

  void end(const ItemPtr &item, grpc::ByteBuffer reply) {
    hold(); // the item's may end at once
    item->record.bytesOut = reply.Length();
    write(reply, [this, item](bool isWritten) { wasAnswered(*item, isWritten); });
    Sequence *next = nullptr;
    {
      const std::lock_guard lock(itemsMutex_);
      next = leaveSequence(*item);
      --running_;
      finishIfDone();
    }
    readIfFew();
    if (next)
      runSequence(*next);
    release();
  }

  /// Its reply was given to the socket, or the client is gone.
  void wasAnswered(Item &item, bool isWritten) {
    RequestRecord &record = item.record;
    record.written = Clock::now();
    if (record.parsed == Clock::time_point())
      record.parsed = record.written;
    if (!isWritten && record.status == grpc::StatusCode::OK) {
      record.status = grpc::StatusCode::CANCELLED;
      record.error = "the client has gone";
    }
    tell(record);
    if (item.isCounted)
      context().lifecycle.end();
    release();
  }

  void readIfFew() {
    {
      const std::lock_guard lock(itemsMutex_);
      if (isLast_ || isStopping_ || running_ >= mostAtOnce)
        return;
    }
    read();
  }

  std::mutex itemsMutex_;
  int running_ = 0; ///< messages that are not answered
  bool isLast_ = false, isStopping_ = false;
  bool isOver_ = false; ///< no message is accepted any more
  std::map<std::string, Sequence> sequences_;
};

} // namespace

void addStreamInfer(Methods &methods, const google::protobuf::ServiceDescriptor &service) {
  methods.addStream(
      service, "ModelStreamInfer", ApiGroup::Inference, "stream_infer",
      [](Calls &calls, const Method &method, grpc::ServerCompletionQueue &queue) -> StreamCall * {
        return new InferStream(calls, method, queue);
      });
}

} // namespace ingot::serve
