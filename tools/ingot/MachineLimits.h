// What this machine can do at most, measured, or of a GPU, published: the roofline that bench and
// profile compare with.
#pragma once
#include "ingot/Model.h"
#include <chrono>
#include <cstdint>
#include <string>

namespace ingot::cli {

/// 0: it is not known.
struct MachineLimits {
  double flopsPerSecond; ///< f32 multiply-adds, two operations each, in registers
  double bytesPerSecond; ///< read from memory, far more than caches hold
};

/// How fast work was done, and which share of the limits that is; not finite where these are not
/// known.
struct Rates {
  double flopsPerSecond, bytesPerSecond, ofPeak, ofMemory;
  Rates(double flops, double bytes, double seconds, const MachineLimits &limits);
  /// Four columns of a table, and what stands above them.
  std::string columns() const;
  static std::string heading();
};

/// Of where the artifact runs. On this machine they are measured, for about 0.2 s, with the vectors
/// that code of its variant uses, on all threads of the pool. On a GPU they are those that are
/// published of the one that stands for its architecture (docs/Gpu.md), of f32; nothing is known of
/// other devices.
MachineLimits limitsOf(const Artifact &artifact, ThreadPool &pool);

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
