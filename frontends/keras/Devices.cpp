// See Devices.h.
#include "frontends/keras/Devices.h"
#include "frontends/keras/Throwing.h"
#include "ingot/Device.h"

#include <algorithm>

namespace ingot::keras {

std::vector<config::PhysicalDevice> config::listPhysicalDevices(const std::string &deviceType) {
  std::vector<PhysicalDevice> devices = {{"cpu", "CPU", "cpu"}};
  for (const DeviceInfo &info : Device::list())
    devices.push_back({info.api + ":" + std::to_string(info.index),
                       info.api == "cuda" ? "GPU" : "OPENCL", describe(info)});
  if (!deviceType.empty())
    devices.erase(std::remove_if(devices.begin(), devices.end(),
                                 [&](const auto &each) { return each.deviceType != deviceType; }),
                  devices.end());
  return devices;
}

namespace {
std::vector<DeviceInfo> cudaDevices() {
  std::vector<DeviceInfo> devices = Device::list();
  devices.erase(std::remove_if(devices.begin(), devices.end(),
                               [](const DeviceInfo &info) { return info.api != "cuda"; }),
                devices.end());
  return devices;
}
} // namespace

bool cuda::isAvailable() { return Device::isAvailable("cuda"); }

int64_t cuda::deviceCount() { return static_cast<int64_t>(cudaDevices().size()); }

std::string cuda::getDeviceName(int64_t index) {
  for (const DeviceInfo &info : cudaDevices())
    if (info.index == index)
      return info.name;
  throw Error("there is no CUDA device " + std::to_string(index) + ": there are " +
                  std::to_string(deviceCount()),
              StatusCode::NotFound);
}

} // namespace ingot::keras
