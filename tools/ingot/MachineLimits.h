// What this machine can do at most, measured: the roofline that bench and profile compare with.
#pragma once
#include "ingot/ThreadPool.h"
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace ingot::cli {

struct MachineLimits {
  double flopsPerSecond; ///< f32 multiply-adds, two operations each, in registers
  double bytesPerSecond; ///< read from memory, far more than caches hold
};

/// How fast work was done, and which share of the limits that is.
struct Rates {
  double flopsPerSecond, bytesPerSecond, ofPeak, ofMemory;
  Rates(double flops, double bytes, double seconds, const MachineLimits &limits);
  /// Four columns of a table, and what stands above them.
  std::string columns() const;
  static std::string heading();
};

/// Measures for about 0.2 s, with the vectors that code of `variant` ("x86-64-v3") uses, on all
/// threads of the pool.
MachineLimits measureLimits(std::string_view variant, ThreadPool &pool);

/// Watches, from when it is made, what other processes take of the machine's processors.
class OthersWatch {
public:
  OthersWatch();
  /// Their share so far; 0 where the system does not say.
  double share() const;

private:
  double machine, own; ///< seconds of processor time at the start: of everything, of this process
  std::chrono::steady_clock::time_point start;
};
/// So much spoils a measurement.
bool isNoisy(double shareOfOthers);
void warnIfNoisy(double shareOfOthers);

} // namespace ingot::cli
