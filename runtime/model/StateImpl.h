// The inside of a State, shared with Session: the block, who uses it now, and what is stale in it.
//
// Invariant: `use` is the number of readers, or -1 while one writer has the state; `version` moves
// only under a writer. The derived part is current when derivedVersion == version, and is written
// only under deriveMutex by a thread that holds a use, so no reader of derived data runs meanwhile:
// whoever reads it made it current first, in the same use.
#ifndef INGOT_RUNTIME_MODEL_STATEIMPL_H
#define INGOT_RUNTIME_MODEL_STATEIMPL_H

#include "ingot/Model.h"
#include "runtime/device/Place.h"

#include <atomic>
#include <mutex>

namespace ingot {

/// What runs the tasks of a run; none: its own thread.
struct Threads {
  ingot_parallel_for parallelFor = nullptr;
  void *pool = nullptr;
  static Threads of(ThreadPool *pool) { return pool ? Threads{&ThreadPool::run, pool} : Threads(); }
};

class SafetensorsFile;
struct SafetensorsEntry;

struct StateImpl {
  std::shared_ptr<const Artifact> artifact;
  std::shared_ptr<Place> place;
  PlacedBlock block;    // NULL: the artifact's own weights
  void *data = nullptr; // at the place
  bool isReadOnly = false;
  std::atomic<int> use{0};
  std::atomic<uint64_t> version{0};
  std::atomic<uint64_t> derivedVersion{0};
  std::mutex deriveMutex;
  std::unique_ptr<Runner> deriver; // NULL: nothing is derived
  std::vector<int64_t> derivePlan;
  const std::vector<int64_t> deriveSymbols; // none

  /// With the artifact's weights, or all zero, and not derived yet where they are not.
  static Result<std::shared_ptr<StateImpl>> make(std::shared_ptr<const Artifact> artifact,
                                                 std::shared_ptr<Place> place);

  void *at(const ingot_variable_info &variable) const {
    return static_cast<char *>(data) + variable.offset;
  }

  /// `what` names the user for the message: "function 'predict'".
  Status acquire(bool exclusive, const char *what, const char *name);
  void release(bool exclusive);

  Status planDerive();
  Status readVariable(const SafetensorsFile &file, const ingot_variable_info &info,
                      const SafetensorsEntry &entry);
  /// Makes the derived part current. The caller holds a use of the state.
  Status ensureDerived(const Threads &threads);
};

/// Holds a use of a state for a scope.
class StateUse {
public:
  /// `status` says whether it was got.
  StateUse(StateImpl &state, bool exclusive, const char *what, const char *name, Status &status)
      : state_(state), exclusive_(exclusive) {
    status = state.acquire(exclusive, what, name);
    held_ = status.isOk();
  }
  ~StateUse() {
    if (held_)
      state_.release(exclusive_);
  }
  StateUse(const StateUse &) = delete;
  StateUse &operator=(const StateUse &) = delete;

private:
  StateImpl &state_;
  bool exclusive_;
  bool held_;
};

} // namespace ingot

#endif // INGOT_RUNTIME_MODEL_STATEIMPL_H
