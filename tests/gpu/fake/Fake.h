// What tests ask of the fake driver (libcuda_fake.so) beside CUDA's functions. C, by dlsym: the
// driver is loaded by the runtime, not linked.
//
// The driver keeps what a GPU would forgive in silence: every wrong use of a function is written
// down, work runs as late as it may, and device memory cannot be touched but while "the device"
// works. Settings, by environment variables INGOT_FAKE_<NAME> when the driver starts, or by
// ingot_fake_set with the name in lower case:
//
//   DEVICES     1         how many there are; only before the driver starts
//   CAPABILITY  9.0       of all of them, or by device: 9.0,8.0
//   MEMORY      16 GiB    bytes of each device
//   POOLS       1         0: no stream-ordered memory
//   SCHEDULE    lazy      lazy: work runs when somebody waits for it; random:SEED: now and then
//   CUBLASLT    working   what cuBLASLt does: working; unusable: it does not start; nothing: it has
//   no
//                         algorithm for any product; failing: cublasLtMatmul fails; losing: so does
//                         the product, when it is done
//   THREADS     forward   order of a kernel's threads: forward, reverse, random:SEED, skewed:SEED,
//                         interleaved:SEED; see Schedule in tests/gpu/shim/Shim.h
#pragma once
#include <cstdint>

namespace ingot::fake {

/// Wrong uses so far, a line each, and behind them what is alive: memory, streams, events, graphs,
/// modules, contexts. "" when all is well. The text stays until the next call. When the driver is
/// unloaded, a report that is not empty goes to stderr.
using ReportFunction = const char *();
constexpr const char *reportName = "ingot_fake_report";

/// The wrong uses alone.
using MisusesFunction = const char *();
constexpr const char *misusesName = "ingot_fake_misuses";

/// Forgets wrong uses, counts, errors of contexts, and all objects, which are destroyed.
using ResetFunction = void();
constexpr const char *resetName = "ingot_fake_reset";

/// 0: no such setting or value.
using SetFunction = int(const char *name, const char *value);
constexpr const char *setName = "ingot_fake_set";

/// Calls of a function of the driver, "cuGraphLaunch", since the start or reset.
using CountFunction = int64_t(const char *function);
constexpr const char *countName = "ingot_fake_count";

} // namespace ingot::fake
