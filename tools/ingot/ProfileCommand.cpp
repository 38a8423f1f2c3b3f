// `ingot profile`: where a function's time goes, kernel by kernel, by the user's names of nodes.
#include "tools/ingot/Callable.h"
#include "tools/ingot/MachineLimits.h"
#include <algorithm>
#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <fstream>
#include <numeric>

namespace ingot::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kMostEvents = 1 << 20; // of a trace

struct Arguments {
  CallArguments call;
  int threads = 1;
  int64_t runs = 20, top = 0;
  std::string trace;
  bool json = false;
};

/// What the callbacks note: of each kernel the time in this run, and of one run each call.
struct Recorder {
  struct Event {
    int64_t kernel;
    Clock::time_point begin, end;
  };
  std::vector<double> seconds; // by kernel, of the run under way
  std::vector<int64_t> calls;
  std::vector<Event> events;
  bool keepsEvents = false;
  Clock::time_point begun;

  static int begin(void *user, int64_t) {
    static_cast<Recorder *>(user)->begun = Clock::now();
    return 0;
  }
  static void end(void *user, int64_t kernel) {
    auto *self = static_cast<Recorder *>(user);
    auto now = Clock::now();
    self->seconds[static_cast<size_t>(kernel)] +=
        std::chrono::duration<double>(now - self->begun).count();
    ++self->calls[static_cast<size_t>(kernel)];
    if (self->keepsEvents && self->events.size() < kMostEvents)
      self->events.push_back({kernel, self->begun, now});
  }
};

double medianOf(std::vector<double> values) {
  auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct Profile {
  std::vector<double> seconds;      // by kernel: the median of its time in a run
  std::vector<int64_t> calls;       // by kernel, in a run
  double whole = 0, unobserved = 0; // medians of a run with and without the callbacks
};

/// Runs with and without callbacks take turns, so that both see the same machine.
Profile measure(Callable &callable, const SessionOptions &plain, Recorder &recorder, int64_t runs) {
  auto count = static_cast<size_t>(callable.function().kernel_count);
  SessionOptions observed = plain;
  observed.begin = Recorder::begin;
  observed.end = Recorder::end;
  observed.user = &recorder;
  std::vector<std::vector<double>> ofKernel(count);
  std::vector<double> whole, unobserved;
  auto timed = [&](const SessionOptions &options) {
    callable.use(options);
    auto start = Clock::now();
    callable.run();
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  for (int64_t run = -2; run < runs; ++run) { // two to warm up
    recorder.seconds.assign(count, 0);
    recorder.calls.assign(count, 0);
    recorder.events.clear();
    recorder.keepsEvents = run + 1 == runs;
    double alone = timed(plain), watched = timed(observed);
    if (run < 0)
      continue;
    unobserved.push_back(alone);
    whole.push_back(watched);
    for (size_t kernel = 0; kernel < count; ++kernel)
      ofKernel[kernel].push_back(recorder.seconds[kernel]);
  }
  callable.use({});
  Profile profile;
  for (std::vector<double> &values : ofKernel)
    profile.seconds.push_back(medianOf(std::move(values)));
  profile.calls = recorder.calls;
  profile.whole = medianOf(std::move(whole));
  profile.unobserved = medianOf(std::move(unobserved));
  return profile;
}

/// Chrome's trace format ("Trace Event Format", complete events): one run, times in microseconds.
void writeTrace(const std::string &path, const Callable &callable, const Recorder &recorder) {
  Json events = Json::array();
  for (const Recorder::Event &event : recorder.events) {
    const ingot_kernel_info &kernel = callable.function().kernels[event.kernel];
    auto microseconds = [](Clock::duration d) {
      return std::chrono::duration<double, std::micro>(d).count();
    };
    events.push_back({{"name", kernel.name},
                      {"cat", "kernel"},
                      {"ph", "X"},
                      {"pid", 1},
                      {"tid", 1},
                      {"ts", microseconds(event.begin - recorder.events.front().begin)},
                      {"dur", microseconds(event.end - event.begin)},
                      {"args",
                       {{"node", kernel.node},
                        {"flops", callable.flopsOf(event.kernel)},
                        {"bytes", callable.bytesOf(event.kernel)}}}});
  }
  std::ofstream file(path, std::ios::binary);
  file << Json{{"traceEvents", events}, {"displayTimeUnit", "ms"}}.dump(
      1, ' ', false, Json::error_handler_t::replace);
  file.close();
  if (!file)
    throw Failure(kInput, "cannot write `" + path + "`");
}

void profile(const Arguments &arguments) {
  Callable callable(arguments.call);
  const ingot_function &function = callable.function();
  ThreadPool pool(arguments.threads);
  SessionOptions options;
  options.pool = &pool;
  MachineLimits limits = measureLimits(callable.artifact().variant(), pool);
  Recorder recorder;
  OthersWatch watch;
  Profile found = measure(callable, options, recorder, arguments.runs);
  double others = watch.share();
  warnIfNoisy(others);
  if (!arguments.trace.empty())
    writeTrace(arguments.trace, callable, recorder);

  std::vector<size_t> order(found.seconds.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::sort(order.begin(), order.end(), [&](size_t x, size_t y) {
    return std::pair(-found.seconds[x], x) < std::pair(-found.seconds[y], y);
  });
  double inKernels = std::accumulate(found.seconds.begin(), found.seconds.end(), 0.0);
  Json kernels = Json::array();
  std::string table = fmt::format("{:>10} {:>6} {:>6} {}  {}\n", "us", "share", "calls",
                                  Rates::heading(), "kernel");
  size_t shown = arguments.top > 0 ? static_cast<size_t>(arguments.top) : order.size();
  for (size_t i = 0; i < order.size(); ++i) {
    size_t kernel = order[i];
    const ingot_kernel_info &info = function.kernels[kernel];
    double seconds = found.seconds[kernel];
    double flops = callable.flopsOf(static_cast<int64_t>(kernel)),
           bytes = callable.bytesOf(static_cast<int64_t>(kernel));
    Rates rates(flops, bytes, std::max(seconds, 1e-9), limits);
    if (i < shown)
      table +=
          fmt::format("{:>10.2f} {:>5.1f}% {:>6} {}  {}\n", seconds * 1e6,
                      seconds / inKernels * 100, found.calls[kernel], rates.columns(), info.name);
    kernels.push_back({{"name", info.name},
                       {"node", info.node},
                       {"seconds", seconds},
                       {"share", seconds / inKernels},
                       {"calls", found.calls[kernel]},
                       {"flops", flops},
                       {"bytes", bytes},
                       {"share_of_peak", rates.ofPeak},
                       {"share_of_bandwidth", rates.ofMemory}});
  }
  if (arguments.json) {
    fmt::print("{}\n", Json{{"artifact", arguments.call.artifact},
                            {"function", function.name},
                            {"variant", callable.artifact().variant()},
                            {"sizes", callable.sizes()},
                            {"threads", pool.threadCount()},
                            {"runs", arguments.runs},
                            {"seconds", found.whole},
                            {"seconds_unobserved", found.unobserved},
                            {"others", others},
                            {"kernels", kernels}}
                           .dump(2, ' ', false, Json::error_handler_t::replace));
    return;
  }
  fmt::print("{}, {} {}: {:.4f} ms a run, {:.4f} ms of it in {} kernels\n{}", callable.title(),
             pool.threadCount(), pool.threadCount() == 1 ? "thread" : "threads", found.whole * 1e3,
             inKernels * 1e3, order.size(), table);
}

} // namespace

void addProfile(CLI::App &app) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App *command = app.add_subcommand("profile", "Show where a compiled model spends its time");
  addCallOptions(*command, arguments->call);
  addThreads(*command, arguments->threads);
  command->add_option("--runs", arguments->runs, "Runs; each kernel's time is its median")
      ->check(CLI::Range(int64_t(1), int64_t(1) << 30))
      ->capture_default_str();
  command->add_option("--top", arguments->top, "Print only so many kernels")
      ->check(CLI::PositiveNumber);
  command->add_option("--trace", arguments->trace,
                      "Write the last run for chrome://tracing or Perfetto (.json)");
  command->add_flag("--json", arguments->json, "Results as JSON");
  command->footer("Columns are as those of `ingot bench`, by kernel.\n"
                  "Examples:\n"
                  "  ingot profile classifier.so --shape batch=32 --top 10\n"
                  "  ingot profile training.so --function train_step --shape batch=128 \\\n"
                  "      --threads 2 --trace step.json\n");
  command->callback([arguments] { profile(*arguments); });
}

} // namespace ingot::cli
