// Messages both ways. See Calls.h.
#include "runtime/serve/grpc/Calls.h"

#include <utility>

namespace ingot::serve {

namespace {
/// Of replies that a client has not read, before no more of its messages are.
constexpr size_t mostOutgoing = 64, mostOutgoingBytes = size_t{64} << 20;
} // namespace

StreamCall::StreamCall(Calls &calls, const Method &method, grpc::ServerCompletionQueue &queue)
    : Call(calls, method, queue) {
  cancellation_ = std::make_shared<Cancellation>();
}

void StreamCall::listen() {
  waitForEnd();
  method().service->requestStream(method().index, &rpc_, &stream_, &queue_, &arrived_);
}

void StreamCall::arrived(bool ok) {
  if (!ok) {
    delete this;
    return;
  }
  calls().listen(method(), queue_); // the next
  record_ = describe();
  if (const grpc::Status access = checkAccess(); !access.ok()) {
    recordsItself_ = false;
    finish(access);
  } else {
    read();
  }
  release();
}

void StreamCall::onEnd() {
  if (recordsItself_)
    return;
  record_.written = Clock::now();
  if (record_.parsed == Clock::time_point())
    record_.parsed = record_.written;
  const std::lock_guard lock(mutex_);
  if (finalStatus_) {
    record_.status = finalStatus_->error_code();
    record_.error = finalStatus_->error_message();
  } else {
    record_.status = grpc::StatusCode::CANCELLED;
  }
  context().observer.onRequest(record_);
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
  stream_.Read(&incoming_, &read_);
}

void StreamCall::taken() {
  const std::lock_guard lock(mutex_);
  isTaking_ = false;
}

bool StreamCall::isWrittenEnough() const {
  return outgoing_.size() >= mostOutgoing || outgoingBytes_ >= mostOutgoingBytes;
}

void StreamCall::wasRead(bool ok) {
  grpc::ByteBuffer message = std::move(incoming_);
  incoming_ = grpc::ByteBuffer();
  {
    const std::lock_guard lock(mutex_);
    isReading_ = false;
    isTaking_ = ok;
  }
  if (ok)
    onMessage(std::move(message));
  else
    onLastMessage();
  release();
}

void StreamCall::write(grpc::ByteBuffer message) {
  const std::lock_guard lock(mutex_);
  if (isBroken_ || finalStatus_)
    return;
  outgoingBytes_ += message.Length();
  outgoing_.push_back(std::move(message));
  if (!isWriting_)
    writeNext();
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
    stream_.Write(outgoing_.front(), &written_);
  } else if (finalStatus_ && !isFinished_) {
    isFinished_ = true;
    hold();
    startsWriting();
    stream_.Finish(*finalStatus_, &finished_);
  }
}

void StreamCall::wasWritten(bool ok) {
  bool isReadDue = false;
  {
    const std::lock_guard lock(mutex_);
    writingSince_.store(0, std::memory_order_relaxed);
    isWriting_ = false;
    outgoingBytes_ -= outgoing_.front().Length();
    outgoing_.pop_front();
    isReadDue = isReadWanted_ && !isWrittenEnough();
    if (!ok) { // the client is gone
      isBroken_ = true;
      outgoing_.clear();
    }
    writeNext();
  }
  if (isReadDue)
    read();
  release();
}

} // namespace ingot::serve
