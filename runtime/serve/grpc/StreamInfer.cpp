// GRPCInferenceService: ModelStreamInfer. Each message is a request, answered when it is done;
// those of a sequence are run one after the other, and so are answered in order.
#include "runtime/serve/grpc/Calls.h"
#include "runtime/serve/grpc/OpenInference.h"
#include "runtime/serve/grpc/ServerMethods.h"

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
      : StreamCall(calls, method, queue) {
    recordsItself_ = true;
  }

private:
  struct Item {
    explicit Item(uint64_t limit) : parsed(std::make_shared<Parsed<ModelInferRequest>>(limit)) {}
    std::shared_ptr<Parsed<ModelInferRequest>> parsed;
    PreparedInference prepared;
    RequestRecord record;
    std::string sequence;
    bool isCounted = false; ///< in Lifecycle
  };
  using ItemPtr = std::shared_ptr<Item>;

  void onMessage(grpc::ByteBuffer message) override {
    auto item = std::make_shared<Item>(context().limits.decompressedBytes);
    item->record = describe();
    item->record.bytesIn = message.Length();
    if (const auto algorithm = compressionOf(message); algorithm != GRPC_COMPRESS_NONE)
      answerCompressed(algorithm);
    const Status status = prepareItem(message, *item);
    bool isFirst = true;
    {
      const std::lock_guard lock(itemsMutex_);
      ++running_;
      if (status.isOk() && !item->sequence.empty()) {
        std::deque<ItemPtr> &waiting = sequences_[item->sequence];
        waiting.push_back(item); // the first one is running
        isFirst = waiting.size() == 1;
      }
    }
    taken();
    hold();
    readIfFew(); // the next message may be handled while this one is run
    if (!status.isOk()) {
      item->sequence.clear();
      fail(item, status);
    } else if (isFirst) {
      start(item);
    }
  }

  void onLastMessage() override {
    const std::lock_guard lock(itemsMutex_);
    isLast_ = true;
    if (running_ == 0)
      finish(grpc::Status::OK);
  }

  Status prepareItem(grpc::ByteBuffer &message, Item &item) {
    const Limits &limits = context().limits;
    item.isCounted = context().lifecycle.begin(limits.requests);
    if (!item.isCounted)
      return Status(StatusCode::ResourceExhausted,
                    "there are " + std::to_string(limits.requests) +
                        " requests in flight already; try again later");
    INGOT_RETURN_IF_ERROR(parse(message, limits.decompressedBytes, item.parsed->message));
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

  void start(const ItemPtr &item) {
    item->record.parsed = Clock::now();
    context().inference.infer(std::move(item->prepared.request),
                              [this, item](InferenceResponse response) {
                                item->record.timing = response.timing;
                                answer(item, response);
                              });
  }

  void answer(const ItemPtr &item, const InferenceResponse &response) {
    if (!response.status.isOk())
      return fail(item, response.status);
    WireWriter reply;
    const Status status = writeReply(item->parsed->message, response, item->prepared.wanted, reply);
    if (!status.isOk())
      return fail(item, status);
    // Of each message there is one reply: those who asked to be told which is the last are.
    inference::ModelInferResponse last;
    (*last.mutable_parameters())["triton_final_response"].set_bool_param(true);
    reply.raw(last.SerializeAsString());
    WireWriter out;
    out.message(ModelStreamInferResponse::kInferResponseFieldNumber, std::move(reply));
    end(item, out.finish());
  }

  void fail(const ItemPtr &item, const Status &status) {
    item->record.status = toGrpc(status.code());
    item->record.error = status.message();
    ModelStreamInferResponse reply;
    reply.set_error_message(status.message());
    reply.mutable_infer_response()->set_id(item->record.id);
    reply.mutable_infer_response()->set_model_name(item->record.model);
    end(item, serialize(reply));
  }

  void end(const ItemPtr &item, grpc::ByteBuffer reply) {
    RequestRecord &record = item->record;
    record.bytesOut = reply.Length();
    write(std::move(reply));
    record.written = Clock::now();
    if (record.parsed == Clock::time_point())
      record.parsed = record.written;
    context().observer.onRequest(record);
    if (item->isCounted)
      context().lifecycle.end();
    ItemPtr next;
    {
      const std::lock_guard lock(itemsMutex_);
      if (!item->sequence.empty()) {
        const auto sequence = sequences_.find(item->sequence);
        sequence->second.pop_front();
        if (sequence->second.empty())
          sequences_.erase(sequence);
        else
          next = sequence->second.front();
      }
      --running_;
      if (isLast_ && running_ == 0)
        finish(grpc::Status::OK);
    }
    readIfFew();
    if (next)
      start(next);
    release();
  }

  void readIfFew() {
    {
      const std::lock_guard lock(itemsMutex_);
      if (isLast_ || running_ >= mostAtOnce)
        return;
    }
    read();
  }

  std::mutex itemsMutex_;
  int running_ = 0; ///< messages that are not answered
  bool isLast_ = false;
  std::map<std::string, std::deque<ItemPtr>> sequences_;
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
