// See MachineLimits.h.
#include "tools/ingot/MachineLimits.h"
#include "backends/gpu/cost/GpuMachine.h"
#include "ingot/Device.h"
#include "tools/ingot/Cli.h"
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <fstream>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace ingot::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kChains = 12; // enough to hide an FMA's latency, few enough for 16 registers
constexpr int64_t kSteps = 100000;

typedef float Vector16 __attribute__((vector_size(16)));
typedef float Vector32 __attribute__((vector_size(32)));
typedef float Vector64 __attribute__((vector_size(64)));

// One body a vector width: what a function may use is fixed by its attribute. Without FMA a chain
// multiplies and adds. The sum is returned so that the loop is not left out.
#define INGOT_CHAINS(NAME, TARGET, VECTOR, STEP)                                                   \
  __attribute__((target(TARGET))) float NAME(float start) {                                        \
    VECTOR sums[kChains], factor = VECTOR{} + 0.999999f, term = VECTOR{} + start;                  \
    for (auto &sum : sums)                                                                         \
      sum = term;                                                                                  \
    for (int64_t step = 0; step < kSteps; ++step)                                                  \
      for (auto &sum : sums)                                                                       \
        STEP;                                                                                      \
    VECTOR all{};                                                                                  \
    for (auto &sum : sums)                                                                         \
      all += sum;                                                                                  \
    return all[0];                                                                                 \
  }
INGOT_CHAINS(chains16, "sse2", Vector16, sum = sum * factor + term)
INGOT_CHAINS(chains32, "avx2,fma", Vector32, sum = __builtin_elementwise_fma(sum, factor, term))
INGOT_CHAINS(chains64, "avx512f", Vector64, sum = __builtin_elementwise_fma(sum, factor, term))
#undef INGOT_CHAINS

volatile float sink;

/// Processor time of everything since the machine started; 0 where the system does not say.
double machineSeconds() {
  // "cpu" and user, nice, system, idle, iowait, irq, softirq, steal: in clock ticks.
  std::ifstream stat("/proc/stat");
  std::string word;
  std::array<double, 8> ticks{};
  stat >> word;
  for (double &value : ticks)
    stat >> value;
  return !stat ? 0
               : (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7]) /
                     static_cast<double>(sysconf(_SC_CLK_TCK));
}

double ownSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  double seconds = 0;
  for (const timeval &part : {usage.ru_utime, usage.ru_stime})
    seconds += static_cast<double>(part.tv_sec) + static_cast<double>(part.tv_usec) * 1e-6;
  return seconds;
}

/// Least time of `body` on all threads at once, each with its own share.
template <typename Body> double leastSeconds(ThreadPool &pool, int rounds, Body body) {
  double least = 1e30;
  for (int round = 0; round < rounds; ++round) {
    auto start = Clock::now();
    pool.parallelFor(pool.threadCount(), body);
    least = std::min(least, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return least;
}

MachineLimits measureLimits(std::string_view variant, ThreadPool &pool) {
  std::string_view level = variant.substr(0, variant.find('+'));
  bool is64 = level == "x86-64-v4", is32 = level == "x86-64-v3";
  auto chains = is64 ? chains64 : is32 ? chains32 : chains16;
  double lanes = is64 ? 16 : is32 ? 8 : 4;
  double seconds =
      leastSeconds(pool, 20, [&](int64_t index) { sink = chains(static_cast<float>(index)); });
  double threads = pool.threadCount();
  MachineLimits limits{};
  limits.flopsPerSecond = 2 * lanes * kChains * kSteps * threads / seconds;

  constexpr size_t kWords = size_t(1) << 23; // 64 MiB of u64
  std::vector<uint64_t> memory(kWords, 1);
  size_t share = kWords / static_cast<size_t>(pool.threadCount());
  seconds = leastSeconds(pool, 5, [&](int64_t index) {
    const uint64_t *from = memory.data() + share * static_cast<size_t>(index);
    uint64_t sum = 0;
    for (size_t i = 0; i < share; ++i)
      sum += from[i];
    sink = static_cast<float>(sum);
  });
  limits.bytesPerSecond = static_cast<double>(share * sizeof(uint64_t)) * threads / seconds;
  return limits;
}

MachineLimits publishedLimits(const DeviceInfo &device) {
  for (gpu::Architecture architecture : gpu::knownArchitectures())
    if (architecture.name() == gpuOption(device)) {
      const gpu::GpuMachine &machine = gpu::gpuMachine(architecture);
      return {machine.fp32Flops(), machine.bytesPerSecond};
    }
  return {0, 0};
}

} // namespace

MachineLimits limitsOf(const Artifact &artifact, ThreadPool &pool) {
  if (auto device = artifact.device())
    return publishedLimits(device->info());
  return measureLimits(artifact.variant(), pool);
}

Rates::Rates(double flops, double bytes, double seconds, const MachineLimits &limits)
    : flopsPerSecond(flops / seconds), bytesPerSecond(bytes / seconds),
      ofPeak(flopsPerSecond / limits.flopsPerSecond),
      ofMemory(bytesPerSecond / limits.bytesPerSecond) {}

std::string Rates::columns() const {
  auto share = [](double of) { return std::isfinite(of) ? fmt::format("{:.0f}%", of * 100) : "-"; };
  return fmt::format("{:>9.2f} {:>8} {:>9.2f} {:>9}", flopsPerSecond * 1e-9, share(ofPeak),
                     bytesPerSecond * 1e-9, share(ofMemory));
}
std::string Rates::heading() {
  return fmt::format("{:>9} {:>8} {:>9} {:>9}", "GFLOP/s", "of peak", "GB/s", "of memory");
}

OthersWatch::OthersWatch() : machine(machineSeconds()), own(ownSeconds()), start(Clock::now()) {}

double OthersWatch::share() const {
  double now = machineSeconds(), others = (now - machine) - (ownSeconds() - own);
  double all = std::chrono::duration<double>(Clock::now() - start).count() *
               std::max(1u, std::thread::hardware_concurrency());
  return now == 0 || all <= 0 ? 0 : std::clamp(others / all, 0.0, 1.0);
}

bool isNoisy(double shareOfOthers) { return shareOfOthers > 0.1; }

void warnIfNoisy(double shareOfOthers) {
  if (isNoisy(shareOfOthers))
    printWarning(fmt::format("other processes used {:.0f} % of the machine: times are too long",
                             shareOfOthers * 100));
}

} // namespace ingot::cli
