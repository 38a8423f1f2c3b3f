// `ingot inspect --gpu-cost`: what a function is expected to take on GPUs, kernel by kernel, by the
// static model of backends/gpu/cost. No GPU is used.
#pragma once
#include "ingot/Model.h"
#include "tools/ingot/TensorFile.h"

namespace ingot::cli {

struct GpuCostArguments {
  std::string function;           ///< empty: the only one, else predict
  std::vector<std::string> sizes; ///< NAME=SIZE of dynamic dimensions; default 1
};

/// A list, of each architecture that the artifact has machine code for: the GPU that is meant, the
/// kernels in the order of their first launch, and the whole. Throws Failure where there is no such
/// code, or the function cannot run with the sizes.
Json gpuCosts(const Artifact &artifact, const GpuCostArguments &arguments);

/// Of these one, of the target ("sm_90a"), for the values of the function's symbols; null where
/// there is none.
Json gpuCost(const Artifact &artifact, const std::string &target, const std::string &function,
             const std::vector<int64_t> &sizes);

/// The same as text, the slowest kernels first.
void printGpuCosts(const Json &costs);

} // namespace ingot::cli
