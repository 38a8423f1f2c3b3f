// Formats follow Keras 3 (keras.src.utils.progbar): 20 cells, metrics by name.
#include "runtime/train/Progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sys/ioctl.h>
#include <unistd.h>

namespace ingot::train {

static double seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::string formatLogs(const Logs &logs) {
  std::string text;
  char value[40];
  for (const auto &[name, number] : logs) {
    const bool plain = std::abs(number) > 1e-3 || number == 0 || std::isnan(number);
    std::snprintf(value, sizeof value, plain ? "%.4f" : "%.4e",
                  std::isnan(number) ? std::abs(number) : number); // never "-nan"
    text += " - " + name + ": " + value;
  }
  return text;
}

std::string formatStepTime(double seconds) {
  char text[40];
  if (seconds >= 1 || seconds == 0)
    std::snprintf(text, sizeof text, "%.0fs/step", seconds);
  else if (seconds >= 1e-3)
    std::snprintf(text, sizeof text, "%.0fms/step", seconds * 1e3);
  else
    std::snprintf(text, sizeof text, "%.0fus/step", seconds * 1e6);
  return text;
}

/// "7s", "2:05", "1:02:05".
static std::string formatDuration(double seconds) {
  const auto total = static_cast<long long>(seconds);
  char text[40];
  if (total >= 3600)
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", total / 3600, total / 60 % 60,
                  total % 60);
  else if (total >= 60)
    std::snprintf(text, sizeof text, "%lld:%02lld", total / 60, total % 60);
  else
    std::snprintf(text, sizeof text, "%llds", total);
  return text;
}

/// Columns of standard output; 0 when it is no terminal.
static size_t terminalWidth() {
  winsize size = {};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

Progress::Progress(Verbosity verbosity, std::ostream *output) : out(output ? output : &std::cout) {
  const bool terminal = !output && isatty(STDOUT_FILENO);
  bar = verbosity == Verbosity::Bar || (verbosity == Verbosity::Auto && terminal);
  lines = verbosity == Verbosity::Lines || (verbosity == Verbosity::Auto && !terminal);
  const char *noColor = std::getenv("NO_COLOR"); // no-color.org: set and not empty
  color = bar && terminal && (!noColor || !*noColor);
}

void Progress::beginEpoch(int64_t epochFromOne, int64_t epochCount, int64_t stepCount) {
  epoch = epochFromOne, epochs = epochCount, steps = stepCount;
  start = stepsEnd = Clock::now();
  lastDraw = Clock::time_point();
  lastWidth = 0;
  if (bar)
    *out << "Epoch " << epoch << "/" << epochs << "\n";
}

void Progress::update(int64_t step, const Logs &logs) {
  const Clock::time_point now = Clock::now();
  if (!bar || now - lastDraw < std::chrono::milliseconds(50))
    return;
  lastDraw = now;
  const double perStep = seconds(now - start) / double(step);
  draw(step, formatDuration(perStep * double(steps - step)) + " " + formatStepTime(perStep), logs);
}

void Progress::endSteps() { stepsEnd = Clock::now(); }

void Progress::endEpoch(const Logs &logs) {
  const std::string total = formatDuration(seconds(Clock::now() - start));
  const std::string perStep =
      formatStepTime(seconds(stepsEnd - start) / double(std::max<int64_t>(steps, 1)));
  if (bar) {
    draw(steps, total + " " + perStep, logs);
    interrupt();
  }
  if (lines)
    *out << "Epoch " << epoch << "/" << epochs << " - " << steps << "/" << steps << " - " << total
         << " - " << perStep << formatLogs(logs) << "\n"
         << std::flush;
}

void Progress::interrupt() {
  if (lastWidth > 0)
    *out << "\n" << std::flush;
  lastWidth = 0;
}

void Progress::draw(int64_t step, const std::string &timing, const Logs &logs) {
  constexpr int64_t cells = 20;
  const int64_t done = steps > 0 ? step * cells / steps : cells;
  const std::string total = std::to_string(steps), current = std::to_string(step);
  const std::string count = std::string(total.size() - current.size(), ' ') + current + "/" + total;
  std::string left, right;
  for (int64_t i = 0; i < cells; ++i)
    (i < done ? left : right) += color || i < done ? "━" : "─";
  std::string tail = " " + timing + formatLogs(logs);
  // A line that wraps could not be redrawn in place; the last one of an epoch may.
  const size_t head = count.size() + 1 + cells;
  if (const size_t room = terminalWidth(); step < steps && room > head + 1)
    tail.resize(std::min(tail.size(), room - head - 1));
  // What the line before had more must be blanked out.
  const size_t width = head + tail.size();
  const std::string blank(lastWidth > width ? lastWidth - width : 0, ' ');
  lastWidth = width;
  if (color)
    *out << "\r\033[1m" << count << "\033[0m \033[32m" << left << "\033[0m\033[37m" << right
         << "\033[0m" << tail << blank << std::flush;
  else
    *out << "\r" << count << " " << left << right << tail << blank << std::flush;
}

} // namespace ingot::train
