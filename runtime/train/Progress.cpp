// Text and arithmetic follow Keras 3 (keras.src.utils.progbar, keras.src.callbacks.progbar_logger),
// so that its output and ours are equal to the character. Metrics are shown as they are, since logs
// hold values over the epoch.
#include "runtime/train/Progress.h"
#include "runtime/train/PythonText.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sys/ioctl.h>
#include <unistd.h>

namespace ingot::train {

static constexpr int64_t cells = 20;
static constexpr double interval = 0.05; // seconds between two drawings

std::string formatLogs(const Logs &logs, bool bar) {
  std::string text;
  for (const auto &[name, value] : logs) {
    const bool plain = (bar ? std::abs(value) : value) > 1e-3; // Keras's line has no abs
    text += " - " + name + ": " + pythonFormat(plain ? "%.4f" : "%.4e", value);
  }
  return text;
}

std::string formatStepTime(double seconds) {
  if (seconds >= 1 || seconds == 0)
    return pythonFormat(" %.0fs/step", seconds);
  if (seconds >= 1e-3)
    return pythonFormat(" %.0fms/step", seconds * 1e3);
  return pythonFormat(" %.0fus/step", seconds * 1e6);
}

/// "7s", "2:05", "1:02:05".
static std::string formatRemaining(double seconds) {
  const auto total = static_cast<long long>(seconds);
  char text[40];
  if (seconds > 3600)
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", total / 3600, total % 3600 / 60,
                  total % 60);
  else if (seconds > 60)
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

static double systemSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Progress::Progress(Verbosity verbosity, std::ostream *output, int64_t epochs,
                   std::optional<int64_t> steps, Clock clock)
    : out(output ? output : &std::cout), epochs(epochs), target(steps),
      clock(clock ? std::move(clock) : systemSeconds) {
  terminal = !output && isatty(STDOUT_FILENO);
  if (verbosity == Verbosity::Auto)
    verbosity = terminal ? Verbosity::Bar : Verbosity::Lines;
  level = verbosity == Verbosity::Silent ? 0 : verbosity == Verbosity::Bar ? 1 : 2;
  const char *noColor = std::getenv("NO_COLOR"); // no-color.org: set and not empty
  colour = !noColor || !*noColor;
}

void Progress::begin() {
  seen = 0;
  start = clock();
  lastDraw.reset();
  afterFirst.reset();
  shown.clear();
  lastWidth = 0;
}

void Progress::beginEpoch(int64_t epoch) {
  begin();
  if (level > 0 && epochs > 1)
    *out << "Epoch " << epoch + 1 << "/" << epochs << "\n" << std::flush;
}

bool Progress::isDue() const {
  return level == 1 && (!lastDraw || clock() - *lastDraw >= interval);
}

void Progress::update(int64_t batch, const Logs &logs) {
  seen = batch + 1;
  if (level == 1)
    draw(seen, logs, /*last=*/false);
}

void Progress::finish(const Logs &logs) {
  if (!target)
    target = seen;
  if (level > 0)
    draw(*target, logs, /*last=*/true);
}

void Progress::interrupt() {
  if (level == 1 && lastWidth > 0)
    *out << "\n" << std::flush;
  lastWidth = 0;
}

/// Without the first step, which is not like the others.
double Progress::stepTime(int64_t current, double now) {
  if (current == 0)
    return 0;
  const double each = afterFirst && current > 1 ? (now - *afterFirst) / double(current - 1)
                                                : (now - start) / double(current);
  if (current == 1)
    afterFirst = now;
  return each;
}

void Progress::draw(int64_t current, const Logs &logs, bool last) {
  const double now = clock();
  const double perStep = stepTime(current, now);
  for (const auto &[name, value] : logs)
    shown[name] = value;
  if (level == 1) {
    if (lastDraw && now - *lastDraw < interval && !last)
      return;
    drawBar(current, last, now, perStep);
  } else if (last && *target > 0) {
    drawLine(current, now, perStep);
  }
  lastDraw = now;
}

/// " 3/10" as wide as the target.
static std::string countText(int64_t current, int64_t target) {
  const std::string total = std::to_string(target), done = std::to_string(current);
  const size_t pad = total.size() > done.size() ? total.size() - done.size() : 0;
  return std::string(pad, ' ') + done + "/" + total;
}

std::string Progress::barText(int64_t current) const {
  const auto done = int64_t(double(cells) * (double(current) / double(*target)));
  std::string left, right;
  for (int64_t i = 0; i < cells; ++i)
    (i < done ? left : right) += colour || i < done ? "━" : "─";
  if (done > 0)
    left = escape("\x1b[32m") + left + escape("\x1b[0m");
  return escape("\x1b[1m") + countText(current, *target) + escape("\x1b[0m") + " " + left +
         escape("\x1b[37m") + right + escape("\x1b[0m");
}

void Progress::drawBar(int64_t current, bool last, double now, double perStep) {
  std::string bar, time;
  size_t width;
  if (target && *target > 0) {
    bar = barText(current);
    width =
        countText(current, *target).size() + 1 + size_t(std::max(cells, cells * current / *target));
  } else {
    bar = pythonFormat("%7.0f", double(current)) + "/Unknown";
    width = bar.size();
  }
  if (target && *target > 0 && !last)
    time = formatRemaining(perStep * double(*target - current));
  else
    time = pythonFormat("%.0fs", now - start);
  std::string tail = formatStepTime(perStep) + formatLogs(shown);
  width += 1 + time.size();
  if (const size_t room = terminal && !last ? terminalWidth() : 0; room > width + 1)
    tail.resize(std::min(tail.size(), room - width - 1));
  width += tail.size();
  *out << std::string(lastWidth, '\b') << "\r" << bar << " " << escape("\x1b[1m") << time
       << escape("\x1b[0m") << tail << std::string(lastWidth > width ? lastWidth - width : 0, ' ');
  if (last)
    *out << "\n";
  *out << std::flush;
  lastWidth = last ? 0 : width;
}

void Progress::drawLine(int64_t current, double now, double perStep) {
  *out << countText(current, *target) << pythonFormat(" - %.0fs -", now - start)
       << formatStepTime(perStep) << formatLogs(shown, /*bar=*/false) << "\n"
       << std::flush;
}

} // namespace ingot::train
