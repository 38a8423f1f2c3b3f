// Messages both ways. See Calls.h.
#include "runtime/serve/grpc/Calls.h"

#include <utility>

namespace ingot::serve {

namespace {
/// Of replies that a client has not read, before no more of its messages are.
constexpr size_t mostOutgoing = 64, mostOutgoingBytes = size_t{64} << 20;

/// A server that stops closes a connection behind its last call. gRPC's clients then fail to write
/// (that they have read, for flow control) and throw away what they have not read: so they are
/// given time.
constexpr std::chrono::milliseconds linger{100};
} // namespace

StreamCall::StreamCall(Calls &calls, const Method &method, grpc::ServerCompletionQueue &queue,
                       bool recordsMessages)
    : Call(calls, method, queue), isRecorded_(!recordsMessages) {
  cancellation_ = std::make_shared<Cancellation>();
}

StreamCall::~StreamCall() {
  if (isOpen_)
    calls().streams_.fetch_sub(1, std::memory_order_relaxed);
}

void StreamCall::listen() {
  waitForEnd();
  method().service->requestStream(method().index, &rpc_, &stream_, &queue_, arrived_.tag());
}

void StreamCall::arrived(bool ok) {
  if (!ok) {
    delete this;
    return;
  }
  calls().listen(method(), queue_); // the next
  isOpen_ = true;
  calls().streams_.fetch_add(1, std::memory_order_relaxed);
  grpc::Status access = checkAccess();
  if (access.ok() && !calls().mayHaveStream())
    access = toGrpc(Status(StatusCode::ResourceExhausted,
                           "there are " + std::to_string(context().limits.connections) +
                               " streams open already; try again later"));
  {
    const std::lock_guard lock(mutex_);
    record_ = describe();
    isRecorded_ |= !access.ok(); // one that is not let in has no messages
    hasArrived_ = true;
    recordAtEnd();
  }
  if (!access.ok())
    finish(access);
  else if (calls().isStoppingFor(*this))
    onStopping();
  else
    read();
  release();
}

void StreamCall::onEnd() {
  const std::lock_guard lock(mutex_);
  hasEnded_ = true;
  recordAtEnd();
}

void StreamCall::recordAtEnd() {
  if (!isRecorded_ || !hasArrived_ || !hasEnded_)
    return;
  record_.written = Clock::now();
  if (record_.parsed == Clock::time_point())
    record_.parsed = record_.written;
  if (finalStatus_) {
    record_.status = finalStatus_->error_code();
    record_.error = finalStatus_->error_message();
  } else {
    record_.status = grpc::StatusCode::CANCELLED;
  }
  tell(record_);
}

void StreamCall::answerAs(grpc::ByteBuffer &message) {
  const auto algorithm = compressionOf(message);
  const std::lock_guard lock(mutex_);
  if (!std::exchange(isEncodingSet_, true) && algorithm != GRPC_COMPRESS_NONE)
    rpc_.set_compression_algorithm(algorithm);
}

void StreamCall::read() {
  {
    const std::lock_guard lock(mutex_);
    if (isReading_ || isTaking_ || isBroken_ || finalStatus_)
      return;
    isReadWanted_ = isWrittenEnough();
    if (isReadWanted_)
      return;
    isReading_ = true;
    hold();
  }
  stream_.Read(&incoming_, read_.tag());
}

void StreamCall::taken() {
  const std::lock_guard lock(mutex_);
  isTaking_ = false;
}

bool StreamCall::isWrittenEnough() const {
  return outgoing_.size() >= mostOutgoing || outgoingBytes_ >= mostOutgoingBytes;
}

void StreamCall::wasRead(bool ok) {
  const grpc::ByteBuffer message = incoming_; // copies share what they hold
  incoming_.Clear();
  {
    const std::lock_guard lock(mutex_);
    isReading_ = false;
    isTaking_ = ok;
  }
  try {
    if (ok)
      onMessage(message);
    else
      onLastMessage();
  } catch (const std::bad_alloc &) {
    finish(toGrpc(noMemory()));
  }
  release();
}

void StreamCall::write(grpc::ByteBuffer message, Written written) {
  {
    const std::lock_guard lock(mutex_);
    if (!isBroken_ && !finalStatus_) {
      isEncodingSet_ = true; // the client is told with the first message
      outgoingBytes_ += message.Length();
      outgoing_.push_back({message, std::move(written)});
      if (!isWriting_)
        writeNext();
      return;
    }
  }
  if (written)
    written(false);
}

void StreamCall::finish(const grpc::Status &status) {
  const std::lock_guard lock(mutex_);
  if (finalStatus_)
    return;
  finalStatus_ = std::make_unique<grpc::Status>(status);
  if (!isWriting_)
    writeNext();
}

void StreamCall::writeNext() {
  if (!outgoing_.empty()) {
    isWriting_ = true;
    hold();
    startsWriting();
    hasWritten_ = true;
    stream_.Write(outgoing_.front().message, written_.tag());
  } else if (finalStatus_ && !isFinished_) {
    isFinished_ = true;
    hold();
    if (calls().isStopping() && hasWritten_ && !isBroken_)
      lingerAlarm_.Set(&queue_, std::chrono::system_clock::now() + linger, lingered_.tag());
    else
      sendEnd();
  }
}

void StreamCall::sendEnd() {
  startsWriting();
  stream_.Finish(*finalStatus_, finished_.tag());
}

void StreamCall::lingered(bool) {
  const std::lock_guard lock(mutex_);
  sendEnd();
}

void StreamCall::wasWritten(bool ok) {
  bool isReadDue = false;
  std::deque<Outgoing> done;
  {
    const std::lock_guard lock(mutex_);
    writingSince_.store(0, std::memory_order_relaxed);
    isWriting_ = false;
    if (ok) {
      outgoingBytes_ -= outgoing_.front().message.Length();
      done.push_back(std::move(outgoing_.front()));
      outgoing_.pop_front();
      isReadDue = isReadWanted_ && !isWrittenEnough();
    } else { // the client is gone
      isBroken_ = true;
      done.swap(outgoing_);
      outgoingBytes_ = 0;
    }
    writeNext();
  }
  for (Outgoing &outgoing : done)
    if (outgoing.written)
      outgoing.written(ok);
  if (isReadDue)
    read();
  release();
}

} // namespace ingot::serve
