// Checkpoint: all that it takes to go on with a training where it stood, in one safetensors file:
// the variables under their names, and beside them where the training was (docs/Artifact.md).
//
// Invariant: a file is there whole or not at all (AtomicFile); reading one changes the state only
// after everything in it was checked. Used by fit.
#ifndef INGOT_RUNTIME_TRAIN_CHECKPOINT_H
#define INGOT_RUNTIME_TRAIN_CHECKPOINT_H

#include "ingot/train/Callback.h"

#include <utility>
#include <vector>

namespace ingot::train {

/// Where a training stands: `step` batches of `epoch` are done, and the next one is batch `batch`
/// of pass `pass` over the data.
struct Place {
  int64_t epoch = 0, step = 0;
  int64_t pass = 0, batch = 0;
};

/// What a checkpoint holds beside the variables.
struct TrainingState {
  Place place;
  uint64_t seed = 0;                   ///< of the order of samples
  std::optional<int64_t> batches = {}; ///< of a pass
  std::vector<double> totals;          ///< the metrics' sums over the epoch so far
  int64_t samples = 0;                 ///< in them
  std::vector<std::pair<std::string, CallbackState>> callbacks; ///< by Callback::name, in order
};

/// What is at `path` stays there until the new file is complete, and then, with `keepPrevious`, as
/// "<path>.bkp".
Status writeCheckpoint(const State &state, const TrainingState &training, const std::string &path,
                       bool keepPrevious);

/// Sets the state's variables. Where the file is damaged the one before it is taken, if it is
/// there. Warns on std::cerr when another CPU variant wrote the file. NotFound, DataLoss,
/// InvalidArgument (of another model).
Result<TrainingState> readCheckpoint(State &state, const std::string &path);

} // namespace ingot::train

#endif
