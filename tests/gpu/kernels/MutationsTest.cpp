// Kernels by hand with a fault put in are caught, each under one schedule at least. So the engine
// that finds nothing wrong with generated kernels is one that finds what is wrong.
#include "Mutations.h"
#include "KernelCases.h"

#include <cstdlib>
#include <gtest/gtest.h>

namespace ingot::tests {
namespace {

using shim::HostImage;

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
  ASSERT_EQ(loadKernels(image, text), "");
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
