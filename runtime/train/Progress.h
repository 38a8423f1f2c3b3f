// Progress: what fit, evaluate and predict print: Keras's bar, or one line an epoch, in its text to
// the letter. NO_COLOR in the environment leaves the escape sequences out, and on a terminal a bar
// that would wrap, and so could not be redrawn in place, is cut.
#ifndef INGOT_RUNTIME_TRAIN_PROGRESS_H
#define INGOT_RUNTIME_TRAIN_PROGRESS_H

#include "ingot/train/Trainer.h"

#include <functional>
#include <iosfwd>
#include <string>

namespace ingot::train {

class Progress {
public:
  /// Seconds, of any origin, never going back.
  using Clock = std::function<double()>;

  /// `output` NULL means std::cout; `clock` empty: the system's.
  Progress(Verbosity verbosity, std::ostream *output, int64_t epochs, std::optional<int64_t> steps,
           Clock clock = {});

  std::ostream &stream() const { return *out; }
  /// Keras's number: 0 silent, 1 a bar, 2 lines.
  int verbose() const { return level; }

  /// Begins an epoch of fit, from 0.
  void beginEpoch(int64_t epoch);
  /// Begins the one bar of evaluate or predict.
  void begin();
  /// Whether `update` would print, and so needs the logs.
  bool isDue() const;
  /// After `batch`, from 0.
  void update(int64_t batch, const Logs &logs);
  /// The same where it is not due.
  void pass(int64_t batch) { seen = batch + 1; }
  /// The last of an epoch.
  void finish(const Logs &logs);
  /// Leaves a bar half drawn behind, so that something else can be printed on a line of its own.
  void interrupt();

private:
  void draw(int64_t current, const Logs &logs, bool last);
  void drawBar(int64_t current, bool last, double now, double perStep);
  void drawLine(int64_t current, double now, double perStep);
  std::string barText(int64_t current) const;
  double stepTime(int64_t current, double now);
  std::string escape(const char *code) const { return colour ? code : ""; }

  std::ostream *out;
  int level;
  bool colour, terminal;
  int64_t epochs;
  std::optional<int64_t> target;
  Clock clock;
  int64_t seen = 0;
  double start = 0;
  std::optional<double> lastDraw, afterFirst;
  Logs shown;           // since the beginning: what an update does not name keeps its value
  size_t lastWidth = 0; // of the text drawn, in columns
};

/// " - accuracy: 0.9123 - loss: 3.1000e-05".
std::string formatLogs(const Logs &logs, bool bar = true);
/// " 8ms/step", " 120us/step", " 2s/step".
std::string formatStepTime(double seconds);

} // namespace ingot::train

#endif
