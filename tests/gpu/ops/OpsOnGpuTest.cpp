// Every op case of tests/ops as kernels for GPUs, of each family, run by the fake driver under
// several orders of threads: equal to the reference interpreter, or a status that says what the
// interpreter says. Evidence of logic, not of a GPU's rounding.
#include "tests/gpu/ops/EveryOrder.h"
#include "tests/gpu/ops/HostImage.h"
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
  inEveryOrder(driver, compiled, [](CompiledModule &there) { expectReference(GetParam(), there); });
}

INSTANTIATE_TEST_SUITE_P(Cases, OpsOnGpu, testing::ValuesIn(opCaseFiles()),
                         [](const auto &info) { return info.param; });

} // namespace
} // namespace ingot::tests
