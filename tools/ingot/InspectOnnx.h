// `ingot inspect model.onnx`: what the file says, and what of it is not supported, without
// compiling.
#pragma once
#include "tools/ingot/TensorFile.h"

namespace ingot::cli {

struct OnnxInspection {
  Json json;
  std::vector<Message> problems; ///< why it does not compile; empty when it does
};

/// Throws Failure for a file that cannot be read at all. `shapes` as for compile; with `tensors`
/// also the types of what is between nodes, as far as they are known.
OnnxInspection inspectOnnx(const std::string &path,
                           const std::map<std::string, std::string> &shapes, bool tensors);
void printOnnx(const Json &json);

} // namespace ingot::cli
