// Which acts of a block's threads come before which: what barriers and waits say, and not what the
// schedule happened to do.
//
// `now` counts what orders threads: a barrier of the block, of a warp, a wait for an asynchronous
// copy. An act is stamped with it. It came before what a thread does now if it was the thread's
// own, or is older than the block's last barrier, than the last barrier of both threads' warp, than
// what the thread has acquired by waiting for an mbarrier that the other arrived at, or, where a
// copy by hardware was the act, than the thread's last wait for one.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ingot::shim {

class Ordering {
public:
  using Stamp = uint32_t;
  /// What an mbarrier knows of each thread: what it did before this point in time has been seen.
  using Clock = std::vector<Stamp>;

  /// For a new block: all that was is over. True where stamps start anew, so that none may be kept.
  bool reset(int threads);

  Stamp now() const { return now_; }
  Stamp blockStart() const { return blockStart_; }
  Stamp lastBarrier() const { return blockFloor_; }

  void orderBlock() { blockFloor_ = ++now_; }
  void orderWarp(int warp);
  void waitedForHardware(int thread) { hardwareFloor_[static_cast<size_t>(thread)] = ++now_; }
  void asyncFence(int thread) { asyncFence_[static_cast<size_t>(thread)] = ++now_; }
  void release(int thread, Clock &clock);
  void acquire(int thread, const Clock &clock);

  /// Whether what the thread `by` did then comes before what `thread` does now.
  bool isOrdered(int by, Stamp stamp, int thread) const {
    return by == thread || stamp < blockFloor_ || isOrderedByMore(by, stamp, thread);
  }
  /// The same of one of the threads of a range, it is not known which.
  bool isAnyOrdered(size_t firstBy, size_t endBy, Stamp stamp, int thread) const;
  bool isOrderedInWarp(int warp, Stamp stamp, int thread) const {
    return thread / 32 == warp && stamp < warpFloor_[static_cast<size_t>(warp)];
  }
  bool isHardwareOrdered(Stamp stamp, int thread) const {
    return stamp < blockFloor_ || stamp < hardwareFloor_[static_cast<size_t>(thread)];
  }
  /// Whether the thread has fenced what it wrote then.
  bool isFenced(int by, Stamp stamp) const { return stamp < asyncFence_[static_cast<size_t>(by)]; }

private:
  bool isOrderedByMore(int by, Stamp stamp, int thread) const;

  Stamp now_ = 1, blockStart_ = 1, blockFloor_ = 1;
  std::vector<Stamp> warpFloor_, hardwareFloor_, asyncFence_;
  std::vector<Clock> acquired_; ///< of each thread; none while no mbarrier was waited for
};

} // namespace ingot::shim
