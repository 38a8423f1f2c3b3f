// See Connection.h.
#include "runtime/serve/rest/Connection.h"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <limits>
#include <poll.h>
#include <sys/socket.h>

namespace ingot::serve::rest {

namespace {

constexpr size_t headRoom = size_t{8} << 10, chunkRoom = size_t{64} << 10;
constexpr size_t bodyRoom = size_t{4} << 20;
/// What one turn reads of a body before others get theirs.
constexpr size_t bytesPerTurn = size_t{8} << 20;
/// How long a client that was refused may go on sending before it is cut off.
constexpr std::chrono::seconds lingerTime{2};

int64_t nanosecondsOf(Clock::time_point time) { return time.time_since_epoch().count(); }
constexpr int64_t never = std::numeric_limits<int64_t>::max();

} // namespace

Connection::Connection(asio::io_context &io, RestApi &api, Connections &connections,
                       std::unique_ptr<Transport> transport, std::string peer)
    : io_(io), api_(api), connections_(connections), limits_(api.context().limits),
      transport_(std::move(transport)), parser_(limits_), deadline_(never) {
  record.peer = std::move(peer);
}

Connection::~Connection() { close(); }

std::shared_ptr<TransportUser> Connection::user() {
  return {shared_from_this(), static_cast<TransportUser *>(this)};
}

void Connection::enter(State state, std::chrono::seconds timeout) {
  deadline_.store(nanosecondsOf(Clock::now() + timeout), std::memory_order_relaxed);
  state_.store(state, std::memory_order_release);
}

void Connection::enter(State state) {
  deadline_.store(never, std::memory_order_relaxed);
  state_.store(state, std::memory_order_release);
}

void Connection::start() {
  enter(State::Handshake, limits_.headerTimeout);
  transport_->handshake(user());
}

void Connection::onHandshake(error_code error) {
  if (error) {
    close();
    return;
  }
  enter(State::Idle, limits_.idleTimeout);
  proceed();
}

/// Takes steps until one has to wait. Memory may end in any of them: then this client is let go.
void Connection::proceed() {
  try {
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
  } catch (const std::bad_alloc &) {
    close();
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
  // Heads and chunk headers end before that; else they have no end.
  if (in_.size() > limits_.headerBytes + chunkRoom)
    return refuse(400, "malformed HTTP: a line has no end");
  readsBody_ = false;
  transport_->read(in_.room(room), room, user());
  return false;
}

void Connection::onRead(error_code error, size_t bytes) {
  const State state = state_.load(std::memory_order_relaxed);
  if (error || bytes == 0) {
    const bool isInRequest = state == State::Head || state == State::Body;
    if (isInRequest && isExpired_.exchange(false) &&
        refuse(408, "the request did not come in time"))
      proceed();
    else if (state_.load(std::memory_order_relaxed) == state)
      close();
    return;
  }
  if (readsBody_)
    parser_.filled(bytes);
  else
    in_.advance(bytes);
  proceed();
}

bool Connection::beginRequest() {
  if (consumed_ == in_.size()) {
    // Connections may be idle for long, and many.
    if (in_.capacity() > 2 * headRoom) {
      in_ = Bytes();
      consumed_ = 0;
    }
    return waitForBytes(headRoom);
  }
  enter(State::Head, limits_.headerTimeout);
  clear();
  parser_.reset(request);
  record.received = record.parsed = Clock::now();
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
    return refuse(parser_.errorStatus(), parser_.error());
  case RequestParser::State::Body:
  case RequestParser::State::Done:
    break;
  }
  const bool hasBody = parser_.state() == RequestParser::State::Body;
  isRefused_ = !api_.admit(*this);
  // Who asks whether the server is well is answered, however much it has to do.
  if (!isCounted_ && traitsOf(route.api).group != ApiGroup::Health) {
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
  out_.assign(1, asio::buffer(text + written, size - written));
  sendsContinue_ = true;
  transport_->write(out_, user());
  return false;
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
    reply.fail(503, "there is not enough memory for this request");
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
  asio::post(io_, [self = shared_from_this(), this] {
    try {
      if (respond())
        proceed();
    } catch (const std::bad_alloc &) {
      close();
    }
  });
}

bool Connection::refuse(int status, const std::string &message) {
  std::string headers = std::move(reply.headers);
  reply.fail(status, message);
  reply.headers = std::move(headers);
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
  reply.closes |= !request.keepsAlive || connections_.isDraining();
  head_.clear();
  appendHead(head_, reply, !reply.closes, request.isVersion10);
  out_.assign(1, asio::buffer(head_.data(), head_.size()));
  if (!request.isHead()) {
    if (!reply.body.empty())
      out_.emplace_back(reply.body.data(), reply.body.size());
    for (std::string_view segment : reply.segments)
      out_.emplace_back(segment.data(), segment.size());
  }
  const size_t size = asio::buffer_size(out_);
  error_code error;
  const size_t written = transport_->tryWrite(out_, error);
  if (error) {
    giveUp();
    return false;
  }
  if (written == size)
    return true;
  for (size_t left = written; left > 0;) {
    const size_t part = std::min(left, out_.front().size());
    out_.front() += part;
    left -= part;
    if (out_.front().size() == 0)
      out_.erase(out_.begin());
  }
  transport_->write(out_, user());
  return false;
}

void Connection::onWritten(error_code error) {
  if (error)
    giveUp();
  sendsContinue_ = false; // and now the body
  proceed();
}

/// The client does not take the reply: that is said to whoever observes, not to the client.
void Connection::giveUp() {
  record.status = 499;
  record.error = "the client closed the connection before the reply was written";
  record.bytesOut = 0;
  record.written = Clock::now();
  api_.context().observer.onRequest(record);
  close();
}

/// The reply was given to the socket.
bool Connection::finishReply() {
  record.status = reply.status;
  record.error = reply.error;
  record.bytesOut = request.isHead() ? 0 : reply.bodyBytes();
  record.written = Clock::now();
  api_.context().observer.onRequest(record);
  if (std::exchange(isCounted_, false))
    api_.context().lifecycle.end();
  // Nothing of the request, such as a model that is to be unloaded, is held while idle.
  const bool closes = reply.closes;
  clear();
  request.clear();
  if (closes) {
    linger();
    return state_.load(std::memory_order_relaxed) == State::Lingering;
  }
  enter(State::Idle, limits_.idleTimeout);
  // A drain that came meanwhile did not see this connection idle.
  if (connections_.isDraining())
    shutDown(SHUT_RD);
  return true;
}

/// Closing while the client still sends would have its system throw our reply away.
void Connection::linger() {
  enter(State::Lingering, lingerTime);
  ::shutdown(transport_->handle(), SHUT_WR);
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

void Connection::shutDown(int how) { ::shutdown(transport_->handle(), how); }

void Connection::expire(Clock::time_point now) {
  if (nanosecondsOf(now) < deadline_.load(std::memory_order_relaxed))
    return;
  const State state = state_.load(std::memory_order_acquire);
  deadline_.store(never, std::memory_order_relaxed);
  isExpired_.store(true);
  // Who waits for a request is told so, and reads no more; others are cut off.
  shutDown(state == State::Head || state == State::Body ? SHUT_RD : SHUT_RDWR);
}

/// Of TCP it cannot be seen whether a client that closed its side still listens: it counts as gone.
/// A Unix socket tells the two apart.
void Connection::cancelIfGone() {
  std::lock_guard lock(watchMutex_);
  if (!watched_ || watched_->isCancelled())
    return;
  const bool isLocal = record.peer.rfind("unix:", 0) == 0;
  const short closed = isLocal ? POLLHUP | POLLERR : POLLHUP | POLLERR | POLLRDHUP;
  pollfd poll{transport_->handle(), static_cast<short>(closed & ~(POLLHUP | POLLERR)), 0};
  if (::poll(&poll, 1, 0) == 1 && (poll.revents & closed))
    watched_->cancel();
}

bool Connections::add(Connection *connection, int most) {
  std::lock_guard lock(mutex_);
  if (isClosed_ || open_.size() >= static_cast<size_t>(std::max(most, 0)))
    return false;
  open_.insert(connection);
  return true;
}

void Connections::remove(Connection *connection) {
  std::lock_guard lock(mutex_);
  open_.erase(connection);
  if (open_.empty())
    isEmpty_.notify_all();
}

void Connections::sweep(Clock::time_point now) {
  std::lock_guard lock(mutex_);
  for (Connection *connection : open_) {
    connection->expire(now);
    connection->cancelIfGone();
  }
}

void Connections::drain() {
  draining_.store(true, std::memory_order_release);
  std::lock_guard lock(mutex_);
  for (Connection *connection : open_)
    if (connection->state_.load(std::memory_order_acquire) == Connection::State::Idle)
      connection->shutDown(SHUT_RD);
}

void Connections::closeAll() {
  std::unique_lock lock(mutex_);
  isClosed_.store(true);
  for (Connection *connection : open_) {
    connection->shutDown(SHUT_RDWR);
    std::lock_guard watch(connection->watchMutex_);
    if (connection->watched_)
      connection->watched_->cancel();
  }
  isEmpty_.wait(lock, [&] { return open_.empty(); });
}

} // namespace ingot::serve::rest
