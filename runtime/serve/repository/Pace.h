// Pace: makes a thread that has much to do leave three quarters of its time to others. The lowest
// priority keeps it from taking processors; this keeps it from taking caches and memory's
// bandwidth, which know no priorities.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_PACE_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_PACE_H

#include <algorithm>
#include <cstdint>
#include <ctime>

namespace ingot::serve {

/// Of one thread: that which first calls pause.
class Pace {
public:
  /// To be called again and again while working: after each half millisecond of the thread's own
  /// time, sleeps for three times as long as it was. What takes a few milliseconds in all is too
  /// little to be noticed.
  void pause() {
    constexpr int64_t least = 500'000, unnoticed = 4'000'000;
    const int64_t worked = threadTime();
    if (begin_ < 0)
      begin_ = worked + unnoticed;
    if (worked < begin_ + least)
      return;
    // A piece that was long, such as a kernel, is not atoned for in one sleep.
    const timespec sleep = {
        0, static_cast<long>(std::min<int64_t>(3 * (worked - begin_), 100'000'000))};
    nanosleep(&sleep, nullptr);
    begin_ = worked;
  }

private:
  static int64_t threadTime() {
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  }
  int64_t begin_ = -1; ///< from when on time is to be atoned for
};

} // namespace ingot::serve

#endif
