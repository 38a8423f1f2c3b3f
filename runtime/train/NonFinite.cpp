// See NonFinite.h.
#include "runtime/train/NonFinite.h"

#include <cmath>
#include <cstring>
#include <string>

namespace ingot::train {

template <typename T> static std::optional<int64_t> firstOf(const void *data, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, static_cast<const char *>(data) + size_t(i) * sizeof(T), sizeof(T));
    if (!std::isfinite(value))
      return i;
  }
  return std::nullopt;
}

std::optional<int64_t> findNonFinite(const TensorView &tensor) {
  if (tensor.dtype == DType::F32)
    return firstOf<float>(tensor.data, elementCount(tensor));
  if (tensor.dtype == DType::F64)
    return firstOf<double>(tensor.data, elementCount(tensor));
  return std::nullopt;
}

static Status refuse(const std::string &what) {
  return Status(StatusCode::FailedPrecondition, "detectNaN: " + what);
}

Result<NonFiniteFinder> NonFiniteFinder::create(State &state, ThreadPool *pool) {
  NonFiniteFinder finder;
  finder.state = &state;
  finder.pool = pool;
  finder.variables.resize(size_t(state.artifact()->table().variable_count));
  return finder;
}

Status NonFiniteFinder::before(const std::vector<TensorView> &given,
                               const ingot_function &function) {
  batch = given;
  for (size_t i = 0; i < batch.size(); ++i)
    if (const std::optional<int64_t> at = findNonFinite(batch[i]))
      return refuse("'" + std::string(function.inputs[i].name) + "', " + describe(batch[i]) +
                    ", is not finite at element " + std::to_string(*at) + " of the batch");
  for (size_t i = 0; i < variables.size(); ++i)
    INGOT_RETURN_IF_ERROR(state->get(state->artifact()->table().variables[i].name, variables[i]));
  return Status();
}

Status NonFiniteFinder::after(const Session &step) {
  for (size_t i = 0; i < step.outputCount(); ++i)
    if (findNonFinite(step.output(i)))
      return refuse("'" + std::string(step.function().outputs[i].name) + "' is not finite; " +
                    origin());
  const ingot_artifact_table &table = state->artifact()->table();
  for (size_t i = 0; i < variables.size(); ++i) {
    INGOT_ASSIGN_OR_RETURN(const Tensor value, state->get(table.variables[i].name));
    if (const std::optional<int64_t> at = findNonFinite(value))
      return refuse("variable '" + std::string(table.variables[i].name) + "', " +
                    describe(table.variables[i]) + ", is not finite at element " +
                    std::to_string(*at) + " after the step; " + origin());
  }
  return Status();
}

namespace {

/// Looks at a session's arena after each kernel.
struct Watch {
  Session *session = nullptr;
  int64_t firstNaN = -1, firstInfinity = -1; // kernels

  void look(int64_t kernel) {
    const auto *words = static_cast<const uint32_t *>(session->arena());
    for (int64_t i = 0; i < session->arenaBytes() / 4; ++i) {
      // The NaN that a processor makes: other patterns are more likely integers.
      const uint32_t magnitude = words[i] & 0x7FFFFFFFu;
      if (magnitude == 0x7FC00000u && firstNaN < 0)
        firstNaN = kernel;
      if (magnitude == 0x7F800000u && firstInfinity < 0)
        firstInfinity = kernel;
    }
  }
};

std::string kernelText(const ingot_function &function, int64_t kernel) {
  return "'" + std::string(function.kernels[kernel].node) + "' (kernel '" +
         function.kernels[kernel].name + "')";
}

} // namespace

/// Runs the forward pass again from the variables before the step.
std::string NonFiniteFinder::origin() {
  const ingot_artifact_table &table = state->artifact()->table();
  for (size_t i = 0; i < variables.size(); ++i)
    if (!state->set(table.variables[i].name, variables[i]).isOk())
      return "where it began is not known";
  for (size_t i = 0; i < variables.size(); ++i)
    if (const std::optional<int64_t> at = findNonFinite(variables[i]))
      return "variable '" + std::string(table.variables[i].name) + "' was not finite before";
  Watch watch;
  SessionOptions options;
  options.pool = pool;
  options.user = &watch;
  options.end = [](void *user, int64_t kernel) { static_cast<Watch *>(user)->look(kernel); };
  Result<Session> session = Session::create(state->artifact(), "evaluate", options);
  if (!session.isOk() || !session->prepare(batch.data(), batch.size()).isOk())
    return "where it began is not known";
  if (!session->arena())
    return "where it began cannot be seen on a device";
  watch.session = &*session;
  if (session->arenaBytes() > 0) // what an earlier run left there is not this one's
    std::memset(session->arena(), 0, size_t(session->arenaBytes()));
  if (Status ran = session->run(*state, batch); !ran.isOk())
    return "the forward pass fails: " + ran.message();
  const ingot_function &function = session->function();
  std::string text;
  if (watch.firstInfinity >= 0 && (watch.firstNaN < 0 || watch.firstInfinity <= watch.firstNaN))
    text = "the first infinity of the forward pass is made by " +
           kernelText(function, watch.firstInfinity);
  if (watch.firstNaN >= 0)
    text +=
        (text.empty() ? "the first NaN of the forward pass is made by " : ", the first NaN by ") +
        kernelText(function, watch.firstNaN);
  return text.empty() ? "the forward pass is finite up to the loss: a gradient or the loss itself "
                        "was not"
                      : text;
}

} // namespace ingot::train
