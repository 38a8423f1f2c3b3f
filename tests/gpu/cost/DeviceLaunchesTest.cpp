// What a function would put on a device is noted without one, until it asks for a value.
#include "tools/ingot/DeviceLaunches.h"
#include <gmock/gmock.h>

namespace ingot::cli {
namespace {

/// Host code by hand: a kernel of "batch" blocks, a copy, then a value is waited for, and a last
/// launch depends on it. Even batches do without the value.
int32_t plan(const int64_t *symbols, int64_t *plan) {
  if (symbols[0] > 8)
    return INGOT_INVALID_ARGUMENT;
  plan[0] = 64;
  plan[1] = symbols[0];
  return INGOT_OK;
}

int32_t run(ingot_run *run) {
  const ingot_device &device = *run->device;
  void *parameters[] = {run->arena};
  if (device.store(device.context, device.error, -1))
    return INGOT_DEVICE_FAILED;
  run->begin(run->user, 3);
  if (device.launch(device.context, 5, run->plan[1], parameters))
    return INGOT_DEVICE_FAILED;
  run->end(run->user, 3);
  if (device.copy(device.context, run->outputs[0], run->inputs[0], 400))
    return INGOT_DEVICE_FAILED;
  int64_t value = 0;
  if (run->plan[1] % 2 && device.load(device.context, &value, run->arena, 8))
    return INGOT_DEVICE_FAILED;
  return device.launch(device.context, 6, 1, parameters) ? INGOT_DEVICE_FAILED : INGOT_OK;
}

ingot_function function() {
  static const char *const symbols[] = {"batch"};
  static const ingot_dim dims[] = {{-1, 0, "batch"}};
  static const ingot_tensor_info tensors[] = {{"x", INGOT_F32, 1, dims}};
  ingot_function function = {};
  function.name = "predict";
  function.symbol_count = 1;
  function.symbols = symbols;
  function.input_count = function.output_count = 1;
  function.inputs = function.outputs = tensors;
  function.plan_words = 2;
  function.plan = plan;
  function.run = run;
  return function;
}

TEST(DeviceLaunchesTest, LaunchesAndCopiesAreNotedWithTheirKernels) {
  DeviceLaunches found = recordLaunches(function(), {4}).value();
  EXPECT_FALSE(found.isCutOff);
  ASSERT_EQ(found.launches.size(), 4u);
  EXPECT_EQ(found.launches[0].copied, 8u); // the number of a node that failed
  EXPECT_EQ(found.launches[1].kernel, 3);
  EXPECT_EQ(found.launches[1].code, 5);
  EXPECT_EQ(found.launches[1].blocks, 4);
  EXPECT_EQ(found.launches[2].kernel, -1);
  EXPECT_EQ(found.launches[2].code, -1);
  EXPECT_EQ(found.launches[2].copied, 400u);
  EXPECT_EQ(found.launches[3].code, 6);
}

TEST(DeviceLaunchesTest, WhatDependsOnAValueIsCutOff) {
  DeviceLaunches found = recordLaunches(function(), {3}).value();
  EXPECT_TRUE(found.isCutOff);
  EXPECT_EQ(found.launches.size(), 3u);
}

TEST(DeviceLaunchesTest, SizesThatDoNotFitAreRefused) {
  EXPECT_FALSE(recordLaunches(function(), {9}).has_value());
}

} // namespace
} // namespace ingot::cli
