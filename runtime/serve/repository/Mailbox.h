// Mailbox: what other threads ask of the repository's thread.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_MAILBOX_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_MAILBOX_H

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>

namespace ingot::serve {

class Mailbox {
public:
  using Clock = std::chrono::steady_clock;

  /// False: nobody reads it any more, and `call` is not kept.
  bool post(std::function<void()> call) {
    {
      std::lock_guard lock(mutex_);
      if (isClosed_)
        return false;
      calls_.push_back(std::move(call));
    }
    changed_.notify_one();
    return true;
  }

  /// What came since the last call, waiting for it until `deadline`.
  std::deque<std::function<void()>> take(Clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    auto hasSome = [this] { return !calls_.empty(); };
    if (deadline == Clock::time_point::max()) // which wait_until would overflow
      changed_.wait(lock, hasSome);
    else
      changed_.wait_until(lock, deadline, hasSome);
    return std::exchange(calls_, {});
  }

  /// What is in it is destroyed, not called.
  void close() {
    std::deque<std::function<void()>> dropped; // outside the lock: they may post
    std::lock_guard lock(mutex_);
    isClosed_ = true;
    dropped.swap(calls_);
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> calls_;
  bool isClosed_ = false;
};

} // namespace ingot::serve

#endif
