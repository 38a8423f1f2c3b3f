// See Connection.h.
#include "runtime/serve/rest/Connection.h"

#include "runtime/serve/inference/Clip.h"
#include "runtime/serve/rest/Utf8.h"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <new>

namespace ingot::serve::rest {

namespace {

constexpr size_t headRoom = size_t{8} << 10, chunkRoom = size_t{64} << 10;
constexpr size_t bodyRoom = size_t{4} << 20;
/// What one turn reads of a body before others get theirs.
constexpr size_t bytesPerTurn = size_t{8} << 20;
/// How long a client that was refused may go on sending before it is cut off.
constexpr std::chrono::seconds lingerTime{2};
/// How long one that is in reserve may take to ask.
constexpr std::chrono::seconds reserveTime{2};

constexpr const char *clientLeft = "the client closed the connection before the reply was written";
constexpr const char *clientLeftEarly =
    "the client closed the connection before its request was there";
constexpr const char *noMemory = "there is not enough memory for this request";

} // namespace

Connection::Connection(asio::io_context &io, RestApi &api, Connections &connections,
                       std::unique_ptr<Transport> transport, std::string peer)
    : io_(io), api_(api), connections_(connections), limits_(api.context().limits),
      transport_(std::move(transport)), parser_(limits_) {
  record.peer = std::move(peer);
}

Connection::~Connection() { close(); }

std::shared_ptr<TransportUser> Connection::user() {
  return {shared_from_this(), static_cast<TransportUser *>(this)};
}

void Connection::enter(State state, std::chrono::seconds timeout) {
  deadline_.store(nanosecondsOf(Clock::now() + timeout), std::memory_order_relaxed);
  state_.store(state);
}

void Connection::enter(State state) {
  deadline_.store(never, std::memory_order_relaxed);
  state_.store(state);
}

void Connection::start() {
  enter(State::Handshake, isReserve_ ? reserveTime : limits_.headerTimeout);
  transport_->handshake(user());
}

/// Either a drain that comes now sees that this connection is idle, or this sees the drain.
void Connection::enterIdle() {
  enter(State::Idle, isReserve_ ? reserveTime : limits_.idleTimeout);
  if (connections_.isDraining())
    drain(Clock::now());
}

void Connection::onHandshake(error_code error) {
  if (error) {
    close();
    return;
  }
  enterIdle();
  proceed();
}

void Connection::proceed() {
  for (bool isTold = false;; isTold = true) {
    try {
      step();
      return;
    } catch (const std::bad_alloc &) {
    }
    const State state = state_.load(std::memory_order_relaxed);
    if (state == State::Handshake || state == State::Idle || state == State::Lingering ||
        state == State::Closed) {
      close();
      return;
    }
    // Who sent the request is told, with the memory that the request took.
    try {
      in_ = Bytes();
      consumed_ = 0;
      request.body.reset();
      if (state == State::Head)
        api_.identify(*this);
      if (state != State::Writing && !isTold) {
        if (!refuse(503, noMemory))
          return;
        continue;
      }
    } catch (const std::bad_alloc &) {
    }
    giveUp(503, noMemory);
    return;
  }
}

void Connection::step() {
  for (bool goesOn = true; goesOn;) {
    switch (state_.load(std::memory_order_relaxed)) {
    case State::Idle:
      goesOn = beginRequest();
      break;
    case State::Head:
      goesOn = readHead();
      break;
    case State::Body:
      goesOn = readBody();
      break;
    case State::Running:
      goesOn = serve();
      break;
    case State::Served:
      goesOn = respond();
      break;
    case State::Writing:
      goesOn = finishReply();
      break;
    case State::Lingering:
      in_.clear();
      consumed_ = 0;
      goesOn = waitForBytes(chunkRoom);
      break;
    case State::Handshake:
    case State::Closed:
      goesOn = false;
    }
  }
}

/// Reads into the buffer behind what is there.
bool Connection::waitForBytes(size_t room) {
  if (consumed_ == in_.size()) {
    in_.clear();
  } else if (consumed_ > 0) {
    std::memmove(in_.data(), in_.data() + consumed_, in_.size() - consumed_);
    in_.resize(in_.size() - consumed_);
  }
  consumed_ = 0;
  readsBody_ = false;
  transport_->read(in_.room(room), room, user());
  return false;
}

void Connection::onRead(error_code error, size_t bytes) {
  if (!error && bytes > 0) {
    if (readsBody_)
      parser_.filled(bytes);
    else
      in_.advance(bytes);
    proceed();
    return;
  }
  const State state = state_.load(std::memory_order_relaxed);
  if (state != State::Head && state != State::Body) {
    close();
    return;
  }
  try {
    if (state == State::Head)
      api_.identify(*this);
    else if (request.body)
      record.bytesIn = request.body->size();
    if (isExpired_.exchange(false)) {
      if (refuse(408, "the request did not come in time"))
        proceed();
      return;
    }
  } catch (const std::bad_alloc &) {
    giveUp(503, noMemory);
    return;
  }
  giveUp(499, clientLeftEarly);
}

bool Connection::beginRequest() {
  // Empty lines before a request are passed over (RFC 9112, 2.2).
  for (; consumed_ < in_.size(); ++consumed_)
    if (const char byte = in_.data()[consumed_]; byte != '\r' && byte != '\n')
      break;
  if (consumed_ == in_.size()) {
    // Connections may be idle for long, and many.
    if (in_.capacity() > 2 * headRoom) {
      in_ = Bytes();
      consumed_ = 0;
    }
    return waitForBytes(headRoom);
  }
  isFresh_.store(false, std::memory_order_relaxed);
  enter(State::Head, isReserve_ ? reserveTime : limits_.headerTimeout);
  clear();
  parser_.reset(request);
  record.received = record.parsed = Clock::now();
  record.protocol = "http";
  record.timing = {};
  record.bytesIn = 0;
  record.method.clear();
  record.target.clear();
  record.api = "other";
  record.model.clear();
  record.function.clear();
  record.version = 0;
  record.id.clear();
  record.traceparent.clear();
  record.isInference = false;
  isCounted_ = api_.context().lifecycle.begin(limits_.requests);
  return true;
}

bool Connection::readHead() {
  consumed_ += parser_.put(in_.view().substr(consumed_));
  switch (parser_.state()) {
  case RequestParser::State::Head:
    return waitForBytes(headRoom);
  case RequestParser::State::Failed:
    api_.identify(*this);
    return refuse(parser_.errorStatus(), parser_.error());
  case RequestParser::State::Body:
  case RequestParser::State::Done:
    break;
  }
  const bool hasBody = parser_.state() == RequestParser::State::Body;
  isRefused_ = !api_.admit(*this);
  // Who asks whether the server is well is answered, however many requests and connections there
  // are.
  const bool isHealth = traitsOf(route.api).group == ApiGroup::Health;
  if (isReserve_ && !isHealth) {
    reply.headers = "Retry-After: 1\r\n";
    return refuse(503, "the server has " + std::to_string(limits_.connections) +
                           " connections, the most that it takes: try again later");
  }
  if (!isCounted_ && !isHealth) {
    reply.headers = "Retry-After: 1\r\n";
    return refuse(429, "the server has " + std::to_string(limits_.requests) +
                           " requests in flight, the most that it takes: try again later");
  }
  // A short body of a refused request is read, for the sake of the requests behind it.
  const bool isShort = request.hasLength && request.contentLength <= bytesPerTurn;
  if (isRefused_ && (!hasBody || !isShort || request.expectsContinue)) {
    reply.closes = hasBody;
    return respond();
  }
  if (!hasBody) {
    enter(State::Running);
    return true;
  }
  enter(State::Body, limits_.bodyTimeout);
  if (request.expectsContinue && consumed_ == in_.size())
    return sendContinue();
  return true;
}

bool Connection::sendContinue() {
  static constexpr char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
  constexpr size_t size = sizeof text - 1;
  error_code error;
  out_.assign(1, asio::buffer(text, size));
  const size_t written = transport_->tryWrite(out_, error);
  if (written == size)
    return true;
  if (error) {
    giveUp(499, clientLeftEarly);
    return false;
  }
  takeFromOut(written);
  transport_->write(out_, user());
  return false;
}

/// Removes what is written from the front of out_; false: that was all.
bool Connection::takeFromOut(size_t written) {
  size_t whole = 0;
  for (; whole < out_.size() && written >= out_[whole].size(); ++whole)
    written -= out_[whole].size();
  out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(whole));
  if (out_.empty())
    return false;
  out_.front() += written;
  return true;
}

bool Connection::readBody() {
  if (consumed_ < in_.size())
    consumed_ += parser_.put(in_.view().substr(consumed_));
  else if (request.isChunked)
    return waitForBytes(chunkRoom);
  size_t turn = 0;
  while (parser_.state() == RequestParser::State::Body && !request.isChunked) {
    const RequestParser::Room room = parser_.room(bodyRoom);
    error_code error;
    const size_t bytes = turn < bytesPerTurn ? transport_->tryRead(room.data, room.size, error) : 0;
    if (bytes == 0 || error) {
      readsBody_ = true;
      transport_->read(room.data, room.size, user());
      return false;
    }
    turn += bytes;
    parser_.filled(bytes);
  }
  switch (parser_.state()) {
  case RequestParser::State::Failed:
    return refuse(parser_.errorStatus(), parser_.error());
  case RequestParser::State::Done:
    record.bytesIn = request.body->size();
    if (isRefused_)
      return respond();
    enter(State::Running);
    return true;
  case RequestParser::State::Head:
  case RequestParser::State::Body:
    break;
  }
  return waitForBytes(chunkRoom);
}

/// Has the request served. Where the outcome is there at once, goes on with it; else whoever
/// completes it has this done on a thread of the io_context.
bool Connection::serve() {
  phase_.store(Phase::Serving, std::memory_order_relaxed);
  try {
    api_.serve(*this);
  } catch (const std::bad_alloc &) {
    // Decoding throws it, before anybody else has the request.
    encode = nullptr;
    reply.fail(503, noMemory);
    return respond();
  }
  return phase_.exchange(Phase::Detached, std::memory_order_acq_rel) == Phase::Completed &&
         respond();
}

void Connection::watch() {
  {
    std::lock_guard lock(watchMutex_);
    watched_ = cancellation;
  }
  // All may have been closed just before.
  if (connections_.isClosed())
    cancellation->cancel();
}

void Connection::complete() {
  if (phase_.exchange(Phase::Completed, std::memory_order_acq_rel) != Phase::Detached)
    return;
  try {
    asio::post(io_, [self = shared_from_this(), this] {
      state_.store(State::Served);
      proceed();
    });
  } catch (const std::bad_alloc &) {
    // Nobody else is at it, nor comes again.
    giveUp(503, noMemory);
  }
}

bool Connection::refuse(int status, const std::string &message) {
  encode = nullptr;
  reply.fail(status, message);
  reply.closes = true;
  return respond();
}

/// Head and body go out in one write.
bool Connection::respond() {
  {
    std::lock_guard lock(watchMutex_);
    watched_.reset();
  }
  api_.finish(*this);
  enter(State::Writing, limits_.writeTimeout);
  // What was sent ahead of a drain is served before it ends.
  const bool drains = connections_.isDraining() && consumed_ == in_.size();
  reply.closes |= !request.keepsAlive || isReserve_ || drains;
  head_.clear();
  appendHead(head_, reply, !reply.closes, request.isVersion10);
  out_.assign(1, asio::buffer(head_.data(), head_.size()));
  if (!request.isHead()) {
    if (!reply.body.empty())
      out_.emplace_back(reply.body.data(), reply.body.size());
    for (std::string_view segment : reply.segments)
      out_.emplace_back(segment.data(), segment.size());
  }
  error_code error;
  const size_t written = transport_->tryWrite(out_, error);
  if (error) {
    giveUp(499, clientLeft);
    return false;
  }
  if (!takeFromOut(written))
    return true;
  transport_->write(out_, user());
  return false;
}

void Connection::onWritten(error_code error, size_t bytes) {
  const State state = state_.load(std::memory_order_relaxed);
  if (state == State::Lingering) {
    proceed();
    return;
  }
  if (error) {
    giveUp(499, state == State::Writing ? clientLeft : clientLeftEarly);
    return;
  }
  if (!takeFromOut(bytes)) {
    proceed();
    return;
  }
  if (state == State::Writing)
    enter(State::Writing, limits_.writeTimeout); // it reads
  try {
    transport_->write(out_, user());
  } catch (const std::bad_alloc &) {
    giveUp(503, noMemory);
  }
}

/// Tells whoever observes what became of the request.
void Connection::observe() {
  try {
    record.written = Clock::now();
    clip(record);
    api_.context().observer.onRequest(record);
  } catch (const std::bad_alloc &) {
    // A record less.
  }
}

/// The client cannot be answered: that is said to whoever observes.
void Connection::giveUp(int status, const char *why) {
  record.status = status;
  try {
    record.error = why;
  } catch (const std::bad_alloc &) {
    record.error.clear();
  }
  record.bytesOut = 0;
  observe();
  close();
}

/// The reply was given to the socket.
bool Connection::finishReply() {
  record.status = reply.status;
  record.error = toUtf8(reply.error);
  record.bytesOut = request.isHead() ? 0 : reply.bodyBytes();
  observe();
  if (std::exchange(isCounted_, false))
    api_.context().lifecycle.end();
  // Closing while the client still sends would have its system throw our reply away.
  const bool closes = reply.closes;
  closes ? enter(State::Lingering, lingerTime) : enterIdle();
  // Nothing of the request, such as a model that is to be unloaded, is held while idle.
  clear();
  request.clear();
  return !closes || transport_->finishWriting(user());
}

void Connection::close() {
  if (state_.exchange(State::Closed) == State::Closed)
    return;
  connections_.remove(this);
  // Nothing is pending: who calls this holds the only thread of the connection. A run that still
  // holds the exchange may outlive the io_context, so the socket goes now.
  transport_.reset();
  if (std::exchange(isCounted_, false))
    api_.context().lifecycle.end();
}

} // namespace ingot::serve::rest
