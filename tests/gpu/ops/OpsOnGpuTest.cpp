// Every op case of tests/ops as kernels for GPUs, of each family, run by the fake driver under
// several orders of threads: equal to the reference interpreter, or a status that says what the
// interpreter says. Evidence of logic, not of a GPU's rounding.
#include "tests/gpu/ops/HostImage.h"
#include "tests/gpu/runtime/FakeDriver.h"
#include "tests/support/OpExpectations.h"
#include <gtest/gtest.h>

namespace ingot::tests {
namespace {

class OpsOnGpu : public gputest::DeviceTest, public testing::WithParamInterface<std::string> {};

TEST_P(OpsOnGpu, EqualsTheReference) {
  CompileOptions options;
  options.targetCpu = "x86-64";
  options.gpu = "host";
  options.hostImage = [](const std::string &source) { return makeHostImage(source); };
  CompiledModule compiled(opCaseModule(GetParam()), options);
  ASSERT_TRUE(compiled.ok()) << compiled.error();
  // Capability, by which a family's code is chosen, and orders.
  const std::pair<const char *, std::vector<const char *>> runs[] = {
      {"8.0", {"forward", "reverse", "skewed:1"}}, {"7.5", {"interleaved:1"}}};
  for (const auto &[capability, orders] : runs) {
    driver.set("capability", capability);
    auto device = Device::open("cuda");
    ASSERT_TRUE(device.isOk()) << device.status().message();
    CompiledModule there = compiled.onDevice(*device);
    ASSERT_TRUE(there.ok()) << there.error();
    for (const char *order : orders) {
      SCOPED_TRACE(std::string(capability) + " " + order);
      driver.set("threads", order);
      expectReference(GetParam(), there);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, OpsOnGpu, testing::ValuesIn(opCaseFiles()),
                         [](const auto &info) { return info.param; });

} // namespace
} // namespace ingot::tests
