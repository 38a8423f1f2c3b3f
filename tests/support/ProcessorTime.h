// Clocks that stand still while others have the processor: a bound on what work costs that also
// holds on a busy machine. Since some point in the past, in seconds.
#pragma once
#include <ctime>
#include <sys/resource.h>

namespace ingot::tests {

/// Processor time of the calling thread.
inline double threadSeconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Processor time of the child processes that have ended.
inline double childrenSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_CHILDREN, &usage);
  auto seconds = [](const timeval &t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

} // namespace ingot::tests
