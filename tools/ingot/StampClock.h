// A clock whose reading costs little beside a kernel of a microsecond: the processor's time stamp
// where that is steady, else the system's clock. Used by profile.
#pragma once
#include <chrono>
#include <cstdint>
#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

namespace ingot::cli {

class StampClock {
public:
  StampClock() : start(System::now()), first(now()) {}

  int64_t now() const {
#if defined(__x86_64__)
    if (isSteady)
      return static_cast<int64_t>(__rdtsc());
#endif
    return System::now().time_since_epoch().count();
  }
  /// Seconds of one tick, by the system's clock since this was made.
  double tick() const {
    double seconds = std::chrono::duration<double>(System::now() - start).count();
    return seconds / static_cast<double>(now() - first);
  }

private:
  using System = std::chrono::steady_clock;

  /// Whether the stamp has one rate, whatever the processor's frequency, also when it sleeps.
  static bool stampIsSteady() {
#if defined(__x86_64__)
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) && (edx & (1u << 8));
#else
    return false;
#endif
  }

  bool isSteady = stampIsSteady();
  System::time_point start;
  int64_t first;
};

} // namespace ingot::cli
