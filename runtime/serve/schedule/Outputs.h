// Outputs of a run, and the free list that their memory comes from and goes back to when the last
// request of that run has let go of them. Lives as long as any of them: longer than the artifact.
//
// Invariant: the text of outputs in a set is the set's own.
#ifndef INGOT_RUNTIME_SERVE_SCHEDULE_OUTPUTS_H
#define INGOT_RUNTIME_SERVE_SCHEDULE_OUTPUTS_H

#include "ingot/Tensor.h"
#include "runtime/core/AlignedMemory.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace ingot::serve {

struct OutputSet {
  std::vector<Tensor> tensors; ///< one an output
  std::vector<AlignedBlock> texts;
  std::chrono::steady_clock::time_point lastUsed;
};

class OutputPool : public std::enable_shared_from_this<OutputPool> {
public:
  /// Keeps `most` sets at most when nobody has them.
  OutputPool(size_t outputCount, size_t most) : outputCount_(outputCount), most_(most) {}

  /// One whose memory is warm, where there is one; its contents mean nothing.
  std::shared_ptr<OutputSet> take();
  /// Takes away those that nobody had since `time`, for the caller to free without locks. True:
  /// there are others that nobody has.
  bool takeIdle(std::chrono::steady_clock::time_point time,
                std::vector<std::unique_ptr<OutputSet>> &taken);
  /// Of sets that nobody has.
  int64_t idleBytes() const { return idleBytes_.load(std::memory_order_relaxed); }

private:
  void give(std::unique_ptr<OutputSet> set);

  const size_t outputCount_, most_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<OutputSet>> idle_; // the one that was used last is last
  std::atomic<int64_t> idleBytes_{0};
};

/// Makes `count` strings at `records` stand in a block of their own, which is left in `block`.
/// ResourceExhausted.
Status keepTexts(void *records, int64_t count, AlignedBlock &block);

} // namespace ingot::serve

#endif
