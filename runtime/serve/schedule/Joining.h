// Joining: which requests of a function may run as one, and how many rows a run takes. What the
// signature says alone; nothing here knows of queues.
//
// Rows may be joined where the first dimension of all inputs and outputs is one symbol, no other
// dimension depends on it, and no symbol is computed from the values of an input (which would be
// those of all rows, joined).
#ifndef INGOT_RUNTIME_SERVE_SCHEDULE_JOINING_H
#define INGOT_RUNTIME_SERVE_SCHEDULE_JOINING_H

#include "ingot/Model.h"

#include <cstdint>
#include <limits>
#include <vector>

namespace ingot::serve {

struct Joining {
  bool isBatched = false;
  int64_t symbol = -1; ///< the batch's number among the function's symbols
  /// Rows that the function was compiled for at most.
  int64_t mostRows = std::numeric_limits<int64_t>::max();
};

Joining findJoining(const ingot_artifact_table &table, const ingot_function &function);

/// Checks a request's inputs (all but those carried) by themselves, and leaves the values of the
/// symbols in `symbols` (symbol_count of them). More rows than the function takes are no error
/// where it is batched. InvalidArgument, as Session::run says it.
Status checkInputs(const ingot_artifact_table &table, const ingot_function &function,
                   const Joining &joining, const std::vector<TensorView> &inputs, int64_t *symbols);

/// The same for a stream, as far as it is known without what is carried: those inputs are the
/// `carried` ones.
Status checkStreamInputs(const ingot_function &function, const std::vector<int64_t> &carried,
                         const std::vector<TensorView> &inputs, int64_t *symbols);

/// Rows, a power of two of at most 1024, whose arena, inputs and outputs keep within `bytes`; at
/// least 1, at most joining.mostRows. `symbols` has the values of the others.
int64_t rowsWithin(const ingot_function &function, const Joining &joining,
                   std::vector<int64_t> symbols, int64_t bytes);

/// Bytes of arena, inputs and outputs of a run of these sizes; 0: it cannot be planned
/// (Session::run says why); the largest number: too many to count.
int64_t runBytes(const ingot_function &function, const std::vector<int64_t> &symbols);

/// Bytes of all outputs, likewise.
int64_t outputBytes(const ingot_function &function, const std::vector<int64_t> &symbols);

/// Do both have the same values of all symbols but the batch?
bool mayJoin(const Joining &joining, const std::vector<int64_t> &a, const std::vector<int64_t> &b);

} // namespace ingot::serve

#endif
