// What the processor counts while this process runs: cycles, instructions, misses of the last-level
// cache, by Linux's perf_event_open; where those cannot be had, what the kernel counts. Used by
// `ingot profile --counters`.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ingot::cli {

class PerfCounters {
public:
  static constexpr size_t kCount = 3;
  enum Kind { Hardware, Software, None };
  using Counts = std::array<double, kCount>;

  /// The hardware's counters, else the kernel's, else none. Threads that are started later are
  /// counted too, so this comes before the pool of threads.
  static PerfCounters open();
  /// Those of one kind, or none.
  static PerfCounters open(Kind wanted);

  Kind kind() const { return found; }
  /// Why there are no hardware counters, and what to do; empty where there are.
  const std::string &problem() const { return reason; }
  /// Since the start; all zero where there are none. Hardware: cycles, instructions, cache misses;
  /// software: seconds of processor time, page faults, context switches.
  Counts read() const;
  /// Names for JSON, in the order of read().
  std::array<const char *, kCount> names() const;

  /// What a failed perf_event_open means to the user. `paranoid` is the content of
  /// /proc/sys/kernel/perf_event_paranoid, empty where it cannot be read.
  static std::string explain(int error, const std::string &paranoid);

private:
  struct Close {
    void operator()(const int *file) const;
  };

  Kind found = None;
  std::string reason;
  std::vector<std::unique_ptr<const int, Close>> files;
};

} // namespace ingot::cli
