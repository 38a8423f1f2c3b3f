// A C header for one model: its entry point, and names in place of indices. Called by `ingot
// compile
// --header`; the header needs ingot/artifact.h and nothing else.
#pragma once
#include "compiler/package/ArtifactDescription.h"
#include <vector>

namespace ingot {

/// The text of the header for an artifact that exports `symbol`. `variants` are the descriptions of
/// its CPU variants, at least one; all have the same functions and variables. Macro names start
/// with the symbol in capitals; characters that C does not allow become '_', and a name that is
/// taken already gets a number.
///
///   MNIST_PREDICT                 index into functions     MNIST_PREDICT_IN_X      index into
///   inputs MNIST_PREDICT_SYMBOL_BATCH    index of a symbol        MNIST_PREDICT_OUT_Y     index
///   into outputs MNIST_PREDICT_IN_X_DIM1       extent, where fixed MNIST_VARIABLE_DENSE_KERNEL
///   index MNIST_STATE_BYTES             where all variants agree; otherwise see the table
std::string makeHeader(const std::vector<const ArtifactDescription *> &variants,
                       const std::string &symbol);

} // namespace ingot
