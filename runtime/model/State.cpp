// The variables of a model: creation, access by name, safetensors, derivation. See Model.h.
#include "ingot/Model.h"
#include "runtime/core/AlignedMemory.h"
#include "runtime/model/OnDevice.h"
#include "runtime/model/Safetensors.h"
#include "runtime/model/StateImpl.h"

namespace ingot {

namespace {
constexpr uint64_t auxiliaryFlags = INGOT_VARIABLE_OPTIMIZER | INGOT_VARIABLE_CONTROL;

bool sameShape(const ingot_variable_info &info, const int64_t *dims, int64_t rank) {
  return rank == info.rank && std::equal(dims, dims + rank, info.shape);
}

Status mismatch(const ingot_variable_info &info, DType dtype, const int64_t *dims, int64_t rank,
                const char *given) {
  return Status(StatusCode::InvalidArgument, std::string("variable '") + info.name + "' is " +
                                                 describe(info) + ", " + given + " is " +
                                                 toString(dtype) + toString(dims, rank));
}
} // namespace

//===----------------------------------------------------------------------===//
// Use and derivation
//===----------------------------------------------------------------------===//

Status StateImpl::acquire(bool exclusive, const char *what, const char *name) {
  auto refusal = [&](const char *reason) {
    return Status(StatusCode::FailedPrecondition,
                  std::string(what) + " '" + name + "' cannot use the state: " + reason);
  };
  if (exclusive && isReadOnly)
    return refusal("it is read-only (the artifact's own weights); use State::create");
  int users = use.load(std::memory_order_relaxed);
  for (;;) {
    if (users < 0)
      return refusal("another thread is writing it");
    if (exclusive && users > 0)
      return refusal("other threads are reading it, and this call writes it");
    if (use.compare_exchange_weak(users, exclusive ? -1 : users + 1, std::memory_order_acquire,
                                  std::memory_order_relaxed))
      return Status::ok();
  }
}

void StateImpl::release(bool exclusive) {
  if (exclusive)
    use.store(0, std::memory_order_release);
  else
    use.fetch_sub(1, std::memory_order_release);
}

Status StateImpl::planDerive() {
  const ingot_function *derive = artifact->table().derive;
  if (!derive)
    return Status::ok();
  derivePlan.resize(static_cast<size_t>(derive->plan_words));
  int32_t code = derive->plan(nullptr, derivePlan.data());
  if (code != INGOT_OK || derivePlan[0] < 0)
    return Status(StatusCode::Internal,
                  "planning 'derive' failed with code " + std::to_string(code));
  INGOT_ASSIGN_OR_RETURN(deriver, place->makeRunner(artifact->table(), *derive));
  return deriver->reserveArena(static_cast<uint64_t>(derivePlan[0]));
}

Status StateImpl::ensureDerived(const Threads &threads) {
  const ingot_function *derive = artifact->table().derive;
  uint64_t current = version.load(std::memory_order_acquire);
  if (!derive || derivedVersion.load(std::memory_order_acquire) == current)
    return Status::ok();
  std::lock_guard<std::mutex> lock(deriveMutex);
  if (derivedVersion.load(std::memory_order_relaxed) == current)
    return Status::ok();
  RunRequest request;
  request.symbols = &deriveSymbols;
  request.run.size = sizeof request.run;
  request.run.plan = derivePlan.data();
  request.run.state = data;
  request.run.parallel_for = threads.parallelFor;
  request.run.pool = threads.pool;
  request.run.failed_node = -1;
  INGOT_RETURN_IF_ERROR(deriver->start(0, request));
  INGOT_RETURN_IF_ERROR(deriver->finish(0));
  derivedVersion.store(current, std::memory_order_release);
  return Status::ok();
}

//===----------------------------------------------------------------------===//
// State
//===----------------------------------------------------------------------===//

Result<std::shared_ptr<StateImpl>> StateImpl::make(std::shared_ptr<const Artifact> artifact,
                                                   std::shared_ptr<Place> place) {
  auto impl = std::make_shared<StateImpl>();
  const ingot_artifact_table &table = artifact->table();
  const Weights weights = artifact->weights();
  impl->artifact = std::move(artifact);
  impl->place = std::move(place);
  Result<PlacedBlock> block = impl->place->allocate(table.state_bytes);
  if (!block.isOk())
    return block.status().withContext(std::string("the state of '") + table.name + "'");
  impl->block = std::move(*block);
  impl->data = impl->block.get();
  INGOT_RETURN_IF_ERROR(impl->planDerive());
  if (weights.bytes < table.state_bytes)
    INGOT_RETURN_IF_ERROR(impl->place->clear(impl->data, table.state_bytes));
  INGOT_RETURN_IF_ERROR(impl->place->write(impl->data, weights.data, weights.bytes));
  if (!weights.isDerived)
    impl->version = 1;
  return impl;
}

/// One for all who ask, while one of them has it: the weights are on the device once.
Result<std::shared_ptr<StateImpl>>
State::readOnlyOnDevice(std::shared_ptr<const Artifact> artifact) {
  OnDevice &shared = *artifact->onDevice_;
  std::lock_guard<std::mutex> lock(shared.mutex);
  if (std::shared_ptr<StateImpl> there = shared.readOnly.lock())
    return there;
  INGOT_ASSIGN_OR_RETURN(std::shared_ptr<StateImpl> impl,
                         StateImpl::make(artifact, artifact->place_));
  INGOT_RETURN_IF_ERROR(impl->ensureDerived({}));
  impl->isReadOnly = true;
  shared.readOnly = impl;
  return impl;
}

State::State(std::shared_ptr<StateImpl> impl) : impl_(std::move(impl)) {}
State::~State() = default;

Result<std::unique_ptr<State>> State::create(std::shared_ptr<const Artifact> artifact) {
  INGOT_ASSIGN_OR_RETURN(std::shared_ptr<StateImpl> impl,
                         StateImpl::make(artifact, artifact->place_));
  return std::unique_ptr<State>(new State(std::move(impl)));
}

Result<std::unique_ptr<State>> State::readOnly(std::shared_ptr<const Artifact> artifact) {
  if (!artifact->hasWeights())
    return Status(StatusCode::FailedPrecondition,
                  "model '" + std::string(artifact->name()) +
                      "' carries no weights; make a state with State::create and bind them");
  std::shared_ptr<StateImpl> impl;
  if (artifact->onDevice_) {
    INGOT_ASSIGN_OR_RETURN(impl, readOnlyOnDevice(artifact));
  } else {
    impl = std::make_shared<StateImpl>();
    impl->isReadOnly = true;
    impl->data = const_cast<void *>(artifact->table().initial_state);
    impl->place = artifact->place_;
    impl->artifact = std::move(artifact);
  }
  return std::unique_ptr<State>(new State(std::move(impl)));
}

const std::shared_ptr<const Artifact> &State::artifact() const { return impl_->artifact; }
bool State::isReadOnly() const { return impl_->isReadOnly; }
uint64_t State::version() const { return impl_->version.load(std::memory_order_acquire); }

Status State::set(std::string_view name, const TensorView &value) {
  INGOT_ASSIGN_OR_RETURN(const ingot_variable_info *info, impl_->artifact->variable(name));
  if (static_cast<int32_t>(value.dtype) != info->dtype || !sameShape(*info, value.dims, value.rank))
    return mismatch(*info, value.dtype, value.dims, value.rank, "the value");
  if (!value.data && info->bytes != 0)
    return Status(StatusCode::InvalidArgument,
                  std::string("no value was given for variable '") + info->name + "'");
  Status got;
  StateUse use(*impl_, /*exclusive=*/true, "setting variable", info->name, got);
  INGOT_RETURN_IF_ERROR(got);
  impl_->version.fetch_add(1, std::memory_order_release);
  return impl_->place->write(impl_->at(*info), value.data, info->bytes);
}

Result<Tensor> State::get(std::string_view name) const {
  Tensor out;
  INGOT_RETURN_IF_ERROR(get(name, out));
  return out;
}

Status State::get(std::string_view name, Tensor &out) const {
  INGOT_ASSIGN_OR_RETURN(const ingot_variable_info *info, impl_->artifact->variable(name));
  INGOT_RETURN_IF_ERROR(out.resize(static_cast<DType>(info->dtype), info->shape, info->rank));
  Status got;
  StateUse use(*impl_, /*exclusive=*/false, "reading variable", info->name, got);
  INGOT_RETURN_IF_ERROR(got);
  return impl_->place->read(out.rawData(), impl_->at(*info), info->bytes);
}

Status State::derive(ThreadPool *pool) {
  Status got;
  StateUse use(*impl_, /*exclusive=*/false, "deriving for", impl_->artifact->table().name, got);
  INGOT_RETURN_IF_ERROR(got);
  return impl_->ensureDerived(Threads::of(pool));
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

namespace {
using Bindings = std::vector<std::pair<const ingot_variable_info *, const SafetensorsEntry *>>;

/// Matches variables and entries by name, and refuses what `options` does not forgive.
Result<Bindings> matchEntries(const ingot_artifact_table &table, const SafetensorsFile &file,
                              const BindOptions &options) {
  Bindings bindings;
  std::string where = "'" + file.path() + "'";
  for (int64_t i = 0; i < table.variable_count; ++i) {
    const ingot_variable_info &info = table.variables[i];
    const SafetensorsEntry *entry = file.find(info.name);
    bool mayMiss = options.allowMissing || (!options.requireAll && (info.flags & auxiliaryFlags));
    if (!entry && !mayMiss)
      return Status(StatusCode::NotFound, where + " has no tensor '" + info.name + "' (" +
                                              describe(info) + "), which model '" + table.name +
                                              "' needs");
    if (!entry)
      continue;
    if (static_cast<int32_t>(entry->dtype) != info.dtype ||
        !sameShape(info, entry->shape.data(), static_cast<int64_t>(entry->shape.size())))
      return mismatch(info, entry->dtype, entry->shape.data(),
                      static_cast<int64_t>(entry->shape.size()),
                      ("the tensor in " + where).c_str());
    bindings.emplace_back(&info, entry);
  }
  if (!options.allowExtra && bindings.size() != file.entries().size())
    for (const SafetensorsEntry &entry : file.entries()) {
      bool known = false;
      for (const auto &binding : bindings)
        known |= binding.second == &entry;
      if (!known)
        return Status(StatusCode::InvalidArgument, where + " has a tensor '" + entry.name +
                                                       "', model '" + table.name +
                                                       "' has no such variable");
    }
  return bindings;
}
} // namespace

/// Straight to its place where the host can write there, else through a copy.
Status StateImpl::readVariable(const SafetensorsFile &file, const ingot_variable_info &info,
                               const SafetensorsEntry &entry) {
  if (void *here = place->onHost(at(info)))
    return file.read(entry, here);
  AlignedBlock copy = allocateAligned(entry.bytes);
  if (!copy)
    return Status(StatusCode::ResourceExhausted,
                  "no memory for " + std::to_string(entry.bytes) + " bytes");
  INGOT_RETURN_IF_ERROR(file.read(entry, copy.get()));
  return place->write(at(info), copy.get(), entry.bytes);
}

Status State::bind(const std::string &path, const BindOptions &options) {
  INGOT_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(path));
  INGOT_ASSIGN_OR_RETURN(Bindings bindings, matchEntries(impl_->artifact->table(), file, options));
  Status got;
  StateUse use(*impl_, /*exclusive=*/true, "binding", path.c_str(), got);
  INGOT_RETURN_IF_ERROR(got);
  impl_->version.fetch_add(1, std::memory_order_release);
  for (const auto &[info, entry] : bindings)
    if (Status read = impl_->readVariable(file, *info, *entry); !read.isOk())
      return Status(read.code(), read.message() + "; the state is bound in part: bind it again");
  return impl_->ensureDerived({});
}

Status State::save(const std::string &path, const SaveOptions &options) const {
  const ingot_artifact_table &table = impl_->artifact->table();
  Status got;
  StateUse use(*impl_, /*exclusive=*/false, "saving", path.c_str(), got);
  INGOT_RETURN_IF_ERROR(got);
  std::vector<NamedTensor> tensors;
  std::vector<AlignedBlock> copies; // of what the host cannot read where it is
  for (int64_t i = 0; i < table.variable_count; ++i) {
    const ingot_variable_info &info = table.variables[i];
    if (options.weightsOnly && (info.flags & auxiliaryFlags))
      continue;
    const void *values = impl_->place->onHost(impl_->at(info));
    if (!values) {
      AlignedBlock copy = allocateAligned(info.bytes);
      if (!copy)
        return Status(StatusCode::ResourceExhausted, std::string("no memory for a copy of '") +
                                                         info.name + "' (" +
                                                         std::to_string(info.bytes) + " bytes)");
      INGOT_RETURN_IF_ERROR(impl_->place->read(copy.get(), impl_->at(info), info.bytes));
      values = copies.emplace_back(std::move(copy)).get();
    }
    tensors.push_back(
        {info.name, TensorView{static_cast<DType>(info.dtype), info.rank, info.shape, values}});
  }
  return writeSafetensors(path, tensors, options.metadata);
}

} // namespace ingot
