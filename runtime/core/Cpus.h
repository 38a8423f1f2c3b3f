// How many CPUs there are for this process: those it may run on, and no more than its control group
// gives time for. A container of 2 CPUs on a machine of 64 has 2: with more threads than that it
// would be halted for the rest of each period.
#ifndef INGOT_RUNTIME_CORE_CPUS_H
#define INGOT_RUNTIME_CORE_CPUS_H

#include <string>

namespace ingot {

/// At least 1.
int availableCpus();

/// CPUs of time that the control group of `groupFile` (as /proc/self/cgroup) and those above it
/// allow, rounded up, by what stands below `root` (as /sys/fs/cgroup), in version 2 or 1; 0: no
/// limit, or none that can be read.
int cpusOfControlGroup(const std::string &groupFile, const std::string &root);

} // namespace ingot

#endif // INGOT_RUNTIME_CORE_CPUS_H
