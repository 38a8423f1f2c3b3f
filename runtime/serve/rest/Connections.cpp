// See Connections.h, and of a connection what others than its own thread call.
#include "runtime/serve/rest/Connections.h"

#include "runtime/serve/rest/Connection.h"

#include <algorithm>
#include <poll.h>
#include <sys/socket.h>

namespace ingot::serve::rest {

namespace {

/// Beyond the most that there may be.
constexpr size_t reservedConnections = 8;
/// How long a connection that came before or during a drain may take to send its only request.
constexpr std::chrono::seconds firstRequestTime{1};

} // namespace

void Connection::shutDown(int how) {
  if (how != SHUT_WR)
    isReadingShut_.store(true);
  ::shutdown(transport_->handle(), how);
}

void Connection::expire(Clock::time_point now) {
  if (nanosecondsOf(now) < deadline_.load(std::memory_order_relaxed))
    return;
  const State state = state_.load(std::memory_order_acquire);
  deadline_.store(never, std::memory_order_relaxed);
  isExpired_.store(state == State::Head || state == State::Body);
  // Who waits for a request is told so, and reads no more; what has come of one that begins just
  // now is still read. Others are cut off.
  const bool reads = state == State::Idle || state == State::Head || state == State::Body;
  shutDown(reads ? SHUT_RD : SHUT_RDWR);
}

/// Of TCP it cannot be seen whether a client that closed its side still listens: it counts as gone.
/// A Unix socket tells the two apart. Where we shut the side ourselves it tells nothing.
void Connection::cancelIfGone() {
  std::lock_guard lock(watchMutex_);
  if (!watched_ || watched_->isCancelled())
    return;
  const bool sees = !isLocal() && !isReadingShut_.load();
  pollfd poll{transport_->handle(), static_cast<short>(sees ? POLLRDHUP : 0), 0};
  const short closed = static_cast<short>(poll.events | POLLHUP | POLLERR);
  if (::poll(&poll, 1, 0) == 1 && (poll.revents & closed))
    watched_->cancel();
}

/// What the socket has of a request is read all the same.
void Connection::drain(Clock::time_point now) {
  int64_t deadline = deadline_.load(std::memory_order_relaxed);
  const State state = state_.load();
  if (state == State::Idle && !isFresh_.load(std::memory_order_relaxed))
    shutDown(SHUT_RD);
  if (state != State::Handshake && state != State::Idle)
    return;
  const int64_t soon = nanosecondsOf(now + firstRequestTime);
  if (soon < deadline)
    deadline_.compare_exchange_strong(deadline, soon); // not where a request begins just now
}

bool Connections::add(Connection *connection, int most) {
  std::lock_guard lock(mutex_);
  const auto usual = static_cast<size_t>(std::max(most, 0));
  if (isClosed_ || open_.size() >= usual + reservedConnections)
    return false;
  connection->isReserve_ = open_.size() >= usual;
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
  draining_.store(true);
  std::lock_guard lock(mutex_);
  for (Connection *connection : open_)
    connection->drain(Clock::now());
}

bool Connections::isDrained() const {
  std::lock_guard lock(mutex_);
  return std::all_of(open_.begin(), open_.end(), [](const Connection *connection) {
    return connection->state_.load() == Connection::State::Lingering;
  });
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
