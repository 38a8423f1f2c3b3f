// `ingot bench`: how long a function of an artifact takes, beside what the machine could do.
#include "tools/ingot/Callable.h"
#include "tools/ingot/MachineLimits.h"
#include "tools/ingot/TuneProducts.h"
#include <algorithm>
#include <chrono>
#include <cmath>
#include <fmt/format.h>

namespace ingot::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kWarmUpSeconds = 0.1;
constexpr int64_t kFewestRuns = 10;

struct Arguments {
  CallArguments call;
  std::vector<int> threads = {1, 0};
  bool pinned = false;
  std::vector<double> percentiles = {99};
  int64_t runs = 0; // 0: as many as fit into `seconds`
  double seconds = 1;
  bool json = false;
  std::string tuning;
};

constexpr int64_t kTuningRuns = 50;

struct Times {
  std::vector<double> sorted; // seconds
  double others = 0;

  double least() const { return sorted.front(); }
  /// The smallest time that `percent` of the runs do not exceed.
  double percentile(double percent) const {
    double rank = std::ceil(percent / 100 * static_cast<double>(sorted.size()));
    return sorted[static_cast<size_t>(std::max(rank, 1.0)) - 1];
  }
};

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Times measure(Callable &callable, const Arguments &arguments) {
  auto warm = Clock::now();
  do
    callable.run();
  while (secondsSince(warm) < kWarmUpSeconds);
  Times times;
  OthersWatch watch;
  auto start = Clock::now();
  auto isDone = [&] {
    auto count = static_cast<int64_t>(times.sorted.size());
    return arguments.runs > 0 ? count >= arguments.runs
                              : count >= kFewestRuns && secondsSince(start) >= arguments.seconds;
  };
  while (!isDone()) {
    auto begin = Clock::now();
    callable.run();
    times.sorted.push_back(secondsSince(begin));
  }
  times.others = watch.share();
  std::sort(times.sorted.begin(), times.sorted.end());
  return times;
}

void bench(const Arguments &arguments) {
  Callable callable(arguments.call);
  double flops = 0, bytes = 0;
  for (int64_t kernel = 0; kernel < callable.function().kernel_count; ++kernel) {
    flops += callable.flopsOf(kernel);
    bytes += callable.bytesOf(kernel);
  }
  Json results = Json::array();
  std::string table =
      fmt::format("{:>7} {:>7} {:>11} {:>11}", "threads", "runs", "min ms", "median ms");
  for (double percent : arguments.percentiles)
    table += fmt::format(" {:>11}", fmt::format("p{:g} ms", percent));
  table += " " + Rates::heading() + "\n";
  for (int threads : arguments.threads) {
    ThreadPool pool(threads, arguments.pinned ? Placement::Pinned : Placement::Free);
    SessionOptions options;
    options.pool = &pool;
    callable.use(options);
    MachineLimits limits = limitsOf(callable.artifact(), pool);
    Times times = measure(callable, arguments);
    callable.use({}); // the pool goes
    double least = times.least();
    Rates rates(flops, bytes, least, limits);
    table += fmt::format("{:>7} {:>7} {:>11.4f} {:>11.4f}", pool.threadCount(), times.sorted.size(),
                         least * 1e3, times.percentile(50) * 1e3);
    Json percentiles = Json::object();
    for (double percent : arguments.percentiles) {
      table += fmt::format(" {:>11.4f}", times.percentile(percent) * 1e3);
      percentiles[fmt::format("{:g}", percent)] = times.percentile(percent);
    }
    table += " " + rates.columns() + "\n";
    results.push_back({{"threads", pool.threadCount()},
                       {"runs", times.sorted.size()},
                       {"min_s", least},
                       {"median_s", times.percentile(50)},
                       {"p99_s", times.percentile(99)},
                       {"percentiles_s", percentiles},
                       {"gflops", rates.flopsPerSecond * 1e-9},
                       {"share_of_peak", rates.ofPeak},
                       {"share_of_bandwidth", rates.ofMemory},
                       {"others", times.others},
                       {"noisy", isNoisy(times.others)}});
    warnIfNoisy(times.others);
  }
  const ingot_function &function = callable.function();
  if (arguments.json) {
    fmt::print("{}\n", Json{{"artifact", arguments.call.artifact},
                            {"function", function.name},
                            {"variant", callable.artifact().variant()},
                            {"sizes", callable.sizes()},
                            {"arena_bytes", callable.arenaBytes()},
                            {"flops", flops},
                            {"bytes", bytes},
                            {"results", results}}
                           .dump(2));
    return;
  }
  fmt::print("{}: {:.3f} GFLOP, arena {}\n{}", callable.title(), flops * 1e-9,
             humanBytes(static_cast<uint64_t>(callable.arenaBytes())), table);
}

} // namespace

void addBench(CLI::App &app) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App *command = app.add_subcommand("bench", "Measure how fast a compiled model is");
  addCallOptions(*command, arguments->call);
  command
      ->add_option("--threads", arguments->threads,
                   "Threads, one measurement each; 0 takes all CPUs of this process")
      ->delimiter(',')
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
  command->add_flag("--pin", arguments->pinned,
                    "Keep each thread but the caller's on one CPU, on cores of their own first");
  command->add_option("--percentiles", arguments->percentiles, "Percentiles of time to show")
      ->delimiter(',')
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  command->add_option("--seconds", arguments->seconds, "Measure for so long, at least 10 runs")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--runs", arguments->runs, "Measure exactly so many runs")
      ->check(CLI::Range(int64_t(1), int64_t(1) << 40));
  command->add_flag("--json", arguments->json, "Results as JSON");
  command->add_option("--tune", arguments->tuning,
                      "On a GPU: measure each product of matrices by the model's kernel and by a "
                      "library (ingot compile --gpu-library), into this table");
  command->footer(
      "GFLOP/s are of the planned operations in the least time; `of peak` compares with\n"
      "multiply-adds in registers on as many threads. GB/s are of all kernels' operands;\n"
      "`of memory` compares with reading memory, and is over 100 % where caches serve.\n"
      "Examples:\n"
      "  ingot bench classifier.so --shape batch=32\n"
      "  ingot bench classifier.so --threads 1,2,4 --percentiles 50,90,99.9 --json\n"
      "  ingot bench training.so --function train_step --shape batch=128\n"
      "  ingot bench classifier.so --device cuda --shape batch=32 --tune h200.json\n");
  command->callback([arguments] {
    if (arguments->tuning.empty())
      bench(*arguments);
    else
      tuneProducts(arguments->call, arguments->tuning,
                   arguments->runs > 0 ? arguments->runs : kTuningRuns);
  });
}

} // namespace ingot::cli
