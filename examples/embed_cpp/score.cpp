// Scores rows of numbers with a compiled model, many at once.
//
//   score MODEL.so [--function NAME] [--pool THREADS]  < rows.txt > scores.txt
//
// Each line of the standard input is a row for the function's one f32 input [batch, n], each line
// of the output the row's results, in the same order. With the scheduler (the default) every line
// is a request of its own, as it would be in a service whose clients ask one at a time: what waits
// is joined into batches. With --pool, threads of this program borrow sessions and run row by row.
#include <ingot/serve/Scheduler.h>
#include <ingot/serve/SessionPool.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Row {
  std::vector<float> values;
  int64_t dims[2];
  std::string result;
};

[[noreturn]] void fail(const std::string &message) {
  std::cerr << "score: " << message << "\n";
  std::exit(1);
}

/// The value, or the end of the program with what went wrong.
template <typename T> T orFail(ingot::Result<T> result) {
  if (!result.isOk())
    fail(result.status().message());
  return std::move(*result);
}

std::vector<Row> readRows(std::istream &in) {
  std::vector<Row> rows;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    Row row;
    for (float value; words >> value;)
      row.values.push_back(value);
    if (!words.eof())
      fail("line " + std::to_string(rows.size() + 1) + ": not a number: '" + line + "'");
    row.dims[0] = 1;
    row.dims[1] = static_cast<int64_t>(row.values.size());
    rows.push_back(std::move(row));
  }
  return rows;
}

ingot::TensorView viewOf(const Row &row) {
  return {ingot::DType::F32, 2, row.dims, row.values.data()};
}

std::string toText(const ingot::Tensor &scores) {
  const auto *values = scores.data<float>();
  if (!values)
    return "error: the result is " + ingot::describe(scores) + ", not f32";
  std::ostringstream text;
  for (int64_t i = 0; i < scores.elementCount(); ++i)
    text << (i ? " " : "") << values[i];
  return text.str();
}

/// Every row is a request; the scheduler's threads run them, joined.
void scoreByScheduler(const std::shared_ptr<const ingot::Artifact> &model,
                      const std::shared_ptr<ingot::State> &state, const std::string &function,
                      std::vector<Row> &rows) {
  ingot::serve::Scheduler scheduler;
  auto queue = orFail(scheduler.createQueue(model, state, function));
  std::mutex mutex;
  std::condition_variable roomForMore;
  size_t inFlight = 0;
  double runs = 0; // each request has its share of the run that it was part of
  for (Row &row : rows) {
    {
      // The queue refuses more than QueueOptions::maxQueued; a service would tell its client.
      std::unique_lock<std::mutex> lock(mutex);
      roomForMore.wait(lock, [&] { return inFlight < 1000; });
      ++inFlight;
    }
    ingot::serve::Request request;
    request.inputs = {viewOf(row)};
    request.done = [&](ingot::serve::Outcome outcome) {
      row.result =
          outcome.status.isOk() ? toText(outcome.outputs[0]) : "error: " + outcome.status.message();
      std::lock_guard<std::mutex> lock(mutex);
      --inFlight;
      if (outcome.timing.runRows > 0)
        runs += 1.0 / static_cast<double>(outcome.timing.runRows);
      roomForMore.notify_all();
    };
    queue->submit(std::move(request));
  }
  queue->close();
  queue->awaitIdle(ingot::serve::Clock::time_point::max());
  std::cerr << rows.size() << " rows in " << static_cast<int64_t>(runs + 0.5) << " runs on "
            << scheduler.workerCount() << " threads\n";
}

/// This program's threads take turns at the rows; each borrows a session for one.
void scoreByPool(const std::shared_ptr<const ingot::Artifact> &model,
                 const std::shared_ptr<ingot::State> &state, const std::string &function,
                 std::vector<Row> &rows, size_t threadCount) {
  auto pool = orFail(ingot::serve::SessionPool::create(model, function));
  std::vector<std::thread> threads;
  for (size_t t = 0; t < threadCount; ++t)
    threads.emplace_back([&, t] {
      for (size_t i = t; i < rows.size(); i += threadCount) {
        auto session = pool->acquire();
        ingot::Status ran = session->run(*state, {viewOf(rows[i])});
        rows[i].result = ran.isOk() ? toText(session->output(0)) : "error: " + ran.message();
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  std::cerr << rows.size() << " rows on " << threadCount << " threads in " << pool->sessionCount()
            << " sessions\n";
}
} // namespace

int main(int argc, char **argv) {
  std::string path, function = "predict";
  size_t poolThreads = 0;
  for (int i = 1; i < argc; ++i) {
    bool hasValue = i + 1 < argc;
    if (std::strcmp(argv[i], "--function") == 0 && hasValue)
      function = argv[++i];
    else if (std::strcmp(argv[i], "--pool") == 0 && hasValue)
      poolThreads = std::strtoul(argv[++i], nullptr, 10);
    else if (path.empty() && argv[i][0] != '-')
      path = argv[i];
    else
      fail("usage: score MODEL.so [--function NAME] [--pool THREADS] < rows.txt");
  }
  if (path.empty())
    fail("usage: score MODEL.so [--function NAME] [--pool THREADS] < rows.txt");

  auto model = orFail(ingot::Artifact::open(path));
  // The weights that were compiled in, in place: nothing is copied, and nothing can change them.
  std::shared_ptr<ingot::State> state = orFail(ingot::State::readOnly(model));
  std::vector<Row> rows = readRows(std::cin);
  if (poolThreads > 0)
    scoreByPool(model, state, function, rows, poolThreads);
  else
    scoreByScheduler(model, state, function, rows);
  for (const Row &row : rows)
    std::cout << row.result << "\n";
}
