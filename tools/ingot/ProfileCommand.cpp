// `ingot profile`: where a function's time goes, kernel by kernel, by the user's names of nodes.
#include "ingot/Device.h"
#include "tools/ingot/Callable.h"
#include "tools/ingot/GpuCost.h"
#include "tools/ingot/MachineLimits.h"
#include "tools/ingot/PerfCounters.h"
#include "tools/ingot/StampClock.h"
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
  bool json = false, counters = false;
};

/// What the callbacks note: of each kernel the time in this run, and of one run each call. On a
/// device kernels are timed by its clock, one after another.
struct Recorder {
  struct Event {
    int64_t kernel, begin, end; // the times in ticks
  };
  StampClock clock;
  std::vector<int64_t> ticks; // by kernel, of the run under way
  std::vector<int64_t> calls;
  std::vector<Event> events;
  bool keepsEvents = false, isOnDevice = false;
  int64_t begun = 0; // on a device: when the kernel before ended

  void attach(SessionOptions &options) {
    options.user = this;
    if (isOnDevice) {
      options.timed = timed;
      return;
    }
    options.begin = begin;
    options.end = end;
  }
  void startRun(size_t kernels, bool isLast) {
    ticks.assign(kernels, 0);
    calls.assign(kernels, 0);
    events.clear();
    keepsEvents = isLast;
    begun = 0;
  }

private:
  static int begin(void *user, int64_t) {
    auto *self = static_cast<Recorder *>(user);
    self->begun = self->clock.now();
    return 0;
  }
  static void end(void *user, int64_t kernel) {
    auto *self = static_cast<Recorder *>(user);
    self->note(kernel, self->clock.now());
  }
  static void timed(void *user, int64_t kernel, double seconds) {
    auto *self = static_cast<Recorder *>(user);
    int64_t ended = self->begun + std::llround(seconds / self->clock.tick());
    self->note(kernel, ended);
    self->begun = ended;
  }
  void note(int64_t kernel, int64_t ended) {
    ticks[static_cast<size_t>(kernel)] += ended - begun;
    ++calls[static_cast<size_t>(kernel)];
    if (keepsEvents && events.size() < kMostEvents)
      events.push_back({kernel, begun, ended});
  }
};

/// What the counters say of each kernel, summed over runs of their own: reading them takes longer
/// than the clock does, so that no time is taken in those runs.
struct CountRecorder {
  const PerfCounters &counters;
  std::vector<PerfCounters::Counts> counts; // by kernel
  PerfCounters::Counts begun = {};

  static int begin(void *user, int64_t) {
    auto *self = static_cast<CountRecorder *>(user);
    self->begun = self->counters.read();
    return 0;
  }
  static void end(void *user, int64_t kernel) {
    auto *self = static_cast<CountRecorder *>(user);
    PerfCounters::Counts now = self->counters.read();
    for (size_t i = 0; i < now.size(); ++i)
      self->counts[static_cast<size_t>(kernel)][i] += now[i] - self->begun[i];
  }
};

template <typename Number> Number medianOf(std::vector<Number> values) {
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
  recorder.attach(observed);
  std::vector<std::vector<int64_t>> ofKernel(count);
  std::vector<double> whole, unobserved;
  auto timed = [&](const SessionOptions &options) {
    callable.use(options);
    auto start = Clock::now();
    callable.run();
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  for (int64_t run = -2; run < runs; ++run) { // two to warm up
    recorder.startRun(count, run + 1 == runs);
    double alone = timed(plain), watched = timed(observed);
    if (run < 0)
      continue;
    unobserved.push_back(alone);
    whole.push_back(watched);
    for (size_t kernel = 0; kernel < count; ++kernel)
      ofKernel[kernel].push_back(recorder.ticks[kernel]);
  }
  callable.use({});
  Profile profile;
  for (std::vector<int64_t> &values : ofKernel)
    profile.seconds.push_back(static_cast<double>(medianOf(std::move(values))) *
                              recorder.clock.tick());
  profile.calls = recorder.calls;
  profile.whole = medianOf(std::move(whole));
  profile.unobserved = medianOf(std::move(unobserved));
  return profile;
}

/// By kernel, in a run: the mean of `runs`, after one to warm up.
std::vector<PerfCounters::Counts> count(Callable &callable, const SessionOptions &plain,
                                        const PerfCounters &counters, int64_t runs) {
  CountRecorder recorder{counters, {}};
  SessionOptions observed = plain;
  observed.begin = CountRecorder::begin;
  observed.end = CountRecorder::end;
  observed.user = &recorder;
  callable.use(observed);
  for (int64_t run = -1; run < runs; ++run) {
    if (run <= 0)
      recorder.counts.assign(static_cast<size_t>(callable.function().kernel_count), {});
    callable.run();
  }
  callable.use({});
  for (PerfCounters::Counts &counts : recorder.counts)
    for (double &value : counts)
      value /= static_cast<double>(runs);
  return recorder.counts;
}

const char *kindName(PerfCounters::Kind kind) {
  return kind == PerfCounters::Hardware   ? "hardware"
         : kind == PerfCounters::Software ? "software"
                                          : "none";
}

/// The columns that counters add to the table; nothing where there are none.
std::string countHeading(PerfCounters::Kind kind) {
  switch (kind) {
  case PerfCounters::Hardware:
    return fmt::format(" {:>5} {:>10}", "IPC", "LLC misses");
  case PerfCounters::Software:
    return fmt::format(" {:>10} {:>7} {:>8}", "CPU us", "faults", "switches");
  case PerfCounters::None:
    return "";
  }
  return "";
}
std::string countColumns(PerfCounters::Kind kind, const PerfCounters::Counts &counts) {
  switch (kind) {
  case PerfCounters::Hardware:
    return fmt::format(" {:>5.2f} {:>10.0f}", counts[1] / std::max(counts[0], 1.0), counts[2]);
  case PerfCounters::Software:
    return fmt::format(" {:>10.2f} {:>7.1f} {:>8.1f}", counts[0] * 1e6, counts[1], counts[2]);
  case PerfCounters::None:
    return "";
  }
  return "";
}

/// Chrome's trace format ("Trace Event Format", complete events): one run, times in microseconds.
void writeTrace(const std::string &path, const Callable &callable, const Recorder &recorder) {
  Json events = Json::array();
  double tick = recorder.clock.tick();
  for (const Recorder::Event &event : recorder.events) {
    const ingot_kernel_info &kernel = callable.function().kernels[event.kernel];
    auto microseconds = [&](int64_t ticks) { return static_cast<double>(ticks) * tick * 1e6; };
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

/// The kernels, the slowest first.
std::vector<size_t> orderOf(const std::vector<double> &seconds) {
  std::vector<size_t> order(seconds.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::sort(order.begin(), order.end(), [&](size_t x, size_t y) {
    return std::pair(-seconds[x], x) < std::pair(-seconds[y], y);
  });
  return order;
}

Json jsonOf(const PerfCounters &counters, const PerfCounters::Counts &counts) {
  Json json = Json::object();
  for (size_t i = 0; i < counts.size(); ++i)
    json[counters.names()[i]] = counts[i];
  return json;
}

struct Report {
  std::string table;
  Json kernels = Json::array();
};

/// What each kernel is expected to take, by name, where the artifact runs on a GPU that it has
/// machine code for; else nothing.
std::map<std::string, double> expectedSeconds(const Callable &callable,
                                              const CallArguments &arguments) {
  std::map<std::string, double> expected;
  auto device = callable.artifact().device();
  if (!device)
    return expected;
  auto onHost = check(Artifact::open(arguments.artifact, arguments.symbol));
  Json cost = gpuCost(*onHost, gpuOption(device->info()), callable.function().name,
                      callable.symbolValues());
  if (!cost.is_null())
    for (const Json &kernel : cost["kernels"])
      expected[kernel["name"].get<std::string>()] += kernel["seconds"].get<double>();
  return expected;
}

/// A line a kernel, of which the first `top` are in the table.
Report reportOf(const Callable &callable, const Profile &found, const MachineLimits &limits,
                const PerfCounters &counters, const std::vector<PerfCounters::Counts> &counts,
                const std::map<std::string, double> &expected, size_t top) {
  double inKernels = std::accumulate(found.seconds.begin(), found.seconds.end(), 0.0);
  Report report;
  report.table =
      fmt::format("{:>10} {:>6} {:>6} {}{}{}  {}\n", "us", "share", "calls", Rates::heading(),
                  countHeading(counters.kind()), expected.empty() ? "" : " expected us", "kernel");
  for (size_t kernel : orderOf(found.seconds)) {
    const ingot_kernel_info &info = callable.function().kernels[kernel];
    double seconds = found.seconds[kernel];
    double flops = callable.flopsOf(static_cast<int64_t>(kernel)),
           bytes = callable.bytesOf(static_cast<int64_t>(kernel));
    Rates rates(flops, bytes, std::max(seconds, 1e-9), limits);
    auto estimate = expected.find(info.name);
    std::string expectedText =
        estimate == expected.end() ? "" : fmt::format(" {:>11.2f}", estimate->second * 1e6);
    if (report.kernels.size() < top)
      report.table +=
          fmt::format("{:>10.2f} {:>5.1f}% {:>6} {}{}{}  {}\n", seconds * 1e6,
                      seconds / inKernels * 100, found.calls[kernel], rates.columns(),
                      countColumns(counters.kind(), counts[kernel]), expectedText, info.name);
    report.kernels.push_back({{"name", info.name},
                              {"node", info.node},
                              {"seconds", seconds},
                              {"share", seconds / inKernels},
                              {"calls", found.calls[kernel]},
                              {"flops", flops},
                              {"bytes", bytes},
                              {"share_of_peak", rates.ofPeak},
                              {"share_of_bandwidth", rates.ofMemory}});
    if (estimate != expected.end())
      report.kernels.back()["expected_seconds"] = estimate->second;
    if (counters.kind() != PerfCounters::None)
      report.kernels.back()["counters"] = jsonOf(counters, counts[kernel]);
  }
  return report;
}

/// Opened before the pool, whose threads are to be counted. Without --counters there are none.
PerfCounters countersOf(const Arguments &arguments) {
  if (!arguments.counters)
    return PerfCounters::open(PerfCounters::None);
  PerfCounters counters = PerfCounters::open();
  if (!counters.problem().empty())
    printWarning(
        "no hardware counters: " + counters.problem() +
        (counters.kind() == PerfCounters::Software ? ". Shown is what the kernel counts" : ""));
  return counters;
}

void profile(const Arguments &arguments) {
  Callable callable(arguments.call);
  PerfCounters counters = countersOf(arguments);
  ThreadPool pool(arguments.threads);
  SessionOptions options;
  options.pool = &pool;
  MachineLimits limits = limitsOf(callable.artifact(), pool);
  Recorder recorder;
  recorder.isOnDevice = callable.artifact().device() != nullptr;
  OthersWatch watch;
  Profile found = measure(callable, options, recorder, arguments.runs);
  double others = watch.share();
  warnIfNoisy(others);
  std::vector<PerfCounters::Counts> counts(found.seconds.size());
  if (counters.kind() != PerfCounters::None)
    counts = count(callable, options, counters, arguments.runs);
  if (!arguments.trace.empty())
    writeTrace(arguments.trace, callable, recorder);

  Report report =
      reportOf(callable, found, limits, counters, counts, expectedSeconds(callable, arguments.call),
               arguments.top > 0 ? static_cast<size_t>(arguments.top) : SIZE_MAX);
  if (arguments.json) {
    Json json = {{"artifact", arguments.call.artifact},
                 {"function", callable.function().name},
                 {"variant", callable.artifact().variant()},
                 {"sizes", callable.sizes()},
                 {"threads", pool.threadCount()},
                 {"runs", arguments.runs},
                 {"seconds", found.whole},
                 {"seconds_unobserved", found.unobserved},
                 {"others", others},
                 {"kernels", report.kernels}};
    if (arguments.counters)
      json["counters"] = {{"kind", kindName(counters.kind())}, {"problem", counters.problem()}};
    fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
    return;
  }
  fmt::print("{}, {} {}: {:.4f} ms a run, {:.4f} ms of it in {} kernels\n{}", callable.title(),
             pool.threadCount(), pool.threadCount() == 1 ? "thread" : "threads", found.whole * 1e3,
             std::accumulate(found.seconds.begin(), found.seconds.end(), 0.0) * 1e3,
             found.seconds.size(), report.table);
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
  command->add_flag("--counters", arguments->counters,
                    "Add the processor's counters: instructions a cycle, cache misses");
  command->add_flag("--json", arguments->json, "Results as JSON");
  command->footer(
      "Columns are as those of `ingot bench`, by kernel. --counters adds, of all threads and\n"
      "by runs of their own, instructions a cycle and misses of the last-level cache in a\n"
      "run; where the machine shows no such counters it says why, and adds processor time,\n"
      "page faults and context switches. On a device times are by its clock, limits those\n"
      "published of a GPU of its architecture, and beside them stands what `ingot inspect\n"
      "--gpu-cost` expects.\n"
      "Examples:\n"
      "  ingot profile classifier.so --shape batch=32 --top 10\n"
      "  ingot profile training.so --function train_step --shape batch=128 \\\n"
      "      --threads 2 --trace step.json\n");
  command->callback([arguments] { profile(*arguments); });
}

} // namespace ingot::cli
