// Runner: a session, and what it takes to run a batch of requests in it: joining their inputs,
// giving each its rows of the outputs. One of a queue's few; a thread at a time has it.
//
// A request that runs alone is run on its own memory. Outputs are written to a set that the
// requests of the run then share, each seeing its rows: nothing is copied. Only requests that are
// split and end in a run with others have their rows copied.
#ifndef INGOT_RUNTIME_SERVE_SCHEDULE_RUNNER_H
#define INGOT_RUNTIME_SERVE_SCHEDULE_RUNNER_H

#include "runtime/serve/schedule/Joining.h"
#include "runtime/serve/schedule/Pending.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace ingot::serve {

class Runner {
public:
  /// The state, the pool and what `threads` has outlive it.
  Runner(Session session, State &state, const Joining &joining, bool isStream, OutputPool &outputs,
         const SessionOptions &threads);
  Runner(const Runner &) = delete;
  Runner &operator=(const Runner &) = delete;

  /// What the run takes; filled by the queue.
  std::vector<Part> parts;
  int64_t rows = 0;
  Clock::time_point lastUsed;
  double charged = 0; ///< ns that the queue was charged for the run in advance

  /// Runs the parts. Each has its status then, and what it succeeded in is in its request's
  /// outcome, or its part of `whole`. Where a joined run fails, its parts are run one by one, so
  /// that none fails for another.
  void run();

  std::chrono::nanoseconds gatherTime{0}, runTime{0}, scatterTime{0};
  /// Arena and gathered inputs, after the last run.
  int64_t bytes() const { return bytes_; }

private:
  static int isCancelled(void *runner, int64_t kernel);
  void runParts(size_t first, size_t count);
  Status gather(size_t first, size_t count);
  Status runSession(OutputSet &set, Part *alone);
  Status runStream(Pending &pending);
  Status scatter(const std::shared_ptr<OutputSet> &set, size_t first, size_t count);
  Status giveRows(const std::shared_ptr<OutputSet> &set, Part &part, int64_t at, int64_t total);
  Status wrongRows(size_t output, const Tensor &got, int64_t rows) const;
  Status copyRows(const OutputSet &set, Part &part, int64_t at, int64_t total);

  Session session_;
  State &state_;
  const Joining &joining_;
  OutputPool &outputs_;
  const ingot_function &function_;
  const bool isStream_;
  size_t first_ = 0, count_ = 0; // of the parts that run now
  std::vector<TensorView> views_;
  std::vector<Tensor> gathered_;
  std::vector<Shape> dims_; // of inputs of a part
  int64_t bytes_ = 0;
};

/// Sizes and memory for the outputs of a request that is split, from what its symbols say.
Result<std::shared_ptr<OutputSet>> makeWhole(const ingot_function &function,
                                             const std::vector<int64_t> &symbols);

} // namespace ingot::serve

#endif
