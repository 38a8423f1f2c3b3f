// Waiting for what other threads do soon, without giving up the CPU to sleep.
#ifndef INGOT_RUNTIME_CORE_SPIN_H
#define INGOT_RUNTIME_CORE_SPIN_H

#include <chrono>
#include <sched.h>

namespace ingot {

/// How long a thread waits before it sleeps.
constexpr std::chrono::microseconds spinTime(60);

inline void pauseCpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Waits for `condition` without sleeping, for spinTime at most; returns whether it came true.
/// Yields now and then, because whom we wait for may have been put on this very CPU.
template <typename Condition> bool spinUntil(Condition condition) {
  auto end = std::chrono::steady_clock::now() + spinTime;
  do {
    for (int turn = 0; turn < 64; ++turn) {
      if (condition())
        return true;
      pauseCpu();
    }
    sched_yield();
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

} // namespace ingot

#endif // INGOT_RUNTIME_CORE_SPIN_H
