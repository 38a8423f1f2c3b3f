// The model by hand on the fake driver's device, for tests of what sessions and states do there.
#pragma once
#include "FakeDriver.h"
#include "LinearModel.h"

#include <memory>
#include <vector>

namespace ingot::gputest {

class LinearOnDevice : public DeviceTest {
protected:
  void SetUp() override {
    DeviceTest::SetUp();
    onCpu = linearModel({"sm_90", /*hasWeights=*/true});
    open();
  }
  void TearDown() override {
    state.reset();
    onDevice.reset();
    device.reset();
    DeviceTest::TearDown();
  }
  void open(const char *name = "cuda") {
    state.reset();
    onDevice.reset();
    device = std::move(Device::open(name)).value();
    onDevice = std::move(onCpu->onDevice(device)).value();
    state = std::move(State::create(onDevice)).value();
  }
  Session session(const char *function, const SessionOptions &options = {}) {
    return std::move(Session::create(onDevice, function, options)).value();
  }
  /// predict of the CPU, with the variables of the device's state.
  std::vector<float> expected(const Tensor &x) {
    std::unique_ptr<State> mirror = std::move(State::create(onCpu)).value();
    for (const char *name : {"dense/kernel", "dense/bias"})
      EXPECT_TRUE(mirror->set(name, *state->get(name)).isOk());
    Session predict = std::move(Session::create(onCpu, "predict")).value();
    EXPECT_TRUE(predict.run(*mirror, {x}).isOk());
    return values(predict.output(0));
  }

  std::shared_ptr<const Artifact> onCpu, onDevice;
  std::shared_ptr<Device> device;
  std::unique_ptr<State> state;
};

} // namespace ingot::gputest
