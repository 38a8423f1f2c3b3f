// Where there is no driver, or none that is of use, there are no devices, and a word says why.
#include "ingot/Status.h"

#include <cstdio>
#include <gmock/gmock.h>
#include <string>
#include <sys/wait.h>

using namespace ingot;
using testing::HasSubstr;

namespace {

/// What a process with this in its environment says of a device, and the code of its status.
std::string probe(const std::string &environment, const std::string &name, StatusCode &code) {
  std::FILE *output = popen(("env " + environment + " " PROBE " " + name + " 2>&1").c_str(), "r");
  std::string text;
  char line[512];
  while (std::fgets(line, sizeof line, output))
    text += line;
  const int status = pclose(output);
  code = static_cast<StatusCode>(WEXITSTATUS(status));
  return text;
}

TEST(AbsentDriver, IsNoDevice) {
  StatusCode code;
  const std::string said = probe("INGOT_CUDA_DRIVER=/nowhere/libcuda.so.1", "cuda", code);
  EXPECT_EQ(code, StatusCode::Unavailable);
  EXPECT_THAT(said, HasSubstr("not available\nno CUDA driver: /nowhere/libcuda.so.1"));
  EXPECT_THAT(said, HasSubstr("from INGOT_CUDA_DRIVER"));
}

TEST(AbsentDriver, IsOneWithoutDevices) {
  StatusCode code;
  const std::string said =
      probe("INGOT_FAKE_DEVICES=0 INGOT_CUDA_DRIVER=" FAKE_DRIVER, "cuda", code);
  EXPECT_EQ(code, StatusCode::Unavailable);
  EXPECT_EQ(said, "not available\nthe CUDA driver has no devices\n");
}

TEST(AbsentDriver, IsALibraryWithoutTheFunctions) {
  StatusCode code;
  const std::string said = probe("INGOT_CUDA_DRIVER=libm.so.6", "cuda", code);
  EXPECT_EQ(code, StatusCode::Unsupported);
  EXPECT_THAT(said, HasSubstr("the CUDA driver 'libm.so.6' has no cuInit"));
}

TEST(PresentDriver, HasDevicesAndLeavesNothingBehind) {
  StatusCode code;
  const std::string said = probe("INGOT_FAKE_CAPABILITY=8.0 INGOT_CUDA_DRIVER=" FAKE_DRIVER
                                 " INGOT_CUBLASLT=" FAKE_DRIVER,
                                 "cuda:0", code);
  EXPECT_EQ(code, StatusCode::Ok);
  EXPECT_EQ(said, "there is cuda:0 (Fake GPU, compute capability "
                  "8.0)\navailable\nopened\nproducts: cuBLASLt 13.1.0\n");
}

TEST(AbsentLibrary, LeavesADevice) {
  StatusCode code;
  const std::string absent = probe(
      "INGOT_CUDA_DRIVER=" FAKE_DRIVER " INGOT_CUBLASLT=/nowhere/libcublasLt.so", "cuda", code);
  EXPECT_EQ(code, StatusCode::Ok);
  EXPECT_THAT(absent, HasSubstr("opened\nproducts: no cuBLASLt: /nowhere/libcublasLt.so"));
  EXPECT_THAT(absent, HasSubstr("from INGOT_CUBLASLT"));
  const std::string other =
      probe("INGOT_CUDA_DRIVER=" FAKE_DRIVER " INGOT_CUBLASLT=libm.so.6", "cuda", code);
  EXPECT_THAT(other, HasSubstr("products: 'libm.so.6' has no cublasLtCreate"));
}

} // namespace
