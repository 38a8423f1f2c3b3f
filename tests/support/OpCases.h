// The op cases in tests/ops/*.mlir and their random inputs, for every mode that runs them:
// reference and gradient (tests/unit/ir), and compiled code against the interpreter.
//
// Each function of a file is a case. Attributes of the function:
//   graph.sizes = {n = [0, 1, 7]}   sizes that dimension symbols take, every combination
//   gradient = false                its gradient is not to be checked
//   graph.inputs, graph.expected    arrays of elements attributes: fixed inputs, results to see
//   graph.error = "text"            the run fails with a message that contains the text
// Attribute of an argument: graph.domain = [low, high], for random values; default [-2, 2] for
// floats, the whole of -5 … 5 (unsigned 0 … 10) for integers; strings are of a few odd ones.
#pragma once
#include "ir/reference/Interpreter.h"
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace ingot::tests {

using SymbolSizes = std::map<std::string, int64_t, std::less<>>;

struct OpCase {
  std::string file, name; // "softmax", "rows"
  mlir::ModuleOp module;  // the file's; owned by the OpCases
  mlir::func::FuncOp function;
  bool gradient = true;
  std::vector<SymbolSizes> sizes; // at least one entry, empty where there are no symbols
  std::optional<std::vector<reference::Tensor>> inputs, expected;
  std::string error;

  /// How GoogleTest shows the case.
  friend void PrintTo(const OpCase &c, std::ostream *out) { *out << c.file << ".mlir @" << c.name; }
};

/// All cases, read once a process and kept until its end. Aborts with a message when a file does
/// not parse: then the tests themselves are wrong.
const std::vector<OpCase> &opCases();

/// The op's file that must exist for each op: tests/ops/<op>.mlir.
std::string opCaseDirectory();

/// Random inputs of the case for these sizes, rounded to their element types; the fixed inputs
/// where the case gives them. The same seed gives the same inputs everywhere.
std::vector<reference::Tensor> inputsOf(const OpCase &opCase, const SymbolSizes &sizes,
                                        uint64_t seed = 1);

/// The tensor that an elements attribute describes.
reference::Tensor tensorOf(mlir::ElementsAttr elements);

} // namespace ingot::tests
