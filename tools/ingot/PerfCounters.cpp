// See PerfCounters.h. Each counter is an event of its own: a group cannot be inherited by threads.
#include "tools/ingot/PerfCounters.h"
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ingot::cli {
namespace {

constexpr uint64_t kEvents[][PerfCounters::kCount] = {
    {PERF_COUNT_HW_CPU_CYCLES, PERF_COUNT_HW_INSTRUCTIONS, PERF_COUNT_HW_CACHE_MISSES},
    {PERF_COUNT_SW_TASK_CLOCK, PERF_COUNT_SW_PAGE_FAULTS, PERF_COUNT_SW_CONTEXT_SWITCHES}};

/// A file of a counter, or -1 with errno set.
int openEvent(uint32_t type, uint64_t event, bool withKernel) {
  perf_event_attr attributes;
  std::memset(&attributes, 0, sizeof(attributes));
  attributes.size = sizeof(attributes);
  attributes.type = type;
  attributes.config = event;
  attributes.inherit = 1;
  attributes.exclude_kernel = !withKernel;
  attributes.exclude_hv = 1;
  attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  return static_cast<int>(
      syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

std::string paranoidLevel() {
  std::ifstream file("/proc/sys/kernel/perf_event_paranoid");
  std::string level;
  file >> level;
  return level;
}

} // namespace

void PerfCounters::Close::operator()(const int *file) const {
  close(*file);
  delete file;
}

PerfCounters PerfCounters::open(Kind wanted) {
  PerfCounters counters;
  if (wanted == None)
    return counters;
  for (uint64_t event : kEvents[wanted]) {
    // Of the hardware only our own code counts; a context switch happens in the kernel.
    int file = openEvent(wanted == Hardware ? PERF_TYPE_HARDWARE : PERF_TYPE_SOFTWARE, event,
                         wanted == Software);
    if (file < 0 && wanted == Software)
      file = openEvent(PERF_TYPE_SOFTWARE, event, false);
    if (file < 0) {
      counters.reason = explain(errno, paranoidLevel());
      counters.files.clear();
      return counters;
    }
    counters.files.emplace_back(new int(file));
  }
  counters.found = wanted;
  return counters;
}

PerfCounters PerfCounters::open() {
  PerfCounters hardware = open(Hardware);
  if (hardware.found == Hardware)
    return hardware;
  PerfCounters software = open(Software);
  software.reason = std::move(hardware.reason);
  return software;
}

PerfCounters::Counts PerfCounters::read() const {
  Counts counts = {};
  for (size_t i = 0; i < files.size(); ++i) {
    uint64_t values[3]; // the count, and the time it was wanted and taken
    if (::read(*files[i], values, sizeof(values)) != sizeof(values) || values[2] == 0)
      continue;
    // Where there are more events than counters, the kernel lets them take turns.
    counts[i] = static_cast<double>(values[0]) * static_cast<double>(values[1]) /
                static_cast<double>(values[2]);
  }
  if (found == Software)
    counts[0] *= 1e-9;
  return counts;
}

std::array<const char *, PerfCounters::kCount> PerfCounters::names() const {
  if (found == Hardware)
    return {"cycles", "instructions", "cache_misses"};
  return {"processor_seconds", "page_faults", "context_switches"};
}

std::string PerfCounters::explain(int error, const std::string &paranoid) {
  switch (error) {
  case ENOENT:
  case EOPNOTSUPP:
  case ENODEV:
    return "this machine shows no hardware counters, as virtual machines often do not; profile on "
           "the hardware itself, or let the hypervisor pass them on (QEMU: -cpu host,pmu=on)";
  case EACCES:
  case EPERM:
    return fmt::format(
        "the system does not allow them{}; allow them by `sysctl "
        "kernel.perf_event_paranoid=2`, or run with CAP_PERFMON (in a container: and a "
        "seccomp profile that allows perf_event_open)",
        paranoid.empty() ? "" : " (kernel.perf_event_paranoid is " + paranoid + ")");
  case ENOSYS:
    return "this kernel has no perf_event_open; build it with CONFIG_PERF_EVENTS";
  case EMFILE:
    return "too many files are open; raise `ulimit -n`";
  default:
    return fmt::format("perf_event_open failed: {}", std::strerror(error));
  }
}

} // namespace ingot::cli
