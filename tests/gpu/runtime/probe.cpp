// Opens the device of the first argument and says what there is: for tests of what is in the
// environment when a process first looks for a driver.
#include "ingot/Device.h"
#include "runtime/device/Driver.h"

#include <cstdio>

int main(int, char **arguments) {
  const std::string name = arguments[1];
  for (const ingot::DeviceInfo &info : ingot::Device::list())
    if (name.compare(0, info.api.size(), info.api) == 0)
      std::printf("there is %s\n", describe(info).c_str());
  std::printf("%s\n", ingot::Device::isAvailable(name) ? "available" : "not available");
  auto device = ingot::Device::open(name);
  std::printf("%s\n", device.isOk() ? "opened" : device.status().message().c_str());
  if (device.isOk()) {
    ingot::Result<std::string> library = (*device)->driver().productLibrary();
    std::printf("products: %s\n", (library.isOk() ? *library : library.status().message()).c_str());
  }
  return static_cast<int>(device.status().code());
}
