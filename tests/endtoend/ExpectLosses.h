// Training as a recorded run of a framework did, on whatever machine the artifact is for.
#pragma once
#include "ingot/Model.h"
#include "tests/endtoend/ReferenceModels.h"
#include <cmath>
#include <functional>
#include <gtest/gtest.h>

namespace ingot::test {

/// From the run's initial weights and on its batches, expects the losses of so many steps, each
/// within `tolerance(step)` of it, relative; steps count from 1. A fatal failure ends it.
inline void expectLosses(const std::shared_ptr<const Artifact> &artifact, State &state,
                         const CurveData &data, int64_t steps,
                         const std::function<double(int64_t step)> &tolerance) {
  auto initialize = Session::create(artifact, "initialize");
  ASSERT_TRUE(initialize.isOk()) << initialize.status().message();
  Status done = initialize->run(state, std::initializer_list<TensorView>{});
  ASSERT_TRUE(done.isOk()) << done.message();
  for (auto &[name, values] : data.initial) {
    const ingot_variable_info *info = *artifact->variable(name);
    done = state.set(name, {DType::F32, info->rank, info->shape, values.data()});
    ASSERT_TRUE(done.isOk()) << done.message();
  }
  auto step = Session::create(artifact, "train_step");
  ASSERT_TRUE(step.isOk()) << step.status().message();
  for (int64_t s = 0; s < steps; ++s) {
    auto batch = static_cast<int64_t>(data.labels[s].size());
    const int64_t xDims[] = {batch, 28, 28, 1};
    done = step->run(state, {TensorView{DType::F32, 4, xDims, data.images[s].data()},
                             TensorView{DType::I64, 1, &batch, data.labels[s].data()}});
    ASSERT_TRUE(done.isOk()) << done.message();
    double loss = *step->output(0).data<float>(), expected = data.losses[s];
    EXPECT_NEAR(loss, expected, tolerance(s + 1) * expected) << "step " << s + 1;
  }
}

} // namespace ingot::test
