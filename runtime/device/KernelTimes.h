// KernelTimes: what a run's kernels took, from points in time before and behind each. The host's
// points are times; a device's are marks in its queue, which have times once the run is done.
#ifndef INGOT_RUNTIME_DEVICE_KERNELTIMES_H
#define INGOT_RUNTIME_DEVICE_KERNELTIMES_H

#include "ingot/artifact.h"

#include <chrono>
#include <cstdint>
#include <vector>

namespace ingot {

struct HostClock {
  using Point = std::chrono::steady_clock::time_point;
  static Point now() { return std::chrono::steady_clock::now(); }
  static double seconds(Point from, Point to) {
    return std::chrono::duration<double>(to - from).count();
  }
};

/// Of one run at a time.
template <typename Clock> class KernelTimes {
public:
  using Timed = void (*)(void *user, int64_t kernel, double seconds);

  /// Takes the place of the run's callbacks, which are called all the same; nothing without
  /// `timed`.
  void attach(ingot_run &run, Timed timed) {
    kernels_.clear();
    timed_ = timed;
    if (!timed)
      return;
    begin_ = run.begin;
    end_ = run.end;
    user_ = run.user;
    run.user = this;
    run.begin = [](void *self, int64_t kernel) {
      return static_cast<KernelTimes *>(self)->begin(kernel);
    };
    run.end = [](void *self, int64_t kernel) { static_cast<KernelTimes *>(self)->end(kernel); };
  }

  /// Tells `timed` of the kernels that ended. Once a run, when it is done.
  void report() {
    for (const Kernel &kernel : kernels_)
      if (kernel.hasEnded)
        timed_(user_, kernel.number, clock.seconds(kernel.from, kernel.to));
    kernels_.clear();
  }

  Clock clock;

private:
  struct Kernel {
    int64_t number;
    typename Clock::Point from, to;
    bool hasEnded;
  };

  int begin(int64_t kernel) {
    if (begin_)
      if (int cancelled = begin_(user_, kernel))
        return cancelled;
    auto from = clock.now();
    kernels_.push_back({kernel, from, from, false});
    return 0;
  }
  void end(int64_t kernel) {
    if (!kernels_.empty()) {
      kernels_.back().to = clock.now();
      kernels_.back().hasEnded = true;
    }
    if (end_)
      end_(user_, kernel);
  }

  std::vector<Kernel> kernels_;
  Timed timed_ = nullptr;
  int (*begin_)(void *user, int64_t kernel) = nullptr;
  void (*end_)(void *user, int64_t kernel) = nullptr;
  void *user_ = nullptr;
};

} // namespace ingot

#endif // INGOT_RUNTIME_DEVICE_KERNELTIMES_H
