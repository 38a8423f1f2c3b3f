// A model by hand for the tests of devices: tables for the CPU, for a GPU by CUDA, and for OpenCL,
// written as the compiler writes them, with kernels in the language of backends/gpu/prelude.
//
// It is y = x * kernel + bias + 0.5 on f32[batch, 4] -> f32[batch]; 0.5 is a constant. `derive`
// keeps twice the kernel, which `predict` reads. State: kernel, bias, learning_rate, steps,
// derived.
//
//   predict     x -> y, derived
//   train_step  x, target -> loss: a step of SGD on the mean squared error; writes the state. A
//               target of -1000 fails at node 0 ("dense"), and changes nothing
//   evaluate    x, target -> loss
//   lookup      indices i64[batch] -> y: kernel[indices]; node 1 ("embedding") fails on others
//   positives   x f32[batch] -> those above zero: loads their number, and computes an extent
//   accumulate  total f32[2], a f32[2] -> sums, the next run's total; a[0] = -1 fails
//   wide        x f32[batch] -> x reversed within each 64 elements, through 64 KiB of shared
//   memory;
//               not on OpenCL
//   crash       x f32[batch] -> y: writes far outside of memory
//   forgetful   as positives, and does not say that it waits
//   text        left to the CPU
#pragma once
#include "ingot/Device.h"
#include "ingot/Model.h"

#include <vector>

namespace ingot::gputest {

/// The state block of both tables.
struct LinearState {
  alignas(64) float kernel[4];
  alignas(64) float bias;
  alignas(64) float learningRate;
  alignas(64) int64_t steps;
  alignas(64) float derived[4];
};

/// How the table of a test differs from what is usual.
struct LinearOptions {
  const char *target = "sm_80"; // of the images for CUDA
  bool hasWeights = false;      // kernel 1 2 3 4, bias 5; of the CPU's table alone
  bool hasDevices = true;
  bool isOld = false; // a table of version 1.4
};

/// An artifact of the CPU; the table lives as long as the process.
std::shared_ptr<const Artifact> linearModel(const LinearOptions &options = {});
/// The table itself, a new one, which may be changed.
ingot_artifact_table *linearTable(const LinearOptions &options = {});

/// -6 to 6 times `scale`, again and again.
inline Tensor ramp(Shape shape, float scale = 1) {
  Tensor tensor = std::move(Tensor::zeros(DType::F32, shape)).value();
  for (int64_t i = 0; i < tensor.elementCount(); ++i)
    tensor.data<float>()[i] = scale * static_cast<float>(i % 13 - 6);
  return tensor;
}

inline std::vector<float> values(const Tensor &tensor) {
  return std::vector<float>(tensor.data<float>(), tensor.data<float>() + tensor.elementCount());
}

} // namespace ingot::gputest
