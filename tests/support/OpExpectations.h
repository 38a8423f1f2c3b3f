// Compiled op cases against the reference interpreter: what every kind of machine has to pass.
#pragma once
#include "compiler/Compile.h"
#include <string>
#include <vector>

namespace ingot::tests {

/// The files of tests/ops, in order.
std::vector<std::string> opCaseFiles();

/// Compiles the cases of a file and expects each to equal the reference interpreter on random
/// inputs and on the worst values, of every size, or a status where the interpreter has one.
void expectReference(const std::string &file, const CompileOptions &options);

} // namespace ingot::tests
