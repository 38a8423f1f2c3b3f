// What a function would put on a device, found without one: the host code that the artifact has for
// the device is called with an ingot_device that notes what it is told and does nothing.
#pragma once
#include "ingot/artifact.h"
#include <optional>
#include <vector>

namespace ingot::cli {

struct DeviceLaunch {
  int64_t kernel = -1; ///< of the function's; -1: between them
  int64_t code = -1;   ///< of the device's kernels; -1: a copy
  int64_t blocks = 0;
  uint64_t copied = 0; ///< bytes

  bool operator==(const DeviceLaunch &) const = default;
};

struct DeviceLaunches {
  std::vector<DeviceLaunch> launches; ///< in order
  /// Behind these the function decides by values that are computed on the device.
  bool isCutOff = false;
};

/// `function` is of the table of a device; `sizes` are the values of its symbols. Nothing where it
/// cannot run with them.
std::optional<DeviceLaunches> recordLaunches(const ingot_function &function,
                                             const std::vector<int64_t> &sizes);

} // namespace ingot::cli
