// Place: where an artifact's functions run and its memory lies, the host or a device. State and
// Session know no more of devices than this. One place serves one artifact, all its states and
// sessions, and any number of threads; a Runner belongs to one session (or state).
#ifndef INGOT_RUNTIME_DEVICE_PLACE_H
#define INGOT_RUNTIME_DEVICE_PLACE_H

#include "ingot/Status.h"
#include "ingot/Tensor.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace ingot {

class Place;

struct FreeAtPlace {
  Place *place = nullptr;
  void operator()(void *block) const;
};
/// Memory at a place, aligned to INGOT_ALIGNMENT. The place outlives it.
using PlacedBlock = std::unique_ptr<void, FreeAtPlace>;

/// One run of a function: planned, with inputs that were checked. All that is pointed to stays as
/// it is until Runner::start returns; outputs and extents until Runner::fetch does.
struct RunRequest {
  /// Plan, state, extents, threads and callbacks; the runner fills in the rest.
  ingot_run run = {};
  const TensorView *inputs = nullptr;            ///< as many as the function has
  Tensor *outputs = nullptr;                     ///< of the planned sizes
  const std::vector<int64_t> *symbols = nullptr; ///< what was planned for
  /// NULL, or called by `finish` for each kernel that ran, in their order.
  void (*timed)(void *user, int64_t kernel, double seconds) = nullptr;
};

/// Runs of one function, at most one at a time in each of `slots` slots. A run begins when those
/// that were started before it are done, whichever slots they are in.
class Runner {
public:
  static constexpr size_t slots = 2;
  virtual ~Runner() = default; ///< waits for what was started

  /// Sees to an arena of so many bytes for the runs that are started from now on.
  /// ResourceExhausted.
  virtual Status reserveArena(uint64_t bytes) = 0;
  /// The arena, where the host can read it; else NULL.
  virtual void *arena() = 0;

  /// Starts a run, or does it at once: inputs may change from now on. An error: nothing was
  /// started, and there is nothing to finish.
  virtual Status start(size_t slot, const RunRequest &request) = 0;
  /// Waits for it, and says how it ended. OutOfRange, InvalidArgument, Cancelled, Internal,
  /// ResourceExhausted.
  virtual Status finish(size_t slot) = 0;
  /// Gives outputs, which have the sizes that the run computed now, what they are to keep. After
  /// `finish`.
  virtual Status fetch(size_t slot, std::vector<Tensor> &outputs) = 0;
};

class Place {
public:
  virtual ~Place() = default;

  /// With undefined contents, of any size. ResourceExhausted.
  virtual Result<PlacedBlock> allocate(uint64_t bytes) = 0;
  virtual void free(void *block) = 0;

  /// From the host and to it; done when they return. No run works on these bytes.
  virtual Status write(void *to, const void *from, uint64_t bytes) = 0;
  virtual Status read(void *to, const void *from, uint64_t bytes) = 0;
  virtual Status clear(void *to, uint64_t bytes) = 0;

  /// `address` itself where the host may read and write there; else NULL.
  virtual void *onHost(void *address) const = 0;

  /// Both are of the artifact that the place is made for, and outlive the runner, as this does.
  virtual Result<std::unique_ptr<Runner>> makeRunner(const ingot_artifact_table &table,
                                                     const ingot_function &function) = 0;

  static const std::shared_ptr<Place> &host();
};

inline void FreeAtPlace::operator()(void *block) const { place->free(block); }

/// What `run` returned, in words. `run.failed_node` is an index into the table's nodes, or not.
Status describeFailure(const ingot_artifact_table &table, const ingot_function &function,
                       int32_t code, const ingot_run &run);

} // namespace ingot

#endif // INGOT_RUNTIME_DEVICE_PLACE_H
