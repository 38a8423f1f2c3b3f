#include "Ordering.h"

#include <algorithm>

namespace ingot::shim {

bool Ordering::reset(int threads) {
  const bool again = now_ > 0x7fffffff;
  if (again)
    now_ = 1;
  blockStart_ = blockFloor_ = ++now_;
  const size_t count = static_cast<size_t>(threads);
  warpFloor_.assign((count + 31) / 32, 0);
  hardwareFloor_.assign(count, 0);
  asyncFence_.assign(count, 0);
  acquired_.clear();
  return again;
}

bool Ordering::isOrderedByMore(int by, Stamp stamp, int thread) const {
  return isOrderedInWarp(by / 32, stamp, thread) ||
         isAnyOrdered(static_cast<size_t>(by), static_cast<size_t>(by) + 1, stamp, thread);
}

bool Ordering::isAnyOrdered(size_t firstBy, size_t endBy, Stamp stamp, int thread) const {
  if (acquired_.empty())
    return false;
  const Clock &clock = acquired_[static_cast<size_t>(thread)];
  return std::any_of(clock.begin() + static_cast<long>(firstBy),
                     clock.begin() + static_cast<long>(std::min(endBy, clock.size())),
                     [&](Stamp seen) { return stamp < seen; });
}

void Ordering::release(int thread, Clock &clock) {
  const size_t count = hardwareFloor_.size(), self = static_cast<size_t>(thread), warp = self / 32;
  clock.resize(count);
  if (!acquired_.empty())
    for (size_t i = 0; i < count; ++i)
      clock[i] = std::max(clock[i], acquired_[self][i]);
  for (size_t i = warp * 32; i < std::min(warp * 32 + 32, count); ++i)
    clock[i] = std::max(clock[i], warpFloor_[warp]);
  clock[self] = ++now_;
}

void Ordering::acquire(int thread, const Clock &clock) {
  if (acquired_.empty())
    acquired_.assign(hardwareFloor_.size(), Clock(hardwareFloor_.size()));
  Clock &mine = acquired_[static_cast<size_t>(thread)];
  for (size_t i = 0; i < clock.size(); ++i)
    mine[i] = std::max(mine[i], clock[i]);
}

void Ordering::orderWarp(int warp) {
  warpFloor_[static_cast<size_t>(warp)] = ++now_;
  // What one lane has waited for, all may read.
  const size_t first = static_cast<size_t>(warp) * 32;
  const size_t end = std::min(first + 32, hardwareFloor_.size());
  Stamp latest = 0;
  for (size_t i = first; i < end; ++i)
    latest = std::max(latest, hardwareFloor_[i]);
  for (size_t i = first; i < end; ++i)
    hardwareFloor_[i] = latest;
  if (acquired_.empty())
    return;
  Clock all;
  for (size_t i = first; i < end; ++i)
    release(static_cast<int>(i), all);
  for (size_t i = first; i < end; ++i)
    acquire(static_cast<int>(i), all);
}

} // namespace ingot::shim
