// Compiled programs on the fake driver's device, with the code of each family of GPUs and in
// several orders of threads.
#pragma once
#include "tests/gpu/runtime/FakeDriver.h"
#include "tests/support/RunCompiled.h"

namespace ingot::tests {

/// Calls `run` with the module on the first device: for each family whose code differs, and under
/// each order, the threads' order being the driver's until the next.
inline void inEveryOrder(gputest::FakeDriver &driver, const CompiledModule &compiled,
                         llvm::function_ref<void(CompiledModule &there)> run) {
  // Capability, by which a family's code is chosen, and orders.
  const std::pair<const char *, std::vector<const char *>> runs[] = {
      {"8.0", {"reverse", "skewed:1"}}, {"7.5", {"interleaved:1"}}};
  for (const auto &[capability, orders] : runs) {
    driver.set("capability", capability);
    auto device = Device::open("cuda");
    ASSERT_TRUE(device.isOk()) << device.status().message();
    CompiledModule there = compiled.onDevice(*device);
    ASSERT_TRUE(there.ok()) << there.error();
    for (const char *order : orders) {
      SCOPED_TRACE(std::string(capability) + " " + order);
      driver.set("threads", order);
      run(there);
    }
  }
}

} // namespace ingot::tests
