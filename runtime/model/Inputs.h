// A function's inputs against its signature, and what they say of its symbols: shared by Session,
// which runs them, and the serving scheduler, which must know before it joins requests.
#ifndef INGOT_RUNTIME_MODEL_INPUTS_H
#define INGOT_RUNTIME_MODEL_INPUTS_H

#include "ingot/Model.h"

#include <cstdint>

namespace ingot {

/// The type of an input, and that it is there; not its extents. InvalidArgument.
Status checkInput(const ingot_function &function, int64_t input, const TensorView &given);

/// The value of a symbol from the input that it is of, which was checked.
int64_t valueOf(const ingot_symbol_source &source, const TensorView &input);

/// What the signature and the values of the symbols say.
Result<int64_t> extentOf(const ingot_function &function, const ingot_dim &dim,
                         const int64_t *symbols);

/// Is the extent of a dimension what the signature and the symbols say? InvalidArgument.
Status checkDim(const ingot_function &function, int64_t input, int32_t axis,
                const TensorView &given, const int64_t *symbols);

/// Are the symbols within what the function was compiled for? `plan` refuses others too, but has no
/// words for them. InvalidArgument.
Status checkBounds(const ingot_artifact_table &table, const ingot_function &function,
                   const int64_t *symbols);

} // namespace ingot

#endif // INGOT_RUNTIME_MODEL_INPUTS_H
