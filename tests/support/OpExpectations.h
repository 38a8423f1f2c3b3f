// Compiled op cases against the reference interpreter: what every kind of machine has to pass.
#pragma once
#include "tests/support/RunCompiled.h"
#include <string>
#include <vector>

namespace ingot::tests {

/// The files of tests/ops, in order.
std::vector<std::string> opCaseFiles();

/// The module with the cases of a file.
mlir::ModuleOp opCaseModule(const std::string &file);

/// Expects each case of the file to equal the reference interpreter on random inputs and on the
/// worst values, of every size, or a status where the interpreter has one.
void expectReference(const std::string &file, CompiledModule &compiled);

} // namespace ingot::tests
