// Every op case of tests/ops as kernels for GPUs, run by the fake driver under several orders of
// threads: equal to the reference interpreter, or a status that says what the interpreter says.
// Evidence of logic, not of a GPU's rounding.
#include "tests/gpu/ops/HostImage.h"
#include "tests/gpu/runtime/FakeDriver.h"
#include "tests/support/OpExpectations.h"
#include <gtest/gtest.h>

namespace ingot::tests {
namespace {

class OpsOnGpu : public gputest::DeviceTest, public testing::WithParamInterface<std::string> {};

TEST_P(OpsOnGpu, EqualsTheReference) {
  driver.set("capability", "7.5");
  auto device = Device::open("cuda");
  ASSERT_TRUE(device.isOk()) << device.status().message();
  CompileOptions options;
  options.targetCpu = "x86-64";
  options.gpu = "host";
  options.hostImage = makeHostImage;
  CompiledModule compiled(opCaseModule(GetParam()), options, *device);
  for (const char *order : {"forward", "reverse", "skewed:1"}) {
    SCOPED_TRACE(order);
    driver.set("threads", order);
    expectReference(GetParam(), compiled);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, OpsOnGpu, testing::ValuesIn(opCaseFiles()),
                         [](const auto &info) { return info.param; });

} // namespace
} // namespace ingot::tests
