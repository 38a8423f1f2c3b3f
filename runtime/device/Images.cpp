// Images against a device's compute capability. See Images.h.
#include "runtime/device/Images.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string_view>

namespace ingot {

namespace {

/// "sm_90a": version 90, only there; "sm_80" and "compute_80" go on to others. What cannot be read
/// is of version 0.
struct Target {
  int version = 0;
  bool isExact = false;  // "a": features of this very version
  bool isFamily = false; // "f": of those with the same major version

  explicit Target(const char *text) {
    std::string_view name = text;
    size_t digits = name.find('_');
    if (digits == std::string_view::npos)
      return;
    char *end = nullptr;
    version = static_cast<int>(std::strtol(text + digits + 1, &end, 10));
    isExact = *end == 'a';
    isFamily = *end == 'f';
  }
  int major() const { return version / 10; }
};

/// How well an image suits: more is better, 0 not at all.
int rank(const ingot_image &image, const DeviceDriver &driver) {
  if (!driver.takes(image.kind))
    return 0;
  if (image.kind == INGOT_IMAGE_OPENCL)
    return 1;
  const int device = driver.info().computeMajor * 10 + driver.info().computeMinor;
  const Target target(image.target);
  if (target.version <= 0 || target.version > device ||
      (target.isExact && target.version != device))
    return 0;
  if (image.kind == INGOT_IMAGE_PTX)
    return target.isFamily && target.major() != driver.info().computeMajor ? 0 : target.version;
  constexpr int aboveAllPtx = 1 << 20;
  if (target.major() != driver.info().computeMajor)
    return 0;
  return aboveAllPtx + target.version * 2 + (target.isExact ? 1 : 0);
}

bool suits(const ingot_device_code &code, const DeviceDriver &driver) {
  if (driver.info().api != code.api)
    return false;
  for (int64_t unit = 0; unit < code.unit_count; ++unit)
    if (!imageOf(code, unit, driver))
      return false;
  return true;
}

bool usesTensorMaps(const ingot_device_code &code) {
  return std::any_of(code.kernels, code.kernels + code.kernel_count,
                     [](const ingot_device_kernel &kernel) { return kernel.tensor_maps != 0; });
}

/// "sm_80, sm_90a and PTX for compute_80", of the images for this driver.
std::string targetsOf(const ingot_artifact_table &table, const DeviceDriver &driver) {
  std::string text;
  for (int64_t i = 0; i < table.device_count; ++i)
    for (int64_t k = 0; k < table.devices[i].image_count; ++k) {
      const ingot_image &image = table.devices[i].images[k];
      const std::string target = image.target;
      if (driver.info().api != table.devices[i].api ||
          (", " + text + ", ").find(", " + target + ", ") != std::string::npos)
        continue;
      text += (text.empty() ? "" : ", ") + target;
    }
  return text;
}

} // namespace

std::string gpuOption(const DeviceInfo &info) {
  if (info.api != "cuda")
    return "opencl";
  std::string best;
  for (const char *text : {"sm_75", "sm_80", "sm_86", "sm_89", "sm_90a", "sm_100", "sm_120"})
    if (Target target(text); target.version <= info.computeMajor * 10 + info.computeMinor)
      best = text;
  return best;
}

const ingot_image *imageOf(const ingot_device_code &code, int64_t unit,
                           const DeviceDriver &driver) {
  const ingot_image *best = nullptr;
  for (int64_t i = 0; i < code.image_count; ++i)
    if (const ingot_image &image = code.images[i]; image.unit == unit)
      if (int seen = rank(image, driver); seen > (best ? rank(*best, driver) : 0))
        best = &image;
  return best;
}

Result<const ingot_device_code *> codeFor(const ingot_artifact_table &table,
                                          const DeviceDriver &driver) {
  const bool isNew = table.size > offsetof(ingot_artifact_table, devices);
  const int64_t count = isNew ? table.device_count : 0;
  const DeviceInfo &info = driver.info();
  bool isDriverOld = false;
  for (int64_t i = 0; i < count; ++i)
    if (const ingot_device_code &code = table.devices[i]; suits(code, driver)) {
      if (driver.hasTensorMaps() || !usesTensorMaps(code))
        return &code;
      isDriverOld = true;
    }
  if (isDriverOld)
    return Status(StatusCode::Unsupported,
                  std::string("model '") + table.name + "': its code for " + describe(info) +
                      " takes a driver with cuTensorMapEncodeTiled; that is one for CUDA 12.0 "
                      "(525) or later");
  const bool isCuda = info.api == "cuda";
  const std::string targets = count == 0 ? "" : targetsOf(table, driver);
  const std::string option = gpuOption(info);
  return Status(StatusCode::Unsupported,
                std::string("model '") + table.name + "' has no code for " + describe(info) + ": " +
                    (targets.empty() ? "it was compiled for no device of " +
                                           std::string(isCuda ? "CUDA" : "OpenCL")
                                     : "it was compiled for " + targets) +
                    (option.empty() ? "; GPUs below compute capability 7.5 are not compiled for"
                                    : "; compile it with --gpu " + option));
}

} // namespace ingot
