// StepsUnderWay: steps over batches, in order, of which one may work on a device while the batch
// of the next is read and uploaded.
//
// Invariant: `finish` looks at the steps in their order, and behind one that failed at none. So a
// loop that ends by an error calls it before it tells that: the error of an earlier step comes
// first.
#ifndef INGOT_RUNTIME_TRAIN_STEPSUNDERWAY_H
#define INGOT_RUNTIME_TRAIN_STEPSUNDERWAY_H

#include "runtime/train/Feed.h"

#include <deque>

namespace ingot::train {

class StepsUnderWay {
public:
  struct Step {
    int64_t index; ///< of its batch
    int64_t rows;
  };

  /// Both outlive it, and the session is its own meanwhile.
  StepsUnderWay(Session &session, State &state) : session(session), state(state) {}
  ~StepsUnderWay() { leave(); }
  StepsUnderWay(const StepsUnderWay &) = delete;
  StepsUnderWay &operator=(const StepsUnderWay &) = delete;

  /// At most one is under way. The batch may change when it returns.
  Status start(int64_t index, const FedBatch &batch) {
    if (const Status started = session.start(state, batch.views); !started.isOk())
      return started.withContext(where(index));
    steps.push_back({index, batch.rows});
    return Status();
  }

  /// Waits for all but the last `left`, in order. `done(step)` gives a Status, and finds the step's
  /// outputs in the session.
  template <typename Done> Status finish(size_t left, const Done &done) {
    while (steps.size() > left) {
      const Step step = steps.front();
      steps.pop_front();
      Status status = session.wait();
      status = status.isOk() ? done(step) : status.withContext(where(step.index));
      if (!status.isOk()) {
        leave();
        return status;
      }
    }
    return Status();
  }
  bool isEmpty() const { return steps.empty(); }

private:
  std::string where(int64_t index) const {
    return "'" + std::string(session.function().name) + "', batch " + std::to_string(index);
  }
  void leave() {
    steps.clear();
    while (session.runsUnderWay() > 0)
      (void)session.wait();
  }

  Session &session;
  State &state;
  std::deque<Step> steps;
};

} // namespace ingot::train

#endif
