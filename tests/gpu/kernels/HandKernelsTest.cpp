// Kernels by hand on the host are right under every schedule.
#include "KernelCases.h"

#include <gtest/gtest.h>

namespace ingot::tests {
namespace {

using shim::HostCompileOptions;
using shim::HostImage;

HostCompileOptions plain() {
  HostCompileOptions options;
  options.instrumented = false;
  return options;
}

class Kernels : public testing::TestWithParam<KernelCase> {};

TEST_P(Kernels, areRightUnderEverySchedule) {
  HostImage image;
  ASSERT_EQ(loadKernels(image, kernelText(GetParam())), "");
  for (shim::Schedule schedule : shim::allSchedules())
    EXPECT_EQ(GetParam().run(image, schedule), "") << describe(schedule);
}

TEST_P(Kernels, areRightWithoutInstrumentation) {
  HostImage image;
  ASSERT_EQ(loadKernels(image, kernelText(GetParam()), plain()), "");
  for (shim::Schedule schedule : shim::allSchedules(1))
    EXPECT_EQ(GetParam().run(image, schedule), "") << describe(schedule);
}

#ifdef INGOT_ADDRESS_SANITIZER
TEST_P(Kernels, areRightForTheAddressSanitizer) {
  HostCompileOptions options = plain();
  options.addressSanitizer = true;
  HostImage image;
  ASSERT_EQ(loadKernels(image, kernelText(GetParam()), options), "");
  for (shim::Schedule schedule : shim::allSchedules(1))
    EXPECT_EQ(GetParam().run(image, schedule), "") << describe(schedule);
}
#endif

INSTANTIATE_TEST_SUITE_P(ByHand, Kernels, testing::ValuesIn(kernelCases()),
                         [](const auto &info) { return info.param.name; });

} // namespace
} // namespace ingot::tests
