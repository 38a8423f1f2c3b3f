// The variables of a model: creation, access by name, safetensors, derivation. See Model.h.
#include "ingot/Model.h"
#include "runtime/model/Safetensors.h"
#include "runtime/model/StateImpl.h"

#include <cstring>

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
  if (exclusive && !owned)
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
  deriveArena = allocateAligned(static_cast<uint64_t>(derivePlan[0]));
  if (!deriveArena)
    return Status(StatusCode::ResourceExhausted, "no memory for the arena of 'derive' (" +
                                                     std::to_string(derivePlan[0]) + " bytes)");
  return Status::ok();
}

Status StateImpl::ensureDerived(const Threads &threads) {
  const ingot_function *derive = artifact->table().derive;
  uint64_t current = version.load(std::memory_order_acquire);
  if (!derive || derivedVersion.load(std::memory_order_acquire) == current)
    return Status::ok();
  std::lock_guard<std::mutex> lock(deriveMutex);
  if (derivedVersion.load(std::memory_order_relaxed) == current)
    return Status::ok();
  ingot_run run = {};
  run.size = sizeof(run);
  run.plan = derivePlan.data();
  run.state = data;
  run.arena = deriveArena.get();
  run.parallel_for = threads.parallelFor;
  run.pool = threads.pool;
  if (int32_t code = derive->run(&run))
    return Status(StatusCode::Internal, "'derive' failed with code " + std::to_string(code));
  derivedVersion.store(current, std::memory_order_release);
  return Status::ok();
}

//===----------------------------------------------------------------------===//
// State
//===----------------------------------------------------------------------===//

State::State(std::unique_ptr<StateImpl> impl) : impl_(std::move(impl)) {}
State::~State() = default;

Result<std::unique_ptr<State>> State::create(std::shared_ptr<const Artifact> artifact) {
  auto impl = std::make_unique<StateImpl>();
  const ingot_artifact_table &table = artifact->table();
  impl->artifact = std::move(artifact);
  impl->owned = allocateAligned(table.state_bytes);
  if (!impl->owned)
    return Status(StatusCode::ResourceExhausted, std::string("no memory for the state of '") +
                                                     table.name + "' (" +
                                                     std::to_string(table.state_bytes) + " bytes)");
  impl->data = impl->owned.get();
  INGOT_RETURN_IF_ERROR(impl->planDerive());
  if (table.initial_state) {
    std::memcpy(impl->data, table.initial_state, table.state_bytes);
  } else {
    std::memset(impl->data, 0, table.state_bytes);
    impl->version = 1; // not derived yet
  }
  return std::unique_ptr<State>(new State(std::move(impl)));
}

Result<std::unique_ptr<State>> State::readOnly(std::shared_ptr<const Artifact> artifact) {
  if (!artifact->hasWeights())
    return Status(StatusCode::FailedPrecondition,
                  "model '" + std::string(artifact->name()) +
                      "' carries no weights; make a state with State::create and bind them");
  auto impl = std::make_unique<StateImpl>();
  impl->data = const_cast<void *>(artifact->table().initial_state);
  impl->artifact = std::move(artifact);
  return std::unique_ptr<State>(new State(std::move(impl)));
}

const std::shared_ptr<const Artifact> &State::artifact() const { return impl_->artifact; }
bool State::isReadOnly() const { return !impl_->owned; }
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
  if (info->bytes != 0)
    std::memcpy(impl_->at(*info), value.data, info->bytes);
  impl_->version.fetch_add(1, std::memory_order_release);
  return Status::ok();
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
  if (info->bytes != 0)
    std::memcpy(out.rawData(), impl_->at(*info), info->bytes);
  return Status::ok();
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

Status State::bind(const std::string &path, const BindOptions &options) {
  INGOT_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(path));
  INGOT_ASSIGN_OR_RETURN(Bindings bindings, matchEntries(impl_->artifact->table(), file, options));
  Status got;
  StateUse use(*impl_, /*exclusive=*/true, "binding", path.c_str(), got);
  INGOT_RETURN_IF_ERROR(got);
  impl_->version.fetch_add(1, std::memory_order_release);
  for (const auto &[info, entry] : bindings)
    if (Status read = file.read(*entry, impl_->at(*info)); !read.isOk())
      return Status(read.code(), read.message() + "; the state is bound in part: bind it again");
  return impl_->ensureDerived({});
}

Status State::save(const std::string &path, const SaveOptions &options) const {
  const ingot_artifact_table &table = impl_->artifact->table();
  std::vector<NamedTensor> tensors;
  for (int64_t i = 0; i < table.variable_count; ++i) {
    const ingot_variable_info &info = table.variables[i];
    if (!options.weightsOnly || !(info.flags & auxiliaryFlags))
      tensors.push_back({info.name, TensorView{static_cast<DType>(info.dtype), info.rank,
                                               info.shape, impl_->at(info)}});
  }
  Status got;
  StateUse use(*impl_, /*exclusive=*/false, "saving", path.c_str(), got);
  INGOT_RETURN_IF_ERROR(got);
  return writeSafetensors(path, tensors, options.metadata);
}

} // namespace ingot
