// What this machine can do at most, measured: the roofline that bench and profile compare with.
#pragma once
#include "ingot/ThreadPool.h"
#include <cstdint>
#include <string_view>

namespace ingot::cli {

struct MachineLimits {
  double flopsPerSecond; ///< f32 multiply-adds, two operations each, in registers
  double bytesPerSecond; ///< read from memory, far more than caches hold
};

/// Measures for about 0.2 s, with the vectors that code of `variant` ("x86-64-v3") uses, on all
/// threads of the pool.
MachineLimits measureLimits(std::string_view variant, ThreadPool &pool);

/// Processor time, in seconds, since the machine started: of everything, and of this process.
struct ProcessorTime {
  double machine = 0, own = 0;
  static ProcessorTime now();
};
/// The share of the machine's processors that others used between the two; 0 where the system does
/// not say.
double shareOfOthers(const ProcessorTime &start, const ProcessorTime &end, double seconds);

} // namespace ingot::cli
