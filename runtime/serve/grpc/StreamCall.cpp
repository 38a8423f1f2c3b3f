// Messages both ways. See Calls.h.
#include "runtime/serve/grpc/Calls.h"

#include <utility>

namespace ingot::serve {

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
  if (const grpc::Status access = checkAccess(); !access.ok()) {
    RequestRecord record = describe();
    record.status = access.error_code();
    record.error = access.error_message();
    record.parsed = record.written = record.received;
    context().observer.onRequest(record);
    finish(access);
  } else {
    read();
  }
  release();
}

void StreamCall::read() {
  {
    const std::lock_guard lock(mutex_);
    if (isReading_ || isBroken_ || finalStatus_)
      return;
    isReading_ = true;
    hold();
  }
  stream_.Read(&incoming_, &read_);
}

void StreamCall::wasRead(bool ok) {
  grpc::ByteBuffer message = std::move(incoming_);
  incoming_ = grpc::ByteBuffer();
  {
    const std::lock_guard lock(mutex_);
    isReading_ = false;
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
  {
    const std::lock_guard lock(mutex_);
    writingSince_.store(0, std::memory_order_relaxed);
    isWriting_ = false;
    outgoing_.pop_front();
    if (!ok) { // the client is gone
      isBroken_ = true;
      outgoing_.clear();
    }
    writeNext();
  }
  release();
}

} // namespace ingot::serve
