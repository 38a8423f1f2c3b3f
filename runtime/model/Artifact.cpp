// Loading and looking up: Artifact of Model.h.
#include "ingot/Model.h"
#include "runtime/device/DevicePlace.h"
#include "runtime/device/Images.h"
#include "runtime/model/Checks.h"
#include "runtime/model/OnDevice.h"

#include <algorithm>
#include <atomic>
#include <dlfcn.h>

namespace ingot {

namespace {
std::string describeDims(int32_t dtype, const std::string &dims) {
  return std::string(toString(static_cast<DType>(dtype))) + "[" + dims + "]";
}

template <typename T> const T *find(const T *items, int64_t count, std::string_view name) {
  for (int64_t i = 0; i < count; ++i)
    if (name == items[i].name)
      return &items[i];
  return nullptr;
}

/// "no <kind> '<name>' in model '<model>'; it has a, b, c" (at most 20 of them).
template <typename T>
Status notFound(const char *kind, std::string_view name, const ingot_artifact_table &table,
                const T *items, int64_t count) {
  std::string text = std::string("no ") + kind + " '" + std::string(name) + "' in model '" +
                     table.name + "'; it has ";
  for (int64_t i = 0; i < count && i < 20; ++i)
    text += (i ? ", " : "") + std::string(items[i].name);
  if (count > 20)
    text += " and " + std::to_string(count - 20) + " more";
  return Status(StatusCode::NotFound, text + (count == 0 ? "none" : ""));
}

/// A way to write the path that no artifact was loaded by before. dlopen compares names before it
/// looks at files: by the same name it would give the artifact that is loaded already, although
/// another file stands there by now. Between directory and file name, each bit of a number is a "/"
/// or a "/.".
std::string freshSpelling(const std::string &path) {
  static std::atomic<uint64_t> loads{0};
  // Without a slash dlopen would search the library path.
  const size_t slash = path.rfind('/');
  std::string spelling = slash == std::string::npos ? "." : path.substr(0, slash);
  for (uint64_t number = loads.fetch_add(1, std::memory_order_relaxed); number != 0; number >>= 1)
    spelling += number & 1 ? "/." : "/";
  return spelling + "/" + path.substr(slash == std::string::npos ? 0 : slash + 1);
}

struct Unload {
  void operator()(void *handle) const { dlclose(handle); }
};
} // namespace

std::string describe(const ingot_tensor_info &info) {
  std::string dims;
  for (int32_t axis = 0; axis < info.rank; ++axis)
    dims += (axis ? ", " : "") + std::string(info.dims[axis].text);
  return describeDims(info.dtype, dims);
}

std::string describe(const ingot_variable_info &info) {
  return toString(static_cast<DType>(info.dtype)) + toString(info.shape, info.rank);
}

Artifact::Artifact(const ingot_artifact_table *table, void *handle, std::string path)
    : table_(table), handle_(handle), path_(std::move(path)), place_(Place::host()) {}

Artifact::~Artifact() {
  if (handle_)
    dlclose(handle_);
}

Result<std::shared_ptr<const Artifact>> Artifact::open(const std::string &path,
                                                       const std::string &symbol) {
  INGOT_RETURN_IF_ERROR(checkSharedObject(path));
  std::unique_ptr<void, Unload> handle(dlopen(freshSpelling(path).c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!handle)
    return Status(StatusCode::Unsupported, "cannot load '" + path + "': " + dlerror());
  auto entry = reinterpret_cast<ingot_artifact_fn>(dlsym(handle.get(), symbol.c_str()));
  if (!entry)
    return Status(StatusCode::NotFound,
                  "'" + path + "' is not a compiled model: it defines no symbol '" + symbol + "'");
  const ingot_artifact_table *table = entry();
  if (!table)
    return Status(StatusCode::Unsupported,
                  "'" + path +
                      "' has no code for this CPU; compile it with an older "
                      "--target-cpu, such as x86-64-v2");
  INGOT_RETURN_IF_ERROR(checkTable(*table).withContext("'" + path + "'"));
  return std::shared_ptr<const Artifact>(new Artifact(table, handle.release(), path));
}

Result<std::shared_ptr<const Artifact>> Artifact::adopt(const ingot_artifact_table *table) {
  if (!table)
    return Status(StatusCode::Unsupported, "the model has no code for this CPU; compile it with an "
                                           "older --target-cpu, such as x86-64-v2");
  INGOT_RETURN_IF_ERROR(checkTable(*table));
  return std::shared_ptr<const Artifact>(new Artifact(table, nullptr, ""));
}

Result<std::shared_ptr<const Artifact>> Artifact::onDevice(std::shared_ptr<Device> device) const {
  if (onDevice_)
    return onDevice_->base->onDevice(std::move(device));
  if (!device)
    return Status(StatusCode::InvalidArgument, "no device was given");
  INGOT_ASSIGN_OR_RETURN(const ingot_device_code *code, codeFor(*table_, device->driver()));
  INGOT_ASSIGN_OR_RETURN(std::shared_ptr<Place> place, makeDevicePlace(device, *code));
  std::shared_ptr<Artifact> made(new Artifact(code->table, nullptr, path_));
  made->onDevice_ = std::make_unique<OnDevice>();
  made->onDevice_->base = shared_from_this();
  made->onDevice_->device = std::move(device);
  made->onDevice_->code = code;
  made->place_ = std::move(place);
  return std::shared_ptr<const Artifact>(std::move(made));
}

std::shared_ptr<Device> Artifact::device() const { return onDevice_ ? onDevice_->device : nullptr; }

/// A device's table need not have them: the CPU's are the same variables at the same offsets, but
/// what is derived from them is for the CPU.
Weights Artifact::weights() const {
  if (table_->initial_state)
    return {table_->initial_state, table_->state_bytes, true};
  Weights weights;
  if (!onDevice_ || !onDevice_->base->hasWeights())
    return weights;
  weights.data = onDevice_->base->table().initial_state;
  for (int64_t i = 0; i < table_->variable_count; ++i)
    weights.bytes =
        std::max(weights.bytes, table_->variables[i].offset + table_->variables[i].bytes);
  return weights;
}

const ingot_function *Artifact::findFunction(std::string_view name) const {
  return find(table_->functions, table_->function_count, name);
}

const ingot_variable_info *Artifact::findVariable(std::string_view name) const {
  return find(table_->variables, table_->variable_count, name);
}

std::vector<ingot_carry> Artifact::carries(const ingot_function &function) const {
  std::vector<ingot_carry> own;
  for (int64_t i = 0; hasCarries(*table_) && i < table_->carry_count; ++i)
    if (&table_->functions[table_->carries[i].function] == &function)
      own.push_back(table_->carries[i]);
  return own;
}

Result<const ingot_function *> Artifact::function(std::string_view name) const {
  if (const ingot_function *found = findFunction(name))
    return found;
  for (int64_t i = 0; onDevice_ && i < onDevice_->code->left_count; ++i)
    if (name == onDevice_->code->left[i])
      return Status(StatusCode::Unsupported,
                    "function '" + std::string(name) +
                        "' is left to the CPU: " + onDevice_->code->reasons[i]);
  return notFound("function", name, *table_, table_->functions, table_->function_count);
}

Result<const ingot_variable_info *> Artifact::variable(std::string_view name) const {
  if (const ingot_variable_info *found = findVariable(name))
    return found;
  return notFound("variable", name, *table_, table_->variables, table_->variable_count);
}

} // namespace ingot
