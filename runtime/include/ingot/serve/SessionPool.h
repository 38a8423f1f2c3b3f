// SessionPool: sessions of one function that threads borrow for a run and give back. For services
// that call models on their own threads; those that want requests joined take a Scheduler.
//
//   auto pool = SessionPool::create(artifact, "predict", {.maxSessions = 8});
//   SessionPool::Lease session = (*pool)->acquire();
//   session->run(*state, {images});
//
// A pool may be used from any number of threads; a lease belongs to one.
#ifndef INGOT_SERVE_SESSIONPOOL_H
#define INGOT_SERVE_SESSIONPOOL_H

#include "ingot/Model.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace ingot::serve {

struct SessionPoolOptions {
  /// Sessions at the same time, each with an arena of its own; acquire waits where all are lent.
  size_t maxSessions = 16;
  SessionOptions session; ///< of each
};

class SessionPool : public std::enable_shared_from_this<SessionPool> {
public:
  /// A session that goes back to its pool when the lease ends. Empty after a move.
  class Lease {
  public:
    Lease() = default;
    Lease(Lease &&) noexcept;
    Lease &operator=(Lease &&) noexcept;
    ~Lease();
    explicit operator bool() const { return session_ != nullptr; }
    Session &operator*() const { return *session_; }
    Session *operator->() const { return session_.get(); }

  private:
    friend class SessionPool;
    Lease(std::shared_ptr<SessionPool> pool, std::unique_ptr<Session> session);
    std::shared_ptr<SessionPool> pool_;
    std::unique_ptr<Session> session_;
  };

  /// NotFound, Unsupported: as Session::create, of which one is made at once.
  static Result<std::shared_ptr<SessionPool>> create(std::shared_ptr<const Artifact> artifact,
                                                     std::string_view function,
                                                     const SessionPoolOptions &options = {});
  ~SessionPool();

  /// The session that was given back last (its memory is warm), else a new one; waits while
  /// maxSessions are lent.
  Lease acquire();
  /// An empty lease where none is free within `timeout`.
  Lease tryAcquire(std::chrono::nanoseconds timeout = {});
  /// Frees the sessions that nobody has.
  void trim();
  size_t sessionCount() const; ///< lent and idle

private:
  struct Impl;
  explicit SessionPool(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

} // namespace ingot::serve

#endif // INGOT_SERVE_SESSIONPOOL_H
