// LendingPool: things that threads borrow and give back. The one that was given back last is lent
// first: its memory is warm.
#ifndef INGOT_RUNTIME_CORE_LENDINGPOOL_H
#define INGOT_RUNTIME_CORE_LENDINGPOOL_H

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace ingot {

template <typename T> class LendingPool {
public:
  /// At most `most` are lent at the same time.
  explicit LendingPool(size_t most) : most_(most) {}

  /// Waits while all are lent, at most for `timeout` (below zero: for ever), and makes a new one
  /// with `make()`, which may return null, where none is idle. Null: none was to be had.
  template <typename Make>
  std::unique_ptr<T> take(std::chrono::nanoseconds timeout, const Make &make) {
    std::unique_lock<std::mutex> lock(mutex_);
    auto isFree = [&] { return lent_ < most_; };
    if (timeout.count() < 0)
      given_.wait(lock, isFree);
    else if (!given_.wait_for(lock, timeout, isFree))
      return nullptr;
    ++lent_;
    if (!idle_.empty()) {
      std::unique_ptr<T> taken = std::move(idle_.back());
      idle_.pop_back();
      return taken;
    }
    lock.unlock();
    std::unique_ptr<T> made = make();
    if (!made)
      give(nullptr);
    return made;
  }

  void give(std::unique_ptr<T> given) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      --lent_;
      if (given)
        idle_.push_back(std::move(given));
    }
    given_.notify_one();
  }

  /// One that is not lent now.
  void add(std::unique_ptr<T> idle) {
    std::lock_guard<std::mutex> lock(mutex_);
    idle_.push_back(std::move(idle));
  }

  /// Frees those that nobody has.
  void trim() {
    std::vector<std::unique_ptr<T>> freed;
    std::lock_guard<std::mutex> lock(mutex_);
    freed.swap(idle_);
  }

  /// Lent and idle.
  size_t count() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return lent_ + idle_.size();
  }

private:
  const size_t most_;
  mutable std::mutex mutex_;
  std::condition_variable given_;
  std::vector<std::unique_ptr<T>> idle_;
  size_t lent_ = 0;
};

} // namespace ingot

#endif // INGOT_RUNTIME_CORE_LENDINGPOOL_H
