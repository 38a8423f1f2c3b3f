// Artifact, State, Session: a compiled model, its variables, and a place to run it.
//
//   auto artifact = Artifact::open("model.so");            // Result<std::shared_ptr<const
//   Artifact>> auto state = State::create(*artifact);                 //
//   Result<std::unique_ptr<State>> Status bound = (*state)->bind("weights.safetensors"); auto
//   session = Session::create(*artifact, "predict");  // Result<Session> Status ran =
//   session->run(**state, {images});          // images: a Tensor or TensorView const Tensor
//   &scores = session->output(0);
//
// An Artifact is immutable and shared by any number of states, sessions and threads; it stays
// loaded until the last of them is gone. A State may serve many sessions at once as long as they
// only read it; functions that write it need it alone, and a violation is a Status, never a race. A
// Session belongs to one thread at a time and is cheap: make one per thread and function.
#ifndef INGOT_MODEL_H
#define INGOT_MODEL_H

#include "ingot/Status.h"
#include "ingot/Tensor.h"
#include "ingot/ThreadPool.h"
#include "ingot/artifact.h"

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ingot {

class Device;
class Place;
struct OnDevice;
struct StateImpl;

/// "f32[batch, 784]".
std::string describe(const ingot_tensor_info &info);
/// "f32[784, 10]".
std::string describe(const ingot_variable_info &info);

/// Value of a formula of the artifact ("batch * 784", "ceildiv(batch, 4)", "batch floordiv 2") for
/// the given values of the function's symbols. Operators + - * floordiv ceildiv mod, min(a, b),
/// max(a, b), parentheses. InvalidArgument for an unknown symbol, bad syntax or overflow.
Result<int64_t> evaluateFormula(const char *text, const ingot_function &function,
                                const int64_t *symbols);

/// Variables that an artifact carries: the first `bytes` bytes of the state block.
struct Weights {
  const void *data = nullptr; ///< NULL: there are none
  uint64_t bytes = 0;
  bool isDerived = false; ///< what depends on them is there too
};

/// A loaded, checked artifact.
class Artifact : public std::enable_shared_from_this<Artifact> {
public:
  /// Loads a shared object made by `ingot compile`. A path without '/' means the working directory.
  /// NotFound (no such file, or no such symbol: not an artifact), DataLoss (truncated), Unsupported
  /// (another ABI, another machine, no variant for this CPU), Internal (a malformed table).
  static Result<std::shared_ptr<const Artifact>> open(const std::string &path,
                                                      const std::string &symbol = "ingot_artifact");

  /// Takes a table that was linked statically: `adopt(ingot_artifact())`. It outlives the Artifact.
  /// NULL means that no variant can run on this CPU.
  static Result<std::shared_ptr<const Artifact>> adopt(const ingot_artifact_table *table);

  /// The model on a device: an artifact whose table is the device's, and whose states and sessions
  /// are used as those of this one, with their memory on the device; what they are given and what
  /// they give stays on the host. Unsupported: no code for that device (says what there is, and
  /// what to compile with). ResourceExhausted. The functions that devices do not run are
  /// Unsupported when they are asked for, with the reason.
  Result<std::shared_ptr<const Artifact>> onDevice(std::shared_ptr<Device> device) const;

  ~Artifact();
  Artifact(const Artifact &) = delete;
  Artifact &operator=(const Artifact &) = delete;

  /// Where its functions run; NULL: on the host.
  std::shared_ptr<Device> device() const;

  /// The table itself: functions, tensor infos, variables, kernels, nodes, manifest.
  const ingot_artifact_table &table() const { return *table_; }
  std::string_view name() const { return table_->name; }
  std::string_view variant() const { return table_->variant; }
  /// Where it was loaded from; empty when adopted.
  const std::string &path() const { return path_; }

  /// NULL when there is none of that name.
  const ingot_function *findFunction(std::string_view name) const;
  const ingot_variable_info *findVariable(std::string_view name) const;
  /// As above; NotFound lists the names there are. Unsupported: the device does not run it.
  Result<const ingot_function *> function(std::string_view name) const;
  Result<const ingot_variable_info *> variable(std::string_view name) const;
  bool hasWeights() const { return weights().data != nullptr; }
  Weights weights() const;
  /// The outputs that are inputs of the function's next run.
  std::vector<ingot_carry> carries(const ingot_function &function) const;

private:
  friend class Session;
  friend class State;
  Artifact(const ingot_artifact_table *table, void *handle, std::string path);
  const ingot_artifact_table *table_;
  void *handle_; // dlopen's, or NULL
  std::string path_;
  std::unique_ptr<OnDevice> onDevice_; // NULL: on the host
  std::shared_ptr<Place> place_;
};

/// What State::bind forgives. Variables flagged OPTIMIZER or CONTROL may be absent by default (they
/// keep their values); all others must be there, and nothing else may be.
struct BindOptions {
  bool requireAll = false;   ///< optimizer and control variables must be there too (checkpoints)
  bool allowMissing = false; ///< absent variables keep their values
  bool allowExtra = false;   ///< tensors of other names are ignored
};

/// What State::save writes.
struct SaveOptions {
  bool weightsOnly = false; ///< leave out variables flagged OPTIMIZER or CONTROL
  std::vector<std::pair<std::string, std::string>> metadata; ///< into "__metadata__"; unique keys
};

/// The variables of one model instance, in the block an artifact's functions work on.
class State {
public:
  /// A block of its own: a copy of the artifact's weights where it carries them, else all zero.
  static Result<std::unique_ptr<State>> create(std::shared_ptr<const Artifact> artifact);

  /// The artifact's own weights in place, read-only and shared by processes: set, bind and
  /// functions that write are refused. On a device, a copy that all read-only states of the
  /// artifact share. FailedPrecondition when the artifact carries no weights.
  static Result<std::unique_ptr<State>> readOnly(std::shared_ptr<const Artifact> artifact);

  ~State();
  State(const State &) = delete;
  State &operator=(const State &) = delete;

  const std::shared_ptr<const Artifact> &artifact() const;
  bool isReadOnly() const;

  /// Copies `value` into a variable. NotFound, InvalidArgument (dtype or shape differ),
  /// FailedPrecondition (read-only, or in use by a run).
  Status set(std::string_view name, const TensorView &value);
  /// set for a scalar variable: setScalar("optimizer/learning_rate", 0.01f).
  template <typename T> Status setScalar(std::string_view name, T value) {
    return set(name, TensorView{DTypeOf<T>::value, 0, nullptr, &value});
  }

  /// A copy of a variable. NotFound, FailedPrecondition (a run is writing it).
  Result<Tensor> get(std::string_view name) const;
  /// The same into `out`, which is resized: no allocation when it is large enough.
  Status get(std::string_view name, Tensor &out) const;
  template <typename T> Result<T> getScalar(std::string_view name) const;

  /// Sets variables from a safetensors file by name, then derives. Everything is checked before the
  /// first byte is written: on failure the state is as it was, unless reading the file's data
  /// itself fails (IoError; the message says so). NotFound, DataLoss, InvalidArgument,
  /// FailedPrecondition.
  Status bind(const std::string &path, const BindOptions &options = BindOptions());

  /// Writes a safetensors file atomically: temporary name in the same directory, fsync, rename.
  Status save(const std::string &path, const SaveOptions &options = SaveOptions()) const;

  /// Recomputes what depends on the variables, when a variable changed since it was last computed.
  /// Sessions do this by themselves; call it to take the time now rather than at the next run.
  Status derive(ThreadPool *pool = nullptr);

  /// Goes up whenever a variable may have changed: set, bind, a function that writes the state.
  uint64_t version() const;

private:
  friend class Session;
  explicit State(std::shared_ptr<StateImpl> impl);
  static Result<std::shared_ptr<StateImpl>>
  readOnlyOnDevice(std::shared_ptr<const Artifact> artifact);
  std::shared_ptr<StateImpl> impl_;
};

/// Options of a session. The pool, `threads` and `user` are borrowed and outlive it.
struct SessionOptions {
  ThreadPool *pool = nullptr; ///< NULL: everything runs on the calling thread
  int (*begin)(void *user, int64_t kernel) = nullptr; ///< before each kernel; non-zero cancels
  void (*end)(void *user, int64_t kernel) = nullptr;  ///< after each kernel
  void *user = nullptr;
  /// NULL, or called once a run is done, for each kernel in their order: how long it took, on a
  /// device by the device's clock. There `begin` and `end` are called when a kernel is handed to
  /// the device, not when it runs.
  void (*timed)(void *user, int64_t kernel, double seconds) = nullptr;
  /// Threads of another kind instead of the pool: see ingot_parallel_for.
  ingot_parallel_for parallelFor = nullptr;
  void *threads = nullptr; ///< handed to parallelFor
};

/// What a stream hands on to its next run: one carried input.
struct CarriedValue {
  Tensor value;
  bool isSet = false; ///< false: zeros, whatever `value` is
};

/// Runs one function of an artifact, and keeps plan, arena and outputs from run to run.
///
/// Where the function streams (Artifact::carries), the session also carries its state: an input
/// that takes an output's value of the run before is left out of what prepare and run are given. It
/// is zeros at first; a failed run leaves it as it was. One session is one stream.
class Session {
public:
  /// NotFound: no such function. Unsupported: a dimension symbol no input determines.
  static Result<Session> create(std::shared_ptr<const Artifact> artifact, std::string_view function,
                                const SessionOptions &options = SessionOptions());
  Session(Session &&) noexcept;
  Session &operator=(Session &&) noexcept;
  ~Session();

  const ingot_function &function() const;

  /// Checks inputs, plans and allocates for their shapes, without running; output shapes are then
  /// known. InvalidArgument names the input, the dimension and both sizes.
  Status prepare(const TensorView *inputs, size_t count);

  /// Runs. Inputs in the order of function().inputs, without those carried. Allocates nothing when
  /// the shapes are those of the run before (or smaller and seen before). A failed run leaves the
  /// outputs undefined. InvalidArgument (inputs), FailedPrecondition (state of another artifact, or
  /// in use), OutOfRange (names the node), Cancelled, ResourceExhausted.
  Status run(State &state, const TensorView *inputs, size_t count);
  Status run(State &state, std::initializer_list<TensorView> inputs) {
    return run(state, inputs.begin(), inputs.size());
  }
  Status run(State &state, const std::vector<TensorView> &inputs) {
    return run(state, inputs.data(), inputs.size());
  }

  /// The two halves of a run, for loops that prepare a step while the one before runs on a device:
  ///
  ///   session.start(state, first);
  ///   for (each further step) {
  ///     session.start(state, next);
  ///     session.wait(); // for the step before
  ///     show(session.output(0));
  ///   }
  ///   session.wait();
  ///
  /// At most two runs are under way, and `wait` is for the one that was started first: it gives
  /// that run's status, and its outputs, which are valid until the next `start`. Inputs may change
  /// once `start` has returned. A run that fails does not keep the one behind it from running.
  /// Until the last run is waited for, the state is in use (others cannot write it, or not use it
  /// at all where the function writes it), the session's options stay, and nothing but `start` and
  /// `wait` is called. A session that goes waits first. On the CPU, and where the second run
  /// depends on what the first carries or derives, `start` does the work.
  ///
  /// Errors of `start` are those of `run` that are seen before it runs, and FailedPrecondition (two
  /// runs are under way; one is, and an output has a buffer of the caller's); then nothing was
  /// started. FailedPrecondition of `wait`: no run is under way.
  Status start(State &state, const TensorView *inputs, size_t count);
  Status start(State &state, std::initializer_list<TensorView> inputs) {
    return start(state, inputs.begin(), inputs.size());
  }
  Status start(State &state, const std::vector<TensorView> &inputs) {
    return start(state, inputs.data(), inputs.size());
  }
  Status wait();
  size_t runsUnderWay() const; ///< 0, 1 or 2

  /// Starts a new stream: what is carried is zeros at the next run.
  void reset();
  /// The value of a carried input, an index into function().inputs, at the next run.
  /// InvalidArgument: it is not carried, or the element type or the number of dimensions differ.
  Status setCarried(size_t input, const TensorView &value);

  /// Exchanges what is carried, in the order of Artifact::carries: one session runs many streams,
  /// one after another. Where there are fewer values, those that are missing are zeros.
  void swapCarried(std::vector<CarriedValue> &values);

  size_t outputCount() const;
  /// Output of the last run, 0 <= index < outputCount(); valid until the next run or prepare.
  const Tensor &output(size_t index) const;
  /// NULL when there is none of that name.
  const Tensor *findOutput(std::string_view name) const;
  /// From the next run on writes output `index` to `data`, which the caller owns; a run that needs
  /// more than `bytes` is refused. NULL gives the output back to the session.
  Status setOutputBuffer(size_t index, void *data, size_t bytes);
  /// Exchanges output `index` with `other`, 0 <= index < outputCount(): takes what the last run
  /// wrote (text stays the session's), and gives memory for the next one, which grows where it is
  /// too small and not borrowed.
  void swapOutput(size_t index, Tensor &other);

  /// Values of function().symbols as of the last prepare or run.
  const std::vector<int64_t> &symbolValues() const;
  /// Bytes of the arena the current shapes need.
  int64_t arenaBytes() const;
  /// That memory, where kernels leave what they hand on: for debuggers, in SessionOptions::end.
  /// NULL on a device.
  void *arena();
  void setOptions(const SessionOptions &options);

private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

template <typename T> Result<T> State::getScalar(std::string_view name) const {
  INGOT_ASSIGN_OR_RETURN(const ingot_variable_info *info, artifact()->variable(name));
  if (info->rank != 0 || static_cast<DType>(info->dtype) != DTypeOf<T>::value)
    return Status(StatusCode::InvalidArgument, "variable '" + std::string(name) + "' is " +
                                                   describe(*info) + ", not a scalar " +
                                                   toString(DTypeOf<T>::value));
  INGOT_ASSIGN_OR_RETURN(Tensor value, get(name));
  return *value.data<T>();
}

} // namespace ingot

#endif // INGOT_MODEL_H
