#include "ingot/serve/SessionPool.h"
#include "runtime/core/LendingPool.h"

#include <algorithm>
#include <string>

namespace ingot::serve {

struct SessionPool::Impl {
  Impl(std::shared_ptr<const Artifact> artifact, std::string_view function,
       const SessionPoolOptions &options)
      : artifact(std::move(artifact)), function(function), options(options.session),
        sessions(options.maxSessions) {}

  const std::shared_ptr<const Artifact> artifact;
  const std::string function;
  const SessionOptions options;
  LendingPool<Session> sessions;

  std::unique_ptr<Session> take(std::chrono::nanoseconds timeout) {
    return sessions.take(timeout, [&] {
      auto made = Session::create(artifact, function, options); // as when the pool was made
      return std::make_unique<Session>(std::move(*made));
    });
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
  auto impl = std::make_unique<Impl>(std::move(artifact), function, options);
  impl->sessions.add(std::make_unique<Session>(std::move(first)));
  return std::shared_ptr<SessionPool>(new SessionPool(std::move(impl)));
}

SessionPool::Lease SessionPool::acquire() {
  return Lease(shared_from_this(), impl_->take(std::chrono::nanoseconds(-1)));
}

SessionPool::Lease SessionPool::tryAcquire(std::chrono::nanoseconds timeout) {
  auto session = impl_->take(std::max(timeout, std::chrono::nanoseconds(0)));
  return session ? Lease(shared_from_this(), std::move(session)) : Lease();
}

void SessionPool::trim() { impl_->sessions.trim(); }
size_t SessionPool::sessionCount() const { return impl_->sessions.count(); }

//===----------------------------------------------------------------------===//
// Lease
//===----------------------------------------------------------------------===//

SessionPool::Lease::Lease(std::shared_ptr<SessionPool> pool, std::unique_ptr<Session> session)
    : pool_(std::move(pool)), session_(std::move(session)) {}

SessionPool::Lease::Lease(Lease &&) noexcept = default;

SessionPool::Lease &SessionPool::Lease::operator=(Lease &&other) noexcept {
  Lease former(std::move(*this)); // goes back now
  pool_ = std::move(other.pool_);
  session_ = std::move(other.session_);
  return *this;
}

SessionPool::Lease::~Lease() {
  if (session_)
    pool_->impl_->sessions.give(std::move(session_));
}

} // namespace ingot::serve
