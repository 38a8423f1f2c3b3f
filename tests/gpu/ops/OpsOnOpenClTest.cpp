// Every op case of tests/ops by OpenCL, for real: on whatever device there is, PoCL's CPU for
// example.
#include "ingot/Device.h"
#include "tests/support/OpExpectations.h"
#include <gtest/gtest.h>

namespace ingot::tests {
namespace {

class OpsOnOpenCl : public testing::TestWithParam<std::string> {};

TEST_P(OpsOnOpenCl, EqualsTheReference) {
  auto device = Device::open("opencl");
  if (!device.isOk())
    GTEST_SKIP() << device.status().message();
  CompileOptions options;
  options.targetCpu = "x86-64";
  options.gpu = "opencl";
  CompiledModule compiled(opCaseModule(GetParam()), options);
  ASSERT_TRUE(compiled.ok()) << compiled.error();
  CompiledModule there = compiled.onDevice(*device);
  ASSERT_TRUE(there.ok()) << there.error();
  expectReference(GetParam(), there);
}

INSTANTIATE_TEST_SUITE_P(Cases, OpsOnOpenCl, testing::ValuesIn(opCaseFiles()),
                         [](const auto &info) { return info.param; });

} // namespace
} // namespace ingot::tests
