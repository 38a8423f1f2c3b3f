// Random graphs with fixed seeds, for comparing what must agree: the interpreter and compiled code,
// a program before and after a phase. The same seed gives the same graph on every machine.
#pragma once
#include "ir/Graph.h"
#include "ir/reference/Tensor.h"
#include <map>
#include <string>
#include <vector>

namespace ingot::tests {

/// Adds a public function "graph_<seed>" of a few to two dozen ops to the module: elementwise
/// chains, broadcasts, reductions, contractions, windows, movements, normalisations, comparisons;
/// values used several times, up to three results, the dimension symbol `batch`, now and then a
/// size of zero or one. Values stay of moderate size, so that errors can be judged against the
/// largest.
mlir::func::FuncOp addRandomGraph(mlir::ModuleOp module, uint64_t seed);

/// Random values for all variables of the module.
std::map<std::string, reference::Tensor> randomVariables(mlir::ModuleOp module, uint64_t seed);

/// Random inputs for a batch of that size, rounded to their element types.
std::vector<reference::Tensor> randomInputs(mlir::func::FuncOp function, int64_t batch,
                                            uint64_t seed);

} // namespace ingot::tests
