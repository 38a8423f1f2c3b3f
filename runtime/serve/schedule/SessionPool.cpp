#include "ingot/serve/SessionPool.h"

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

namespace ingot::serve {

struct SessionPool::Impl {
  std::shared_ptr<const Artifact> artifact;
  std::string function;
  SessionPoolOptions options;
  mutable std::mutex mutex;
  std::condition_variable given;
  std::vector<std::unique_ptr<Session>> idle; // the last one was given back last
  size_t lent = 0;

  bool isFree() const { return !idle.empty() || lent < options.maxSessions; }

  /// With the mutex, where one is free.
  std::unique_ptr<Session> take() {
    ++lent;
    if (idle.empty()) {
      auto made = Session::create(artifact, function, options.session); // as when the pool was made
      return std::make_unique<Session>(std::move(*made));
    }
    std::unique_ptr<Session> session = std::move(idle.back());
    idle.pop_back();
    return session;
  }

  void give(std::unique_ptr<Session> session) {
    {
      std::lock_guard<std::mutex> lock(mutex);
      --lent;
      idle.push_back(std::move(session));
    }
    given.notify_one();
  }
};

SessionPool::SessionPool(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SessionPool::~SessionPool() = default;

Result<std::shared_ptr<SessionPool>> SessionPool::create(std::shared_ptr<const Artifact> artifact,
                                                         std::string_view function,
                                                         const SessionPoolOptions &options) {
  if (!artifact || options.maxSessions == 0)
    return Status(StatusCode::InvalidArgument,
                  "a session pool needs an artifact and one session at least");
  INGOT_ASSIGN_OR_RETURN(Session first, Session::create(artifact, function, options.session));
  auto impl = std::make_unique<Impl>();
  impl->artifact = std::move(artifact);
  impl->function = function;
  impl->options = options;
  impl->idle.push_back(std::make_unique<Session>(std::move(first)));
  return std::shared_ptr<SessionPool>(new SessionPool(std::move(impl)));
}

SessionPool::Lease SessionPool::acquire() {
  std::unique_lock<std::mutex> lock(impl_->mutex);
  impl_->given.wait(lock, [&] { return impl_->isFree(); });
  return Lease(shared_from_this(), impl_->take());
}

SessionPool::Lease SessionPool::tryAcquire(std::chrono::nanoseconds timeout) {
  std::unique_lock<std::mutex> lock(impl_->mutex);
  if (!impl_->given.wait_for(lock, timeout, [&] { return impl_->isFree(); }))
    return Lease();
  return Lease(shared_from_this(), impl_->take());
}

void SessionPool::trim() {
  std::vector<std::unique_ptr<Session>> freed;
  std::lock_guard<std::mutex> lock(impl_->mutex);
  freed.swap(impl_->idle);
}

size_t SessionPool::sessionCount() const {
  std::lock_guard<std::mutex> lock(impl_->mutex);
  return impl_->lent + impl_->idle.size();
}

//===----------------------------------------------------------------------===//
// Lease
//===----------------------------------------------------------------------===//

SessionPool::Lease::Lease(std::shared_ptr<SessionPool> pool, std::unique_ptr<Session> session)
    : pool_(std::move(pool)), session_(std::move(session)) {}

SessionPool::Lease::Lease(Lease &&) noexcept = default;

SessionPool::Lease &SessionPool::Lease::operator=(Lease &&other) noexcept {
  std::swap(pool_, other.pool_); // what this had goes back with `other`
  std::swap(session_, other.session_);
  return *this;
}

SessionPool::Lease::~Lease() {
  if (session_)
    pool_->impl_->give(std::move(session_));
}

} // namespace ingot::serve
