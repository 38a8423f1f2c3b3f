// ONNX models in: a file becomes a graph module with the function `predict`.
//
// Reads operator sets 1 to 28, IR versions up to 14. Nothing in a file is executed. Called by the
// command line and by tests.
#pragma once
#include "ir/Graph.h"
#include <map>
#include <string>

namespace ingot {

struct OnnxOptions {
  /// Sizes of named dimensions, and whole shapes of inputs ("images" -> "1,3,224,224").
  std::map<std::string, std::string> shapes;
  /// Makes every tensor between the nodes of the main graph an output too, after those of the
  /// model, in the nodes' order. Each is then stored: kernels are not those of the plain model.
  bool intermediates = false;
  /// A graph.custom_op for each operator that the user gives code for; null: none. Nodes call the
  /// one that is named "domain::operator" (or "domain::operator@…", for its `graph.versions`), also
  /// where the model has a function of that name.
  mlir::ModuleOp customOps = {};
};

/// Reads and converts. On failure every mistake, and in one report all unsupported operators, went
/// to the context's diagnostic handlers, each at the node of the user's model. The context has all
/// dialects loaded (Compile.h: registerDialects).
mlir::OwningOpRef<mlir::ModuleOp> readOnnx(const std::string &path, mlir::MLIRContext *context,
                                           const OnnxOptions &options = {});

} // namespace ingot
