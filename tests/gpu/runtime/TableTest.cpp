// What an artifact says of devices is checked like the rest before anything of it is used.
#include "LinearModel.h"
#include "tests/unit/runtime/model/TestFiles.h"

#include <cstring>

using namespace ingot;
using namespace ingot::gputest;

namespace {

/// A good table, of which each test changes something.
class DeviceTableTest : public testing::Test {
protected:
  Status adopt() {
    own->devices = &code; // the first alone
    own->device_count = count;
    code.table = &table;
    return Artifact::adopt(own).status();
  }
  int64_t count = 1;
  ingot_artifact_table *own = linearTable();
  ingot_device_code code = own->devices[0];
  ingot_artifact_table table = *code.table;
  std::vector<ingot_device_kernel> kernels{code.kernels, code.kernels + code.kernel_count};
  std::vector<ingot_image> images{code.images, code.images + code.image_count};
  std::vector<ingot_variable_info> variables{table.variables,
                                             table.variables + table.variable_count};
  void useCopies() {
    code.kernels = kernels.data();
    code.images = images.data();
    table.variables = variables.data();
  }
};

TEST_F(DeviceTableTest, IsTaken) {
  useCopies();
  EXPECT_TRUE(adopt().isOk());
}

TEST_F(DeviceTableTest, OfAnOlderVersionHasNoDevices) {
  own->size = offsetof(ingot_artifact_table, device_count);
  count = -7; // not there
  EXPECT_TRUE(adopt().isOk());
}

TEST_F(DeviceTableTest, HasAllThatItCounts) {
  count = -1;
  EXPECT_STATUS(adopt(), Internal, "malformed artifact: devices count -1");
  count = 1;
  code.kernels = nullptr;
  EXPECT_STATUS(adopt(), Internal,
                "code for devices, entry 0: malformed artifact: kernels are miss");
  useCopies();
  code.images = nullptr;
  EXPECT_STATUS(adopt(), Internal, "images are missing");
  useCopies();
  code.constants = nullptr;
  EXPECT_STATUS(adopt(), Internal, "its constants are missing");
  code.constant_bytes = 0;
  code.reasons = nullptr;
  EXPECT_STATUS(adopt(), Internal, "reasons are missing");
  code.left_count = 0;
  code.api = nullptr;
  EXPECT_STATUS(adopt(), Internal, "no api, family or table");
  own->devices = nullptr;
  EXPECT_STATUS(Artifact::adopt(own).status(), Internal, "devices are missing");
}

TEST_F(DeviceTableTest, HasKernelsThatAUnitHas) {
  useCopies();
  kernels[2].unit = 2;
  EXPECT_STATUS(adopt(), Internal, "kernel 2 has no symbol, or no unit");
  kernels[2].unit = -1;
  EXPECT_STATUS(adopt(), Internal, "kernel 2 has no symbol, or no unit");
  kernels[2] = {nullptr, 0, 32, 0, 1, 0};
  EXPECT_STATUS(adopt(), Internal, "kernel 2 has no symbol, or no unit");
  kernels[2] = {"k", 0, 2048, 0, 1, 0};
  EXPECT_STATUS(adopt(), Internal, "kernel 'k' has 2048 threads");
  kernels[2] = {"k", 0, 32, -1, 1, 0};
  EXPECT_STATUS(adopt(), Internal, "-1 bytes of shared memory");
  kernels[2] = {"k", 0, 32, 0, -1, 0};
  EXPECT_STATUS(adopt(), Internal, "-1 parameters");
  kernels[2] = {"k", 0, 32, 0, 2, 0b100};
  EXPECT_STATUS(adopt(), Internal, "kernel 'k' has tensor maps behind its parameters");
}

TEST_F(DeviceTableTest, HasImagesOfUnits) {
  useCopies();
  images[1].unit = 2;
  EXPECT_STATUS(adopt(), Internal, "image 1 has no target, bytes or unit");
  images[1].unit = 1;
  images[1].bytes = 0;
  EXPECT_STATUS(adopt(), Internal, "image 1 has no target, bytes or unit");
  images[1] = {INGOT_IMAGE_OPENCL, "1.2", 1, 2, "abc"};
  EXPECT_STATUS(adopt(), Internal, "image 1 has no 0 behind its text");
  images[1] = {77, "later", 1, 2, "abc"}; // of a kind that is not known
  EXPECT_TRUE(adopt().isOk());
}

TEST_F(DeviceTableTest, HasTheVariablesOfTheModel) {
  useCopies();
  variables[1].offset += 64;
  EXPECT_STATUS(adopt(), Internal, "malformed artifact: variables 'dense/bias' and");
  variables[1].offset = 320 - 4;
  EXPECT_STATUS(adopt(), Internal, "its variable 'dense/bias' is not the model's 'dense/bias'");
  variables[1] = table.variables[3];
  EXPECT_STATUS(adopt(), Internal, "no name of its own");
  table.variable_count = 3;
  EXPECT_STATUS(adopt(), Internal, "malformed artifact");
}

TEST_F(DeviceTableTest, IsCheckedItself) {
  useCopies();
  const int64_t functions = table.function_count;
  table.function_count = -1;
  EXPECT_STATUS(adopt(), Internal, "entry 0: malformed artifact: functions count -1");
  table.function_count = functions;
  table.device_count = 1;
  table.devices = &code;
  EXPECT_STATUS(adopt(), Internal, "its table has devices of its own");
}

} // namespace
