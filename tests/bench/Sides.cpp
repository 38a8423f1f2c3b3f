// What tests/bench/peers.py calls (ctypes): the sides that have a C or C++ interface, so that
// between two runs of a model stands a loop in C++ and no Python. No exception leaves a function.
#include "tests/bench/Side.h"
#include <algorithm>
#include <chrono>
#include <cstring>

using namespace ingot::bench;

namespace {

void say(char *message, const char *text) {
  size_t length = std::min(std::strlen(text), size_t(kMessage - 1));
  std::memcpy(message, text, length);
  message[length] = 0;
}

double secondsOf(Side &side, int64_t runs) {
  auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < runs; ++i)
    side.run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

} // namespace

Side *ingot_bench_open(const char *kind, const Request *request, char *message) {
  try {
    return openSide(kind, *request).release();
  } catch (const std::exception &error) {
    say(message, error.what());
    return nullptr;
  }
}

double ingot_bench_time(Side *side, double window, char *message) {
  try {
    double first = secondsOf(*side, 1);
    if (first >= 10 * window)
      return first;
    // The clock is read so seldom that it costs nothing.
    int64_t block = std::max(int64_t(1), static_cast<int64_t>(window / std::max(first, 1e-9) / 16)),
            runs = 0;
    double seconds = 0;
    for (; seconds < window; runs += block)
      seconds += secondsOf(*side, block);
    return seconds / static_cast<double>(runs);
  } catch (const std::exception &error) {
    say(message, error.what());
    return -1;
  }
}

int ingot_bench_run(Side *side, int64_t runs, char *message) {
  try {
    secondsOf(*side, runs);
    return 1;
  } catch (const std::exception &error) {
    say(message, error.what());
    return 0;
  }
}

int ingot_bench_output(Side *side, ingot_tensor *output, char *message) {
  try {
    *output = side->output();
    return 1;
  } catch (const std::exception &error) {
    say(message, error.what());
    return 0;
  }
}

void ingot_bench_close(Side *side) { delete side; }
