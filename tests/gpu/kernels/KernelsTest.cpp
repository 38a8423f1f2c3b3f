// Kernels by hand on the host: as they are they pass under every schedule, and each with one fault
// in it is caught under one at least. So the engine that finds nothing wrong with generated kernels
// is one that finds what is wrong.
#include "KernelCases.h"
#include "Mutations.h"
#include "tests/gpu/shim/CompileHost.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace ingot::tests {
namespace {

using shim::HostCompileOptions;
using shim::HostImage;

// Compiles and loads.
std::string load(HostImage &image, const std::string &text, HostCompileOptions options) {
  char path[] = "/tmp/ingot-kernels-XXXXXX";
  close(mkstemp(path));
  std::string problem = shim::compileHost(text, path, options);
  if (problem.empty())
    problem = image.open(path);
  unlink(path);
  return problem;
}

HostCompileOptions plain() {
  HostCompileOptions options;
  options.instrumented = false;
  return options;
}

class Kernels : public testing::TestWithParam<KernelCase> {};

TEST_P(Kernels, areRightUnderEverySchedule) {
  HostImage image;
  ASSERT_EQ(load(image, kernelText(GetParam()), {}), "");
  for (shim::Schedule schedule : shim::allSchedules())
    EXPECT_EQ(GetParam().run(image, schedule), "") << describe(schedule);
}

TEST_P(Kernels, areRightWithoutInstrumentation) {
  HostImage image;
  ASSERT_EQ(load(image, kernelText(GetParam()), plain()), "");
  for (shim::Schedule schedule : shim::allSchedules(1))
    EXPECT_EQ(GetParam().run(image, schedule), "") << describe(schedule);
}

#ifdef INGOT_ADDRESS_SANITIZER
TEST_P(Kernels, areRightForTheAddressSanitizer) {
  HostCompileOptions options = plain();
  options.addressSanitizer = true;
  HostImage image;
  ASSERT_EQ(load(image, kernelText(GetParam()), options), "");
  for (shim::Schedule schedule : shim::allSchedules(1))
    EXPECT_EQ(GetParam().run(image, schedule), "") << describe(schedule);
}
#endif

INSTANTIATE_TEST_SUITE_P(ByHand, Kernels, testing::ValuesIn(kernelCases()),
                         [](const auto &info) { return info.param.name; });

class Mutations : public testing::TestWithParam<Mutation> {};

TEST_P(Mutations, areCaught) {
  const Mutation &mutation = GetParam();
  const KernelCase *kernel = nullptr;
  for (const KernelCase &one : kernelCases())
    if (one.name == std::string(mutation.kernel))
      kernel = &one;
  ASSERT_TRUE(kernel);
  std::string text = kernelText(*kernel);
  const size_t at = text.find(mutation.from);
  ASSERT_NE(at, std::string::npos) << "the kernel has no such text";
  ASSERT_EQ(text.find(mutation.from, at + 1), std::string::npos) << "more than one place";
  text.replace(at, std::string(mutation.from).size(), mutation.to);
  HostImage image;
  ASSERT_EQ(load(image, text, {}), "");
  for (shim::Schedule schedule : shim::allSchedules())
    if (std::string problem = kernel->run(image, schedule); !problem.empty()) {
      RecordProperty("schedule", describe(schedule));
      RecordProperty("problem", problem);
      if (std::getenv("INGOT_SHOW_MUTATIONS"))
        std::printf("%-14s %-34s %s: %s\n", mutation.kernel, mutation.name,
                    describe(schedule).c_str(), problem.c_str());
      return;
    }
  ADD_FAILURE() << mutation.kernel << ", " << mutation.name << ": no schedule finds it";
}

INSTANTIATE_TEST_SUITE_P(OfKernels, Mutations, testing::ValuesIn(mutations()),
                         [](const auto &info) {
                           return std::string(info.param.kernel) + "_" + info.param.name;
                         });

} // namespace
} // namespace ingot::tests
