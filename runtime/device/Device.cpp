// Devices by name. See ingot/Device.h.
#include "ingot/Device.h"
#include "runtime/device/CudaDevice.h"
#include "runtime/device/OpenClDevice.h"

#include <charconv>

namespace ingot {

namespace {

struct Driver {
  const char *api;
  /// Of all its devices; none where there is no driver.
  std::vector<DeviceInfo> (*list)();
  Result<std::unique_ptr<DeviceDriver>> (*open)(int index);
};

std::vector<DeviceInfo> listCuda() {
  std::vector<DeviceInfo> devices;
  if (Result<const cuda::Library *> library = cuda::library(); library.isOk())
    for (int i = 0; i < (*library)->deviceCount; ++i)
      if (Result<DeviceInfo> info = cuda::infoOf(**library, i); info.isOk())
        devices.push_back(std::move(*info));
  return devices;
}

std::vector<DeviceInfo> listOpenCl() {
  std::vector<DeviceInfo> devices;
  if (Result<const opencl::Library *> library = opencl::library(); library.isOk())
    for (size_t i = 0; i < (*library)->devices.size(); ++i)
      devices.push_back(opencl::infoOf(**library, static_cast<int>(i)));
  return devices;
}

constexpr Driver drivers[] = {{"cuda", &listCuda, &cuda::CudaDevice::open},
                              {"opencl", &listOpenCl, &opencl::OpenClDevice::open}};

/// "cuda:1" is of the first driver with index 1.
Result<std::pair<const Driver *, int>> parse(const std::string &name) {
  const size_t colon = name.find(':');
  const std::string api = name.substr(0, colon);
  int index = 0;
  const char *end = name.data() + name.size();
  if (colon != std::string::npos) {
    const auto [at, error] = std::from_chars(name.data() + colon + 1, end, index);
    if (error != std::errc() || at != end || index < 0)
      return Status(StatusCode::InvalidArgument,
                    "'" + name + "' is no device: a number is expected behind '" + api + ":'");
  }
  std::string known;
  for (const Driver &driver : drivers) {
    if (api == driver.api)
      return std::pair(&driver, index);
    known += std::string(known.empty() ? "'" : "', '") + driver.api;
  }
  return Status(StatusCode::InvalidArgument, "'" + name + "' is no device: " + known +
                                                 "' and their numbers, as in 'cuda:1', are");
}

} // namespace

std::string describe(const DeviceInfo &info) {
  std::string text = info.api + ":" + std::to_string(info.index) + " (" + info.name;
  if (info.computeMajor != 0)
    text += ", compute capability " + std::to_string(info.computeMajor) + "." +
            std::to_string(info.computeMinor);
  return text + ")";
}

Device::Device(std::unique_ptr<DeviceDriver> driver) : driver_(std::move(driver)) {}
Device::~Device() = default;

Result<std::shared_ptr<Device>> Device::open(const std::string &name) {
  INGOT_ASSIGN_OR_RETURN(const auto parsed, parse(name));
  INGOT_ASSIGN_OR_RETURN(std::unique_ptr<DeviceDriver> driver, parsed.first->open(parsed.second));
  return std::shared_ptr<Device>(new Device(std::move(driver)));
}

bool Device::isAvailable(const std::string &name) {
  const auto parsed = parse(name);
  if (!parsed.isOk())
    return false;
  for (const DeviceInfo &info : parsed->first->list())
    if (info.index == parsed->second)
      return true;
  return false;
}

std::vector<DeviceInfo> Device::list() {
  std::vector<DeviceInfo> devices;
  for (const Driver &driver : drivers)
    for (DeviceInfo &info : driver.list())
      devices.push_back(std::move(info));
  return devices;
}

const DeviceInfo &Device::info() const { return driver_->info(); }
std::string Device::name() const { return info().api + ":" + std::to_string(info().index); }

} // namespace ingot
