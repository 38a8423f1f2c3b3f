// Questions and changes to an ONNX model as a file: where a tensor comes from, further outputs,
// writing. Used by compare and reduce.
#pragma once
#include "onnx.pb.h"
#include "tools/ingot/Cli.h"
#include <map>

namespace ingot::cli {

/// A node as messages call it: its name, else its first output.
std::string nodeTitle(const ::onnx::NodeProto &node);

/// Which node of the main graph makes a tensor.
struct Maker {
  int node = 0; ///< its place in the file, which is in topological order
  std::string name, op;
};
std::map<std::string, Maker> makersOf(const ::onnx::GraphProto &graph);

/// Adds outputs that the graph does not have yet, without types.
void addOutputs(::onnx::GraphProto &graph, const std::vector<std::string> &names);

/// Reads a model; throws Failure. With `isWhole`, data in other files becomes part of it.
::onnx::ModelProto loadOnnx(const std::string &path, bool isWhole = false);
/// Writes it whole or not at all; throws Failure.
void saveOnnx(const ::onnx::ModelProto &model, const std::string &path);

} // namespace ingot::cli
