// Statistics of one function of a loaded version: what /metrics, the statistics API and the status
// page show. Written by inference/InferenceService for every request and by the scheduler
// for every run, read by anybody.
//
// Invariant: counters only grow, in memory order relaxed: a reader sees each counter right, but two
// of them not of the same moment. Times are of the monotonic clock.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_STATISTICS_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_STATISTICS_H

#include "ingot/serve/Scheduler.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

namespace ingot::serve {

/// Values in buckets; bounds are the inclusive upper ends, the last bucket has no end.
template <size_t Bounds> class Histogram {
public:
  explicit Histogram(const std::array<double, Bounds> &bounds) : bounds_(bounds) {}
  void add(double value, uint64_t times = 1) {
    size_t bucket = 0;
    while (bucket < Bounds && value > bounds_[bucket])
      ++bucket;
    counts_[bucket].fetch_add(times, std::memory_order_relaxed);
    double sum = sum_.load(std::memory_order_relaxed);
    while (!sum_.compare_exchange_weak(sum, sum + value * static_cast<double>(times),
                                       std::memory_order_relaxed)) {
    }
  }
  const std::array<double, Bounds> &bounds() const { return bounds_; }
  /// Of bucket 0 <= i <= Bounds, not cumulative.
  uint64_t count(size_t bucket) const { return counts_[bucket].load(std::memory_order_relaxed); }
  double sum() const { return sum_.load(std::memory_order_relaxed); }

private:
  const std::array<double, Bounds> &bounds_;
  std::array<std::atomic<uint64_t>, Bounds + 1> counts_{};
  std::atomic<double> sum_{0};
};

/// 20 us to 60 s, about three a decade.
inline constexpr std::array<double, 20> secondsBounds = {
    20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 20e-3,
    50e-3, 0.1,   0.2,    0.5,    1,      2,    5,    10,   30,    60};
inline constexpr std::array<double, 13> rowsBounds = {1,   2,   4,   8,    16,   32,  64,
                                                      128, 256, 512, 1024, 2048, 4096};

/// How often, and how long in all.
struct CountAndTime {
  std::atomic<uint64_t> count{0}, nanoseconds{0};
  void add(std::chrono::nanoseconds time, uint64_t times = 1) {
    count.fetch_add(times, std::memory_order_relaxed);
    nanoseconds.fetch_add(static_cast<uint64_t>(time.count()), std::memory_order_relaxed);
  }
};

class FunctionStatistics {
public:
  CountAndTime success, fail, queue, computeInput, computeInfer, computeOutput;
  /// Why requests failed: refused because the queue was full, given up by the client, the rest.
  std::atomic<uint64_t> rejected{0}, cancelled{0}, failedOtherwise{0};
  std::atomic<uint64_t> inferences{0};                           ///< rows of successful requests
  std::atomic<uint64_t> executions{0};                           ///< runs of the compiled function
  std::atomic<int64_t> lastInferenceMs{0};                       ///< milliseconds since 1970
  std::atomic<int64_t> pending{0};                               ///< accepted and not yet answered
  Histogram<secondsBounds.size()> requestSeconds{secondsBounds}; ///< arrival to reply, successes
  Histogram<secondsBounds.size()> queueSeconds{secondsBounds};
  Histogram<secondsBounds.size()> runSeconds{secondsBounds};
  Histogram<rowsBounds.size()> runRows{rowsBounds};
  Histogram<rowsBounds.size()> requestRows{rowsBounds}; ///< of successful requests

  /// Runs by their number of rows; 1 where the function has no batch.
  struct Batch {
    uint64_t runs = 0;
    std::chrono::nanoseconds input{0}, infer{0}, output{0};
  };
  void addRun(const RunRecord &record) {
    int64_t rows = std::max<int64_t>(record.rows, 1);
    executions.fetch_add(1, std::memory_order_relaxed);
    runSeconds.add(std::chrono::duration<double>(record.run).count());
    runRows.add(static_cast<double>(rows));
    std::lock_guard<std::mutex> lock(mutex_);
    Batch &batch = batches_[rows];
    ++batch.runs;
    batch.input += record.gather;
    batch.infer += record.run;
    batch.output += record.scatter;
  }
  std::map<int64_t, Batch> batches() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return batches_;
  }

private:
  mutable std::mutex mutex_;
  std::map<int64_t, Batch> batches_;
};

} // namespace ingot::serve

#endif
