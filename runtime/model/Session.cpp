// Running one function of an artifact: checks, plan, outputs, runs under way. Where the function
// runs, and in what memory, is its Runner's. See Model.h.
#include "ingot/Model.h"
#include "runtime/device/Place.h"
#include "runtime/model/Inputs.h"
#include "runtime/model/StateImpl.h"

#include <algorithm>
#include <cstring>

namespace ingot {

namespace {

/// An input that takes an output's value of the run before.
struct Carried : CarriedValue { // zeros are of the size that the other inputs give in each run
  Carried(size_t input, size_t output) : input(input), output(output) {}
  size_t input, output;
};

} // namespace

/// Outputs of one run, with what is known of it while it is under way.
struct Slot {
  bool placed = false; // outputs are those of the plan
  std::vector<Tensor> outputs;
  std::vector<int64_t> extents;     // of all outputs, one after another, by the run
  std::shared_ptr<StateImpl> state; // of a run that was started and not waited for; else NULL
  bool isFinished = false;          // and that run is over, with this status
  Status status;
};

struct Session::Impl {
  std::shared_ptr<const Artifact> artifact;
  const ingot_function *function = nullptr;
  SessionOptions options;
  bool planned = false; // plan and arena are those of `symbols`
  std::vector<int64_t> symbols, wanted;
  std::vector<int64_t> plan;
  Slot slots[Runner::slots];
  size_t current = 0; // the slot of the run that was waited for last, and of the next where it is
                      // the only one
  size_t oldest = 0;  // the slot of the run to wait for next, where one is under way
  std::vector<Carried> carried;
  std::vector<TensorView> views; // of all inputs, those that are carried too
  std::unique_ptr<Runner> runner;

  ~Impl();
  Status checkSources() const;
  Carried *findCarried(size_t input);
  Status gatherInputs(const TensorView *inputs, size_t count);
  Status sizeCarried();
  Status resolveSymbols();
  Status makePlan();
  Status placeOutputs(Slot &slot);
  Status prepare(Slot &slot, const TensorView *inputs, size_t count);
  std::vector<Tensor> &outputs() { return slots[current].outputs; }
  bool isPending() const { return slots[0].state || slots[1].state; }
  Status checkIdle(const char *what) const;
  Result<size_t> nextSlot();
  Status use(Slot &slot, const std::shared_ptr<StateImpl> &state);
  void endUse(Slot &slot);
  Status start(size_t index);
  void finish(size_t index);
  Status complete(size_t index);
  Status carryOutputs(const Slot &slot);
  Status shrinkOutputs(Slot &slot);
};

Session::Impl::~Impl() {
  for (size_t i = 0; i < Runner::slots; ++i)
    if (slots[i].state) {
      finish(i);
      endUse(slots[i]);
    }
}

Status Session::Impl::checkSources() const {
  for (int64_t i = 0; i < function->symbol_count; ++i)
    if (function->sources[i].input < 0)
      return Status(StatusCode::Unsupported, std::string("function '") + function->name +
                                                 "': no input has '" + function->symbols[i] +
                                                 "' as a dimension, so its value is not known");
  return Status::ok();
}

Carried *Session::Impl::findCarried(size_t input) {
  auto it = std::find_if(carried.begin(), carried.end(),
                         [&](const Carried &c) { return c.input == input; });
  return it == carried.end() ? nullptr : &*it;
}

/// Leaves all inputs in `views`: what the caller gives, and in between what is carried.
Status Session::Impl::gatherInputs(const TensorView *inputs, size_t count) {
  if (count + carried.size() != views.size()) {
    std::string text = std::string("function '") + function->name + "' takes " +
                       std::to_string(views.size() - carried.size()) + " inputs, " +
                       std::to_string(count) + " were given";
    for (const Carried &c : carried)
      text += std::string(&c == carried.data() ? "; the session carries '" : ", '") +
              function->inputs[c.input].name + "'";
    return Status(StatusCode::InvalidArgument, text);
  }
  for (size_t i = 0; i < views.size(); ++i) {
    const Carried *c = findCarried(i);
    views[i] = c ? TensorView(c->value) : *inputs++;
  }
  return Status::ok();
}

/// Zeros for what is carried and has no value yet. The symbols of extents are known.
Status Session::Impl::sizeCarried() {
  for (Carried &c : carried) {
    if (c.isSet)
      continue;
    const ingot_tensor_info &info = function->inputs[c.input];
    Shape shape(static_cast<size_t>(info.rank));
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      INGOT_ASSIGN_OR_RETURN(shape[axis], extentOf(*function, info.dims[axis], wanted.data()));
    }
    INGOT_RETURN_IF_ERROR(c.value.resize(static_cast<DType>(info.dtype), shape));
    if (c.value.byteSize() != 0)
      std::memset(c.value.rawData(), 0, c.value.byteSize());
    views[c.input] = c.value;
  }
  return Status::ok();
}

/// Checks all inputs against the signature and leaves the values of the symbols in `wanted`.
Status Session::Impl::resolveSymbols() {
  auto isZeros = [&](int64_t i) {
    Carried *c = findCarried(static_cast<size_t>(i));
    return c && !c->isSet;
  };
  for (int64_t i = 0; i < function->input_count; ++i)
    if (!isZeros(i))
      INGOT_RETURN_IF_ERROR(checkInput(*function, i, views[static_cast<size_t>(i)]));
  for (size_t i = 0; i < wanted.size(); ++i) {
    const ingot_symbol_source &source = function->sources[i];
    if (source.kind == INGOT_SYMBOL_EXTENT)
      wanted[i] = valueOf(source, views[static_cast<size_t>(source.input)]);
  }
  for (int64_t i = 0; i < function->input_count; ++i)
    for (int32_t axis = 0; !isZeros(i) && axis < function->inputs[i].rank; ++axis) {
      Status checked = checkDim(*function, i, axis, views[static_cast<size_t>(i)], wanted.data());
      if (!checked.isOk())
        return findCarried(static_cast<size_t>(i))
                   ? checked.withContext("a stream keeps its sizes until the session is reset")
                   : checked;
    }
  INGOT_RETURN_IF_ERROR(checkBounds(artifact->table(), *function, wanted.data()));
  INGOT_RETURN_IF_ERROR(sizeCarried());
  for (size_t i = 0; i < wanted.size(); ++i) {
    const ingot_symbol_source &source = function->sources[i];
    if (source.kind != INGOT_SYMBOL_EXTENT)
      wanted[i] = valueOf(source, views[static_cast<size_t>(source.input)]);
  }
  return Status::ok();
}

/// Plans for `wanted`, and sees to the arena.
Status Session::Impl::makePlan() {
  planned = false;
  symbols = wanted; // same size: no allocation
  auto name = [&] { return std::string("function '") + function->name + "'"; };
  plan[0] = -1;
  if (int32_t code = function->plan(symbols.data(), plan.data())) {
    const ingot_artifact_table &table = artifact->table();
    std::string values, reason = "a size is negative, or larger than memory can be";
    if (plan[0] >= 0 && plan[0] < table.node_count)
      reason =
          table.nodes[plan[0]] +
          std::string(": a dimension of it would be negative or too large, an axis would not be "
                      "there, or it would "
                      "see a tensor as one of another number of elements; give it other sizes");
    for (size_t i = 0; i < symbols.size(); ++i)
      values += (i ? ", " : "") + std::string(function->symbols[i]) + " = " +
                (symbols[i] == INGOT_NO_VALUE ? std::string("none") : std::to_string(symbols[i]));
    return Status(code == INGOT_INVALID_ARGUMENT ? StatusCode::InvalidArgument
                                                 : StatusCode::Internal,
                  name() + " cannot run with " + values + ": " + reason + " (code " +
                      std::to_string(code) + ")");
  }
  if (plan[0] < 0)
    return Status(StatusCode::Internal, name() + " plans a negative arena");
  INGOT_RETURN_IF_ERROR(runner->reserveArena(static_cast<uint64_t>(plan[0])));
  planned = true;
  return Status::ok();
}

/// Sees to it that outputs have the planned sizes, and memory for them.
Status Session::Impl::placeOutputs(Slot &slot) {
  slot.placed = false;
  const int64_t *dims = plan.data() + function->output_dims;
  for (size_t i = 0; i < slot.outputs.size(); ++i) {
    const ingot_tensor_info &info = function->outputs[i];
    Status resized = slot.outputs[i].resize(static_cast<DType>(info.dtype), dims, info.rank);
    if (!resized.isOk())
      return resized.withContext("output '" + std::string(info.name) + "' of function '" +
                                 function->name + "'");
    dims += info.rank;
  }
  slot.placed = true;
  return Status::ok();
}

Status Session::Impl::prepare(Slot &slot, const TensorView *inputs, size_t count) {
  INGOT_RETURN_IF_ERROR(gatherInputs(inputs, count));
  INGOT_RETURN_IF_ERROR(resolveSymbols());
  if (!planned || wanted != symbols) {
    for (Slot &other : slots)
      other.placed = false;
    INGOT_RETURN_IF_ERROR(makePlan());
  }
  return slot.placed ? Status::ok() : placeOutputs(slot);
}

//===----------------------------------------------------------------------===//
// Runs under way
//===----------------------------------------------------------------------===//

Status Session::Impl::checkIdle(const char *what) const {
  if (!isPending())
    return Status::ok();
  return Status(StatusCode::FailedPrecondition, std::string("function '") + function->name +
                                                    "': " + what +
                                                    " while a run is under way: wait for it first");
}

/// The slot for a run to start in; what it depends on is finished.
Result<size_t> Session::Impl::nextSlot() {
  if (!isPending())
    return current;
  const size_t under = slots[0].state ? 0 : 1, free = 1 - under;
  auto refusal = [&](const char *why) {
    return Status(StatusCode::FailedPrecondition,
                  std::string("function '") + function->name + "' cannot start: " + why);
  };
  if (slots[free].state)
    return refusal("two runs are under way: wait for one first");
  for (const Slot &slot : slots)
    for (const Tensor &output : slot.outputs)
      if (!output.ownsMemory() && output.rawData())
        return refusal("a run is under way, and outputs go to a buffer of the caller's");
  const bool staleAfter = (function->flags & INGOT_FUNCTION_WRITES_STATE) &&
                          !(function->flags & INGOT_FUNCTION_CANONICAL);
  if (!carried.empty() || staleAfter)
    finish(under);
  return free;
}

/// The state is in use as the function needs it, once for all runs under way.
Status Session::Impl::use(Slot &slot, const std::shared_ptr<StateImpl> &state) {
  const bool isUsed = slots[0].state == state || slots[1].state == state;
  if (!isUsed)
    INGOT_RETURN_IF_ERROR(state->acquire((function->flags & INGOT_FUNCTION_WRITES_STATE) != 0,
                                         "function", function->name));
  slot.state = state;
  slot.isFinished = false;
  return Status::ok();
}

void Session::Impl::endUse(Slot &slot) {
  const std::shared_ptr<StateImpl> state = std::move(slot.state);
  if (slots[0].state != state && slots[1].state != state)
    state->release((function->flags & INGOT_FUNCTION_WRITES_STATE) != 0);
}

/// Starts the planned function.
Status Session::Impl::start(size_t index) {
  Slot &slot = slots[index];
  StateImpl &state = *slot.state;
  Threads threads = options.parallelFor ? Threads{options.parallelFor, options.threads}
                                        : Threads::of(options.pool);
  if (!(function->flags & INGOT_FUNCTION_CANONICAL))
    INGOT_RETURN_IF_ERROR(state.ensureDerived(threads));
  RunRequest request;
  request.inputs = views.data();
  request.outputs = slot.outputs.data();
  request.symbols = &symbols;
  request.timed = options.timed;
  ingot_run &run = request.run;
  run.size = sizeof(run);
  run.plan = plan.data();
  run.state = state.data;
  run.parallel_for = threads.parallelFor;
  run.pool = threads.pool;
  run.begin = options.begin;
  run.end = options.end;
  run.user = options.user;
  run.failed_node = -1;
  const int64_t *planned = plan.data() + function->output_dims;
  std::copy(planned, planned + slot.extents.size(), slot.extents.begin());
  run.extents = slot.extents.data();
  Status started = runner->start(index, request);
  if (function->flags & INGOT_FUNCTION_WRITES_STATE)
    state.version.fetch_add(1, std::memory_order_release);
  return started;
}

/// Waits for a run, and hands on what it carries.
void Session::Impl::finish(size_t index) {
  Slot &slot = slots[index];
  if (slot.isFinished)
    return;
  slot.isFinished = true;
  slot.status = complete(index);
}

Status Session::Impl::complete(size_t index) {
  Slot &slot = slots[index];
  INGOT_RETURN_IF_ERROR(runner->finish(index));
  INGOT_RETURN_IF_ERROR(shrinkOutputs(slot));
  INGOT_RETURN_IF_ERROR(runner->fetch(index, slot.outputs));
  return carryOutputs(slot);
}

/// Copies: outputs stay the caller's until the next run. The sizes are those of the inputs.
Status Session::Impl::carryOutputs(const Slot &slot) {
  for (const Carried &c : carried)
    if (slot.outputs[c.output].byteSize() != c.value.byteSize())
      return Status(StatusCode::Internal, std::string("output '") +
                                              function->outputs[c.output].name +
                                              "' is carried and has another size than its input");
  for (Carried &c : carried) {
    if (c.value.byteSize() != 0)
      std::memcpy(c.value.rawData(), slot.outputs[c.output].rawData(), c.value.byteSize());
    c.isSet = true;
  }
  return Status::ok();
}

/// Gives outputs the extents that the run computed, within those planned: no allocation.
Status Session::Impl::shrinkOutputs(Slot &slot) {
  const int64_t *dims = slot.extents.data();
  for (size_t i = 0; i < slot.outputs.size(); ++i) {
    const ingot_tensor_info &info = function->outputs[i];
    const Shape &shape = slot.outputs[i].shape();
    if (!std::equal(dims, dims + info.rank, shape.begin(), shape.end()))
      INGOT_RETURN_IF_ERROR(
          slot.outputs[i].resize(static_cast<DType>(info.dtype), dims, info.rank));
    dims += info.rank;
  }
  return Status::ok();
}

//===----------------------------------------------------------------------===//
// Session
//===----------------------------------------------------------------------===//

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session &&) noexcept = default;
Session &Session::operator=(Session &&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::create(std::shared_ptr<const Artifact> artifact, std::string_view function,
                                const SessionOptions &options) {
  auto impl = std::make_unique<Impl>();
  INGOT_ASSIGN_OR_RETURN(impl->function, artifact->function(function));
  impl->artifact = std::move(artifact);
  impl->options = options;
  INGOT_RETURN_IF_ERROR(impl->checkSources());
  impl->symbols.resize(static_cast<size_t>(impl->function->symbol_count));
  impl->wanted.resize(impl->symbols.size());
  impl->plan.resize(static_cast<size_t>(impl->function->plan_words));
  impl->views.resize(static_cast<size_t>(impl->function->input_count));
  for (const ingot_carry &carry : impl->artifact->carries(*impl->function))
    impl->carried.emplace_back(static_cast<size_t>(carry.input), static_cast<size_t>(carry.output));
  size_t extents = 0;
  for (int64_t i = 0; i < impl->function->output_count; ++i)
    extents += static_cast<size_t>(impl->function->outputs[i].rank);
  for (Slot &slot : impl->slots) {
    slot.outputs.resize(static_cast<size_t>(impl->function->output_count));
    slot.extents.resize(extents);
  }
  INGOT_ASSIGN_OR_RETURN(
      impl->runner, impl->artifact->place_->makeRunner(impl->artifact->table(), *impl->function));
  return Session(std::move(impl));
}

const ingot_function &Session::function() const { return *impl_->function; }

Status Session::prepare(const TensorView *inputs, size_t count) {
  INGOT_RETURN_IF_ERROR(impl_->checkIdle("sizes cannot change"));
  return impl_->prepare(impl_->slots[impl_->current], inputs, count);
}

Status Session::run(State &state, const TensorView *inputs, size_t count) {
  INGOT_RETURN_IF_ERROR(impl_->checkIdle("it cannot run"));
  INGOT_RETURN_IF_ERROR(start(state, inputs, count));
  return wait();
}

Status Session::start(State &state, const TensorView *inputs, size_t count) {
  const ingot_function &function = *impl_->function;
  StateImpl &stateImpl = *state.impl_;
  if (&stateImpl.artifact->table() != &impl_->artifact->table() ||
      stateImpl.artifact->place_ != impl_->artifact->place_)
    return Status(StatusCode::FailedPrecondition,
                  std::string("function '") + function.name + "' of model '" +
                      impl_->artifact->table().name + "' was given a state of another artifact ('" +
                      stateImpl.artifact->table().name + "')");
  INGOT_ASSIGN_OR_RETURN(const size_t index, impl_->nextSlot());
  Slot &slot = impl_->slots[index];
  INGOT_RETURN_IF_ERROR(impl_->prepare(slot, inputs, count));
  INGOT_RETURN_IF_ERROR(impl_->use(slot, state.impl_));
  Status started = impl_->start(index);
  if (!started.isOk()) {
    impl_->endUse(slot);
    return started;
  }
  if (!impl_->slots[1 - index].state)
    impl_->oldest = index;
  return Status::ok();
}

Status Session::wait() {
  const size_t index = impl_->oldest;
  Slot &slot = impl_->slots[index];
  if (!slot.state)
    return Status(StatusCode::FailedPrecondition, std::string("function '") +
                                                      impl_->function->name +
                                                      "': no run is under way to wait for");
  impl_->finish(index);
  impl_->endUse(slot);
  impl_->current = index;
  impl_->oldest = 1 - index;
  return slot.status;
}

size_t Session::runsUnderWay() const {
  return size_t{impl_->slots[0].state != nullptr} + size_t{impl_->slots[1].state != nullptr};
}

void Session::reset() {
  for (Carried &c : impl_->carried)
    c.isSet = false;
}

Status Session::setCarried(size_t input, const TensorView &value) {
  Carried *c = impl_->findCarried(input);
  if (!c)
    return Status(StatusCode::InvalidArgument, std::string("function '") + impl_->function->name +
                                                   "' has no carried input " +
                                                   std::to_string(input));
  impl_->views[input] = value;
  INGOT_RETURN_IF_ERROR(checkInput(*impl_->function, static_cast<int64_t>(input), value));
  INGOT_RETURN_IF_ERROR(c->value.resize(value.dtype, value.dims, value.rank));
  if (c->value.byteSize() != 0)
    std::memcpy(c->value.rawData(), value.data, c->value.byteSize());
  c->isSet = true;
  return Status::ok();
}

void Session::swapCarried(std::vector<CarriedValue> &values) {
  values.resize(impl_->carried.size());
  for (size_t i = 0; i < values.size(); ++i) {
    swap(impl_->carried[i].value, values[i].value);
    std::swap(impl_->carried[i].isSet, values[i].isSet);
  }
}

size_t Session::outputCount() const { return impl_->outputs().size(); }
const Tensor &Session::output(size_t index) const { return impl_->outputs()[index]; }

const Tensor *Session::findOutput(std::string_view name) const {
  for (size_t i = 0; i < impl_->outputs().size(); ++i)
    if (name == impl_->function->outputs[i].name)
      return &impl_->outputs()[i];
  return nullptr;
}

Status Session::setOutputBuffer(size_t index, void *data, size_t bytes) {
  INGOT_RETURN_IF_ERROR(impl_->checkIdle("outputs cannot move"));
  if (index >= impl_->outputs().size())
    return Status(StatusCode::InvalidArgument,
                  std::string("function '") + impl_->function->name + "' has " +
                      std::to_string(impl_->outputs().size()) + " outputs, none is number " +
                      std::to_string(index));
  Tensor output;
  if (data) {
    INGOT_ASSIGN_OR_RETURN(output, Tensor::borrow(DType::U8, {static_cast<int64_t>(bytes)}, data));
  }
  impl_->outputs()[index] = std::move(output);
  impl_->slots[impl_->current].placed = false;
  return Status::ok();
}

void Session::swapOutput(size_t index, Tensor &other) {
  swap(impl_->outputs()[index], other);
  impl_->slots[impl_->current].placed = false;
}

const std::vector<int64_t> &Session::symbolValues() const { return impl_->symbols; }
int64_t Session::arenaBytes() const { return impl_->planned ? impl_->plan[0] : 0; }

void *Session::arena() { return impl_->runner->arena(); }
void Session::setOptions(const SessionOptions &options) { impl_->options = options; }

} // namespace ingot
