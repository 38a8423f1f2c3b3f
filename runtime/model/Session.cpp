// Running one function of an artifact: checks, plan, arena, outputs. See Model.h.
#include "ingot/Model.h"
#include "runtime/model/Inputs.h"
#include "runtime/model/StateImpl.h"

#include <algorithm>
#include <cstring>
#include <mutex>

namespace ingot {

namespace {

/// A block that grows, to twice its size at least: memory is asked for seldom.
struct GrowingBlock {
  AlignedBlock block;
  uint64_t capacity = 0;
  char *data() const { return static_cast<char *>(block.get()); }
  bool grow(uint64_t bytes) {
    if (bytes <= capacity)
      return true;
    uint64_t wanted = std::max(bytes, 2 * capacity);
    block.reset(); // the old one first: both may not fit
    capacity = 0;
    block = allocateAligned(wanted);
    if (block)
      capacity = wanted;
    return block != nullptr;
  }
};

/// An input that takes an output's value of the run before.
struct Carried : CarriedValue { // zeros are of the size that the other inputs give in each run
  Carried(size_t input, size_t output) : input(input), output(output) {}
  size_t input, output;
};

} // namespace

struct Session::Impl {
  std::shared_ptr<const Artifact> artifact;
  const ingot_function *function = nullptr;
  SessionOptions options;
  bool planned = false; // plan and arena are those of `symbols`
  bool placed = false;  // outputs are those of the plan
  std::vector<int64_t> symbols, wanted;
  std::vector<int64_t> plan;
  AlignedBlock arena;
  uint64_t arenaCapacity = 0;
  std::vector<Tensor> outputs;
  std::vector<Carried> carried;
  std::vector<TensorView> views; // of all inputs, those that are carried too
  std::vector<const void *> inputPointers;
  std::vector<void *> outputPointers;
  std::vector<int64_t> extents; // of all outputs, one after another, by the last run
  GrowingBlock text;            // what runs make
  GrowingBlock outputText;      // what outputs have of inputs and constants

  Status checkSources() const;
  Carried *findCarried(size_t input);
  Status gatherInputs(const TensorView *inputs, size_t count);
  Status sizeCarried();
  Status resolveSymbols();
  Status makePlan();
  Status placeOutputs();
  Status prepare(const TensorView *inputs, size_t count);
  Status call(StateImpl &state);
  int32_t runWithRoom(ingot_run &run);
  Status carryOutputs();
  Status shrinkOutputs();
  Status keepTexts(uint64_t textUsed);
  Status failure(int32_t code, const ingot_run &run) const;
};

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
  auto arenaBytes = static_cast<uint64_t>(plan[0]);
  if (!arena || arenaBytes > arenaCapacity) {
    arena.reset(); // the old one first: both may not fit
    arenaCapacity = 0;
    arena = allocateAligned(arenaBytes);
    if (!arena)
      return Status(StatusCode::ResourceExhausted, name() + ": no memory for an arena of " +
                                                       std::to_string(arenaBytes) + " bytes");
    arenaCapacity = arenaBytes;
  }
  planned = true;
  return Status::ok();
}

/// Sees to it that outputs have the planned sizes, and memory for them.
Status Session::Impl::placeOutputs() {
  placed = false;
  const int64_t *dims = plan.data() + function->output_dims;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const ingot_tensor_info &info = function->outputs[i];
    Status resized = outputs[i].resize(static_cast<DType>(info.dtype), dims, info.rank);
    if (!resized.isOk())
      return resized.withContext("output '" + std::string(info.name) + "' of function '" +
                                 function->name + "'");
    outputPointers[i] = outputs[i].rawData();
    dims += info.rank;
  }
  placed = true;
  return Status::ok();
}

Status Session::Impl::prepare(const TensorView *inputs, size_t count) {
  INGOT_RETURN_IF_ERROR(gatherInputs(inputs, count));
  INGOT_RETURN_IF_ERROR(resolveSymbols());
  if (!planned || wanted != symbols) {
    placed = false;
    INGOT_RETURN_IF_ERROR(makePlan());
  }
  return placed ? Status::ok() : placeOutputs();
}

Status Session::Impl::failure(int32_t code, const ingot_run &run) const {
  std::string name = std::string("function '") + function->name + "'";
  if (code == INGOT_CANCELLED)
    return Status(StatusCode::Cancelled, name + " was cancelled");
  const ingot_artifact_table &table = artifact->table();
  bool known = run.failed_node >= 0 && run.failed_node < table.node_count;
  std::string node = name + ": " + (known ? table.nodes[run.failed_node] : "a node without a name");
  switch (code) {
  case INGOT_INDEX_OUT_OF_RANGE:
    return Status(StatusCode::OutOfRange, node + ": an index is outside the axis it selects from");
  case INGOT_MEMORY_ERROR:
    return Status(StatusCode::Internal,
                  node +
                      ": its kernel wrote outside its tensors (seen by --debug-arena): a fault of "
                      "the compiler, please report it; or of the function, of a custom op");
  case INGOT_TEXT_TOO_SHORT:
    return Status(StatusCode::ResourceExhausted, name + ": no memory for the text that it makes");
  case INGOT_CUSTOM_OP_FAILED:
    return Status(StatusCode::InvalidArgument, node + ": the function of its custom op returned " +
                                                   std::to_string(run.custom_status));
  default:
    return Status(code == INGOT_INVALID_ARGUMENT ? StatusCode::InvalidArgument
                                                 : StatusCode::Internal,
                  name + " failed with code " + std::to_string(code));
  }
}

/// Held by runs of functions that call custom ops which are not thread-safe: one for all artifacts,
/// which may share the code. A callback may run another session between two kernels.
static std::recursive_mutex exclusiveRuns;

/// Runs the planned function; the state is in use as the function needs it.
Status Session::Impl::call(StateImpl &state) {
  Threads threads = options.parallelFor ? Threads{options.parallelFor, options.threads}
                                        : Threads::of(options.pool);
  if (!(function->flags & INGOT_FUNCTION_CANONICAL))
    INGOT_RETURN_IF_ERROR(state.ensureDerived(threads));
  for (size_t i = 0; i < inputPointers.size(); ++i)
    inputPointers[i] = views[i].data;
  ingot_run run = {};
  run.size = sizeof(run);
  run.plan = plan.data();
  run.inputs = inputPointers.data();
  run.outputs = outputPointers.data();
  run.state = state.data;
  run.arena = arena.get();
  run.parallel_for = threads.parallelFor;
  run.pool = threads.pool;
  run.begin = options.begin;
  run.end = options.end;
  run.user = options.user;
  run.failed_node = -1;
  const int64_t *planned = plan.data() + function->output_dims;
  std::copy(planned, planned + extents.size(), extents.begin());
  run.extents = extents.data();
  std::unique_lock<std::recursive_mutex> alone(exclusiveRuns, std::defer_lock);
  if (function->flags & INGOT_FUNCTION_EXCLUSIVE)
    alone.lock();
  int32_t code = runWithRoom(run);
  if (alone)
    alone.unlock();
  if (function->flags & INGOT_FUNCTION_WRITES_STATE)
    state.version.fetch_add(1, std::memory_order_release);
  if (code != INGOT_OK)
    return failure(code, run);
  INGOT_RETURN_IF_ERROR(shrinkOutputs());
  INGOT_RETURN_IF_ERROR(keepTexts(run.text_used));
  return carryOutputs();
}

/// Runs, and again with more room for as long as text is made that has none.
int32_t Session::Impl::runWithRoom(ingot_run &run) {
  while (true) {
    run.text = text.data();
    run.text_capacity = text.capacity;
    run.text_used = 0;
    int32_t code = function->run(&run);
    if (code != INGOT_TEXT_TOO_SHORT || run.text_used <= text.capacity || !text.grow(run.text_used))
      return code;
  }
}

/// Text of outputs that is not the session's own, of inputs for example, is copied, so that all of
/// it lasts until the next run.
Status Session::Impl::keepTexts(uint64_t textUsed) {
  auto forForeign = [&](auto visit) {
    for (Tensor &output : outputs)
      if (output.dtype() == DType::String)
        for (int64_t i = 0; i < output.elementCount(); ++i) {
          std::string_view bytes = textAt(output, i);
          auto offset =
              reinterpret_cast<uintptr_t>(bytes.data()) - reinterpret_cast<uintptr_t>(text.data());
          if (!bytes.empty() && offset >= textUsed)
            visit(static_cast<char *>(output.rawData()) + i * int64_t{sizeof(ingot_string)}, bytes);
        }
  };
  uint64_t size = 0;
  forForeign([&](char *, std::string_view bytes) { size += bytes.size(); });
  if (!outputText.grow(size))
    return Status(StatusCode::ResourceExhausted, std::string("function '") + function->name +
                                                     "': no memory for " + std::to_string(size) +
                                                     " bytes of text");
  char *next = outputText.data();
  forForeign([&](char *record, std::string_view bytes) {
    ingot_string kept = {next, bytes.size()};
    next = std::copy(bytes.begin(), bytes.end(), next);
    std::memcpy(record, &kept, sizeof kept);
  });
  return Status::ok();
}

/// Copies: outputs stay the caller's until the next run. The sizes are those of the inputs.
Status Session::Impl::carryOutputs() {
  for (const Carried &c : carried)
    if (outputs[c.output].byteSize() != c.value.byteSize())
      return Status(StatusCode::Internal, std::string("output '") +
                                              function->outputs[c.output].name +
                                              "' is carried and has another size than its input");
  for (Carried &c : carried) {
    if (c.value.byteSize() != 0)
      std::memcpy(c.value.rawData(), outputs[c.output].rawData(), c.value.byteSize());
    c.isSet = true;
  }
  return Status::ok();
}

/// Gives outputs the extents that the run computed, within those planned: no allocation.
Status Session::Impl::shrinkOutputs() {
  const int64_t *dims = extents.data();
  for (size_t i = 0; i < outputs.size(); ++i) {
    const ingot_tensor_info &info = function->outputs[i];
    if (!std::equal(dims, dims + info.rank, outputs[i].shape().begin()))
      INGOT_RETURN_IF_ERROR(outputs[i].resize(static_cast<DType>(info.dtype), dims, info.rank));
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
  impl->inputPointers.resize(static_cast<size_t>(impl->function->input_count));
  impl->views.resize(impl->inputPointers.size());
  for (const ingot_carry &carry : impl->artifact->carries(*impl->function))
    impl->carried.emplace_back(static_cast<size_t>(carry.input), static_cast<size_t>(carry.output));
  impl->outputs.resize(static_cast<size_t>(impl->function->output_count));
  impl->outputPointers.resize(impl->outputs.size());
  size_t extents = 0;
  for (int64_t i = 0; i < impl->function->output_count; ++i)
    extents += static_cast<size_t>(impl->function->outputs[i].rank);
  impl->extents.resize(extents);
  return Session(std::move(impl));
}

const ingot_function &Session::function() const { return *impl_->function; }

Status Session::prepare(const TensorView *inputs, size_t count) {
  return impl_->prepare(inputs, count);
}

Status Session::run(State &state, const TensorView *inputs, size_t count) {
  const ingot_function &function = *impl_->function;
  StateImpl &stateImpl = *state.impl_;
  if (&stateImpl.artifact->table() != &impl_->artifact->table())
    return Status(StatusCode::FailedPrecondition,
                  std::string("function '") + function.name + "' of model '" +
                      impl_->artifact->table().name + "' was given a state of another artifact ('" +
                      stateImpl.artifact->table().name + "')");
  INGOT_RETURN_IF_ERROR(impl_->prepare(inputs, count));
  Status got;
  StateUse use(stateImpl, (function.flags & INGOT_FUNCTION_WRITES_STATE) != 0, "function",
               function.name, got);
  INGOT_RETURN_IF_ERROR(got);
  return impl_->call(stateImpl);
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

size_t Session::outputCount() const { return impl_->outputs.size(); }
const Tensor &Session::output(size_t index) const { return impl_->outputs[index]; }

const Tensor *Session::findOutput(std::string_view name) const {
  for (size_t i = 0; i < impl_->outputs.size(); ++i)
    if (name == impl_->function->outputs[i].name)
      return &impl_->outputs[i];
  return nullptr;
}

Status Session::setOutputBuffer(size_t index, void *data, size_t bytes) {
  if (index >= impl_->outputs.size())
    return Status(StatusCode::InvalidArgument,
                  std::string("function '") + impl_->function->name + "' has " +
                      std::to_string(impl_->outputs.size()) + " outputs, none is number " +
                      std::to_string(index));
  Tensor output;
  if (data) {
    INGOT_ASSIGN_OR_RETURN(output, Tensor::borrow(DType::U8, {static_cast<int64_t>(bytes)}, data));
  }
  impl_->outputs[index] = std::move(output);
  impl_->placed = false;
  return Status::ok();
}

void Session::swapOutput(size_t index, Tensor &other) {
  swap(impl_->outputs[index], other);
  impl_->placed = false;
}

const std::vector<int64_t> &Session::symbolValues() const { return impl_->symbols; }
int64_t Session::arenaBytes() const { return impl_->planned ? impl_->plan[0] : 0; }

void *Session::arena() { return impl_->arena.get(); }
void Session::setOptions(const SessionOptions &options) { impl_->options = options; }

} // namespace ingot
