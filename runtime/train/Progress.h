// Progress: what fit prints. On a terminal Keras's bar, redrawn in place; otherwise one line an
// epoch and never a carriage return. NO_COLOR in the environment turns colours off.
#ifndef INGOT_RUNTIME_TRAIN_PROGRESS_H
#define INGOT_RUNTIME_TRAIN_PROGRESS_H

#include "ingot/train/Trainer.h"

#include <chrono>
#include <iosfwd>
#include <string>

namespace ingot::train {

class Progress {
public:
  /// `output` NULL means std::cout.
  Progress(Verbosity verbosity, std::ostream *output);

  std::ostream &stream() const { return *out; }

  void beginEpoch(int64_t epochFromOne, int64_t epochs, int64_t steps);
  /// After `step` of the epoch's steps; draws at most every 50 ms.
  void update(int64_t step, const Logs &logs);
  /// All steps are done; what follows is validation.
  void endSteps();
  void endEpoch(const Logs &logs);
  /// Leaves a bar half drawn behind, so that something else can be printed on a line of its own.
  void interrupt();

private:
  using Clock = std::chrono::steady_clock;
  void draw(int64_t step, const std::string &timing, const Logs &logs);

  std::ostream *out;
  bool lines = false, bar = false, color = false;
  int64_t epoch = 0, epochs = 0, steps = 0;
  Clock::time_point start, stepsEnd, lastDraw;
  size_t lastWidth = 0;
};

/// " - accuracy: 0.9123 - loss: 3.1000e-05".
std::string formatLogs(const Logs &logs);
/// "8ms/step", "120us/step", "2s/step".
std::string formatStepTime(double seconds);

} // namespace ingot::train

#endif
