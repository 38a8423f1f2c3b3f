// Which operators the importer knows: one row each, with the rule that turns a node into graph ops.
#pragma once
#include "frontends/onnx/Node.h"

namespace ingot::onnx {

struct Row {
  const char *name;   ///< "Relu"
  const char *domain; ///< "" is ai.onnx
  /// Sets the node's outputs, or throws a Refusal.
  void (*rule)(Node &);
  /// The elements of the integer output where they follow from those of the inputs; null for ops
  /// that compute no shapes.
  std::optional<Ints> (*ints)(Node &) = nullptr;
  /// Whether inputs may be strings; others refuse them before their rule sees one.
  bool takesText = false;
};

/// All rows, in alphabetical order within a domain.
llvm::ArrayRef<Row> opTable();
/// Null when there is none.
const Row *findRow(llvm::StringRef domain, llvm::StringRef name);

} // namespace ingot::onnx
