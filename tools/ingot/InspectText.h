// How `ingot inspect` says types and prints what it found. Used by its files, one for each kind of
// file.
#pragma once
#include "ir/Graph.h"
#include "manifest.pb.h"
#include "tools/ingot/TensorFile.h"

namespace ingot::cli {

/// "f32", "i64", "bool".
std::string dtypeText(mlir::Type element);
/// {"name", "dtype", "shape"}; dimensions that are no numbers as text.
Json typeInfo(const std::string &name, mlir::Type type);
/// "f32[batch, 10]" of such an entry.
std::string typeText(const Json &tensor);
/// What a function computes twice because of a memory budget, as JSON and in one line.
Json recomputationJson(const Manifest::Recomputation &from);
std::string recomputationText(const Json &recomputation);
/// Strings as they are, lists with commas.
std::string valueText(const Json &value);
/// One tensor a line, in columns: name, type, then whatever else is known of it.
void printTensors(const std::string &title, const Json &tensors);
/// Everything: plain values, functions, variables and tensors.
void printText(const Json &json);

} // namespace ingot::cli
