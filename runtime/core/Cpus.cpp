#include "runtime/core/Cpus.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sched.h>
#include <string_view>
#include <thread>

namespace ingot {

namespace {
/// The first `most` bytes of a small file; "" where it cannot be read.
std::string readText(const std::string &path, size_t most) {
  std::string text(most, '\0');
  std::FILE *file = std::fopen(path.c_str(), "re");
  if (!file)
    return "";
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

int cpusOf(int64_t quota, int64_t period) {
  if (quota <= 0 || period <= 0)
    return 0;
  return static_cast<int>(std::min<int64_t>((quota + period - 1) / period, 1 << 20));
}

/// "200000 100000" in cpu.max; "max 100000" is no limit.
int limitOfVersion2(const std::string &directory) {
  std::string text = readText(directory + "/cpu.max", 64);
  char *end;
  int64_t quota = std::strtoll(text.c_str(), &end, 10);
  return cpusOf(quota, std::strtoll(end, nullptr, 10));
}

int limitOfVersion1(const std::string &directory) {
  return cpusOf(std::strtoll(readText(directory + "/cpu.cfs_quota_us", 64).c_str(), nullptr, 10),
                std::strtoll(readText(directory + "/cpu.cfs_period_us", 64).c_str(), nullptr, 10));
}

/// Of a group and all above it: "/a/b", "/a", "".
template <typename Limit>
int leastOf(const std::string &root, std::string group, const Limit &limit) {
  int least = 0;
  for (;;) {
    while (!group.empty() && group.back() == '/')
      group.pop_back();
    if (int here = limit(root + group); here > 0)
      least = least == 0 ? here : std::min(least, here);
    if (group.empty())
      return least;
    group.resize(std::min(group.rfind('/'), group.size() - 1));
  }
}

bool hasController(std::string_view list, std::string_view name) {
  for (size_t at = 0; at <= list.size();) {
    size_t end = std::min(list.find(',', at), list.size());
    if (list.substr(at, end - at) == name)
      return true;
    at = end + 1;
  }
  return false;
}
} // namespace

int cpusOfControlGroup(const std::string &groupFile, const std::string &root) {
  std::string text = readText(groupFile, 1 << 16);
  int least = 0;
  for (size_t at = 0; at < text.size();) { // "0::/a/b", "3:cpu,cpuacct:/a/b"
    size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    at = end + 1;
    size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos)
      continue;
    std::string controllers = line.substr(first + 1, second - first - 1);
    std::string group = line.substr(second + 1);
    int limit = controllers.empty() ? leastOf(root, group, limitOfVersion2)
                : hasController(controllers, "cpu")
                    ? leastOf(root + "/" + controllers, group, limitOfVersion1)
                    : 0;
    if (limit > 0)
      least = least == 0 ? limit : std::min(least, limit);
  }
  return least;
}

int availableCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cpus = sched_getaffinity(0, sizeof(set), &set) == 0
                 ? CPU_COUNT(&set)
                 : static_cast<int>(std::thread::hardware_concurrency());
  int limit = cpusOfControlGroup("/proc/self/cgroup", "/sys/fs/cgroup");
  return std::max(1, limit > 0 ? std::min(cpus, limit) : cpus);
}

} // namespace ingot
