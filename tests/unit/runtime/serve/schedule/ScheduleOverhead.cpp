// What the scheduler adds to a run: printed, not asserted, since it is the machine's.
//
//   ScheduleOverhead FixtureServed.so [milliseconds per row of the table]
//
// A model of a few instructions is called in a closed loop: by a session alone, on the caller's own
// thread (mayRunHere), and handed over to workers by 1 to 16 callers. Times are from submit to
// `done`; "back" adds that the caller hears of it.
#include "ingot/serve/Scheduler.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

using namespace ingot;
using namespace ingot::serve;

namespace {

int64_t nanoseconds(Clock::duration time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

struct Samples {
  std::vector<int64_t> done, back;
  int64_t rows = 0;
};

/// Waits without sleeping, as an event loop that has other work would not.
void await(const std::atomic<int> &answered) {
  for (int turn = 0; answered.load(std::memory_order_acquire) == 0; ++turn)
    if (turn % 64 == 63)
      std::this_thread::yield();
}

void callFor(Queue &queue, bool here, Clock::time_point end, Samples &samples) {
  Tensor x = std::move(*Tensor::of<float>({1, 3}, {1, 2, 3}));
  while (Clock::now() < end) {
    std::atomic<int> answered{0};
    Outcome outcome;
    Request request;
    request.inputs.push_back(x);
    request.mayRunHere = here;
    request.done = [&](Outcome got) {
      outcome = std::move(got);
      answered.store(1, std::memory_order_release);
    };
    auto begun = Clock::now();
    queue.submit(std::move(request));
    await(answered);
    samples.back.push_back(nanoseconds(Clock::now() - begun));
    samples.done.push_back(nanoseconds(outcome.timing.finished - outcome.timing.submitted));
    samples.rows += outcome.timing.runRows;
  }
}

int64_t at(std::vector<int64_t> &values, double share) {
  if (values.empty())
    return 0;
  size_t index =
      std::min(values.size() - 1, static_cast<size_t>(share * static_cast<double>(values.size())));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(index),
                   values.end());
  return values[index];
}

void print(const char *name, int callers, Samples &all, std::chrono::milliseconds time) {
  auto count = static_cast<double>(all.done.size());
  std::printf(
      "%-16s %7d %12.0f %9.2f %9.2f %9.2f %9.2f %10.1f\n", name, callers,
      count / std::chrono::duration<double>(time).count(),
      static_cast<double>(at(all.done, 0.5)) / 1e3, static_cast<double>(at(all.done, 0.99)) / 1e3,
      static_cast<double>(at(all.back, 0.5)) / 1e3, static_cast<double>(at(all.back, 0.99)) / 1e3,
      count == 0 ? 0 : static_cast<double>(all.rows) / count);
}

void measure(const char *name, Queue &queue, int callers, bool here,
             std::chrono::milliseconds time) {
  std::vector<Samples> samples(static_cast<size_t>(callers));
  std::vector<std::thread> threads;
  auto end = Clock::now() + time;
  for (Samples &own : samples)
    threads.emplace_back([&, here] { callFor(queue, here, end, own); });
  for (std::thread &thread : threads)
    thread.join();
  Samples all;
  for (Samples &own : samples) {
    all.done.insert(all.done.end(), own.done.begin(), own.done.end());
    all.back.insert(all.back.end(), own.back.begin(), own.back.end());
    all.rows += own.rows;
  }
  print(name, callers, all, time);
}

void measureSession(const std::shared_ptr<const Artifact> &artifact, State &state,
                    std::chrono::milliseconds time) {
  Session session = std::move(*Session::create(artifact, "predict"));
  Tensor x = std::move(*Tensor::of<float>({1, 3}, {1, 2, 3}));
  Samples samples;
  for (auto end = Clock::now() + time; Clock::now() < end;) {
    auto begun = Clock::now();
    if (!session.run(state, {x}).isOk())
      std::exit(1);
    samples.done.push_back(nanoseconds(Clock::now() - begun));
    ++samples.rows;
  }
  samples.back = samples.done;
  print("session alone", 1, samples, time);
}
} // namespace

int main(int argc, char **argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: ScheduleOverhead FixtureServed.so [milliseconds]\n");
    return 2;
  }
  std::chrono::milliseconds time(argc > 2 ? std::stoi(argv[2]) : 500);
  auto artifact = Artifact::open(argv[1]);
  if (!artifact.isOk()) {
    std::fprintf(stderr, "%s\n", artifact.status().message().c_str());
    return 1;
  }
  std::shared_ptr<State> state = std::move(*State::readOnly(*artifact));
  Scheduler scheduler;
  auto queue = scheduler.createQueue(*artifact, state, "predict");
  if (!queue.isOk()) {
    std::fprintf(stderr, "%s\n", queue.status().message().c_str());
    return 1;
  }
  std::printf("%d workers\n%-16s %7s %12s %9s %9s %9s %9s %10s\n", scheduler.workerCount(), "us",
              "callers", "calls/s", "done p50", "p99", "back p50", "p99", "rows a run");
  measureSession(*artifact, *state, time);
  for (int callers : {1, 2, 4, 8, 16})
    measure("on own thread", **queue, callers, true, time);
  for (int callers : {1, 2, 4, 8, 16})
    measure("handed over", **queue, callers, false, time);
}
