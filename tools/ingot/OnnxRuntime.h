// onnxruntime as a reference: a Python interpreter that has it runs the same file. Used by compare
// and reduce.
#pragma once
#include "ingot/data/Npy.h"
#include "tools/ingot/Cli.h"
#include <map>

namespace ingot::cli {

struct OnnxRuntimeRequest {
  std::string python, model;
  std::vector<std::pair<std::string, TensorView>> inputs;
  std::vector<std::string> outputs;
  int threads = 0;
};

struct OnnxRuntimeResult {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> skipped; ///< why a tensor is not there
  std::string version;
};

/// Throws Failure when there is no such interpreter or package, or onnxruntime refuses the model.
OnnxRuntimeResult runOnnxRuntime(const OnnxRuntimeRequest &request);

} // namespace ingot::cli
