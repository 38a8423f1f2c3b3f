// Kernels, and the functions that launch them. See LinearModel.h.
#include "LinearModel.h"

#include "tests/gpu/shim/CompileHost.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <unistd.h>

namespace ingot::gputest {

namespace {

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

const char kernels[] = R"(
#define FLOATS(p) ((K_GLOBAL float *)(p))

K_KERNEL(derive, 32)(K_GLOBAL char *state) {
  if (K_THREAD < 4)
    FLOATS(state + 256)[K_THREAD] = FLOATS(state)[K_THREAD] * 2.0f;
}
K_EXPORT(derive, 1, 32)

K_KERNEL(predict, 32)(K_GLOBAL char *state, K_GLOBAL char *x, K_GLOBAL char *y,
                      K_GLOBAL char *constants, k_i64 batch) {
  k_i64 row = (k_i64)K_BLOCK * 32 + K_THREAD;
  if (row >= batch)
    return;
  float sum = FLOATS(state + 64)[0] + FLOATS(constants)[0];
  for (int i = 0; i < 4; ++i)
    sum += FLOATS(x)[row * 4 + i] * (FLOATS(state + 256)[i] * 0.5f);
  FLOATS(y)[row] = sum;
}
K_EXPORT(predict, 5, 32)

K_KERNEL(difference, 32)(K_GLOBAL char *state, K_GLOBAL char *x, K_GLOBAL char *target,
                         K_GLOBAL char *arena, K_GLOBAL char *constants, K_GLOBAL char *error,
                         k_i64 batch) {
  k_i64 row = (k_i64)K_BLOCK * 32 + K_THREAD;
  if (row >= batch)
    return;
  if (FLOATS(target)[row] == -1000.0f)
    k_atomic_min_u64((K_GLOBAL k_u64 *)error, 0);
  float sum = FLOATS(state + 64)[0] + FLOATS(constants)[0];
  for (int i = 0; i < 4; ++i)
    sum += FLOATS(x)[row * 4 + i] * FLOATS(state)[i];
  FLOATS(arena)[row] = sum - FLOATS(target)[row];
}
K_EXPORT(difference, 7, 32)

K_KERNEL(update, 32)(K_GLOBAL char *state, K_GLOBAL char *x, K_GLOBAL char *arena,
                     K_GLOBAL char *loss, K_GLOBAL char *error, k_i64 batch) {
  K_SHARED(float, gradient, 6);
  if (*(K_GLOBAL k_i64 *)error != -1)
    return;
  if (K_THREAD < 6) {
    float sum = 0.0f;
    for (k_i64 row = 0; row < batch; ++row) {
      float d = FLOATS(arena)[row];
      sum += K_THREAD < 4 ? d * FLOATS(x)[row * 4 + K_THREAD] : K_THREAD == 4 ? d : d * d;
    }
    gradient[K_THREAD] = sum / (float)batch;
  }
  K_BARRIER();
  float rate = FLOATS(state + 128)[0];
  if (K_THREAD < 4)
    FLOATS(state)[K_THREAD] -= rate * 2.0f * gradient[K_THREAD];
  if (K_THREAD == 4)
    FLOATS(state + 64)[0] -= rate * 2.0f * gradient[4];
  if (K_THREAD == 5)
    FLOATS(loss)[0] = gradient[5];
  if (K_THREAD == 6)
    *(K_GLOBAL k_i64 *)(state + 192) += 1;
}
K_EXPORT(update, 6, 32)

K_KERNEL(meanSquare, 32)(K_GLOBAL char *arena, K_GLOBAL char *loss, k_i64 batch) {
  float sum = 0.0f;
  for (k_i64 row = 0; row < batch; ++row)
    sum += FLOATS(arena)[row] * FLOATS(arena)[row];
  if (K_THREAD == 0)
    FLOATS(loss)[0] = sum / (float)batch;
}
K_EXPORT(meanSquare, 3, 32)

K_KERNEL(lookup, 32)(K_GLOBAL char *state, K_GLOBAL char *indices, K_GLOBAL char *y,
                     K_GLOBAL char *error, k_i64 batch) {
  k_i64 row = (k_i64)K_BLOCK * 32 + K_THREAD;
  if (row >= batch)
    return;
  k_i64 index = ((K_GLOBAL k_i64 *)indices)[row];
  if (index < 0 || index > 3)
    k_atomic_min_u64((K_GLOBAL k_u64 *)error, 1);
  else
    FLOATS(y)[row] = FLOATS(state)[index];
}
K_EXPORT(lookup, 5, 32)

K_KERNEL(positives, 32)(K_GLOBAL char *x, K_GLOBAL char *y, K_GLOBAL char *count, k_i64 batch) {
  if (K_THREAD != 0)
    return;
  k_i64 n = 0;
  for (k_i64 i = 0; i < batch; ++i)
    if (FLOATS(x)[i] > 0.0f)
      FLOATS(y)[n++] = FLOATS(x)[i];
  *(K_GLOBAL k_i64 *)count = n;
}
K_EXPORT(positives, 4, 32)

K_KERNEL(accumulate, 32)(K_GLOBAL char *total, K_GLOBAL char *a, K_GLOBAL char *sums,
                         K_GLOBAL char *error) {
  if (K_THREAD < 2)
    FLOATS(sums)[K_THREAD] = FLOATS(total)[K_THREAD] + FLOATS(a)[K_THREAD];
  if (K_THREAD == 0 && FLOATS(a)[0] == -1.0f)
    k_atomic_min_u64((K_GLOBAL k_u64 *)error, 1);
}
K_EXPORT(accumulate, 4, 32)

K_KERNEL(crash, 32)(K_GLOBAL char *y) {
  if (K_THREAD == 7) // the first page is nobody's
    FLOATS((K_GLOBAL char *)(k_i64)64)[0] = FLOATS(y)[0];
}
K_EXPORT(crash, 1, 32)
)";

/// A unit of its own, which only `wide` needs.
const char wideKernel[] = R"(
K_KERNEL(wide, 64)(K_GLOBAL char *x, K_GLOBAL char *y, k_i64 batch) {
  K_SHARED_DYNAMIC(memory);
  K_SHARED_POINTER(float) row = (K_SHARED_POINTER(float))(memory + (48 << 10));
  k_i64 first = (k_i64)K_BLOCK * 64;
  k_i64 left = batch - first < 64 ? batch - first : 64;
  if (K_THREAD < left)
    row[K_THREAD] = ((K_GLOBAL float *)x)[first + K_THREAD];
  K_BARRIER();
  if (K_THREAD < left)
    ((K_GLOBAL float *)y)[first + K_THREAD] = row[left - 1 - K_THREAD];
}
K_EXPORT(wide, 3, 64)
)";

enum Kernel {
  Derive,
  Predict,
  Difference,
  Update,
  MeanSquare,
  Lookup,
  Positives,
  Accumulate,
  Crash,
  Wide
};
const ingot_device_kernel kernelInfos[] = {
    {"derive", 0, 32, 0, 1, 0},     {"predict", 0, 32, 0, 5, 0},    {"difference", 0, 32, 0, 7, 0},
    {"update", 0, 32, 0, 6, 0},     {"meanSquare", 0, 32, 0, 3, 0}, {"lookup", 0, 32, 0, 5, 0},
    {"positives", 0, 32, 0, 4, 0},  {"accumulate", 0, 32, 0, 4, 0}, {"crash", 0, 32, 0, 1, 0},
    {"wide", 1, 64, 64 << 10, 3, 0}};

const std::vector<char> &image(const char *text) {
  static std::map<const char *, std::vector<char>> made;
  if (auto known = made.find(text); known != made.end())
    return known->second;
  const std::string path = "/tmp/ingot-kernels-" + std::to_string(getpid()) + ".so";
  if (std::string error = shim::compileHost(text, path); !error.empty()) {
    std::fprintf(stderr, "kernels do not compile: %s\n", error.c_str());
    std::exit(1);
  }
  std::ifstream file(path, std::ios::binary);
  std::vector<char> &bytes = made[text];
  bytes.assign(std::istreambuf_iterator<char>(file), {});
  unlink(path.c_str());
  return bytes;
}

//===----------------------------------------------------------------------===//
// Functions on the device
//===----------------------------------------------------------------------===//

/// What generated functions do: each step is left out once one has failed.
class Steps {
public:
  explicit Steps(ingot_run *run) : run_(run), device_(*run->device) {
    failed_ = device_.store(device_.context, device_.error, -1) != 0;
  }
  /// `kernel` of the function: its parameters are addresses and integers.
  Steps &launch(int64_t number, Kernel kernel, int64_t rows,
                std::initializer_list<const void *> addresses, bool withRows = true) {
    const int64_t threads = kernelInfos[kernel].threads;
    std::vector<const void *> values(addresses);
    if (withRows)
      values.push_back(reinterpret_cast<const void *>(rows));
    std::vector<void *> parameters;
    for (const void *&value : values)
      parameters.push_back(&value);
    if (code_ != INGOT_OK || failed_)
      return *this;
    if (run_->begin && run_->begin(run_->user, number))
      code_ = INGOT_CANCELLED;
    else if (rows > 0)
      failed_ = device_.launch(device_.context, kernel, (rows + threads - 1) / threads,
                               parameters.data()) != 0;
    if (run_->end)
      run_->end(run_->user, number);
    return *this;
  }
  Steps &load(void *to, const void *from, uint64_t bytes) {
    if (code_ == INGOT_OK && !failed_)
      failed_ = device_.load(device_.context, to, from, bytes) != 0;
    return *this;
  }
  int32_t code() const { return failed_ ? INGOT_DEVICE_FAILED : code_; }

private:
  ingot_run *run_;
  const ingot_device &device_;
  int32_t code_ = INGOT_OK;
  bool failed_ = false;
};

int32_t runDerive(ingot_run *run) {
  return Steps(run).launch(0, Derive, 1, {run->state}, false).code();
}
int32_t runPredict(ingot_run *run) {
  return Steps(run)
      .launch(0, Predict, run->plan[1],
              {run->state, run->inputs[0], run->outputs[0], run->device->constants})
      .code();
}
int32_t runTrain(ingot_run *run) {
  const int64_t batch = run->plan[1];
  const void *rows = reinterpret_cast<const void *>(batch);
  return Steps(run)
      .launch(0, Difference, batch,
              {run->state, run->inputs[0], run->inputs[1], run->arena, run->device->constants,
               run->device->error})
      .launch(1, Update, 1,
              {run->state, run->inputs[0], run->arena, run->outputs[0], run->device->error, rows},
              false)
      .code();
}
int32_t runEvaluate(ingot_run *run) {
  const int64_t batch = run->plan[1];
  const void *rows = reinterpret_cast<const void *>(batch);
  return Steps(run)
      .launch(0, Difference, batch,
              {run->state, run->inputs[0], run->inputs[1], run->arena, run->device->constants,
               run->device->error})
      .launch(1, MeanSquare, 1, {run->arena, run->outputs[0], rows}, false)
      .code();
}
int32_t runLookup(ingot_run *run) {
  return Steps(run)
      .launch(0, Lookup, run->plan[1],
              {run->state, run->inputs[0], run->outputs[0], run->device->error})
      .code();
}
int32_t runPositives(ingot_run *run) {
  const void *rows = reinterpret_cast<const void *>(run->plan[1]);
  return Steps(run)
      .launch(0, Positives, 1, {run->inputs[0], run->outputs[0], run->arena, rows}, false)
      .load(run->extents, run->arena, sizeof(int64_t))
      .code();
}
int32_t runAccumulate(ingot_run *run) {
  return Steps(run)
      .launch(0, Accumulate, 1,
              {run->inputs[0], run->inputs[1], run->outputs[0], run->device->error}, false)
      .code();
}
int32_t runWide(ingot_run *run) {
  return Steps(run).launch(0, Wide, run->plan[1], {run->inputs[0], run->outputs[0]}).code();
}
int32_t runCrash(ingot_run *run) {
  return Steps(run).launch(0, Crash, 1, {run->outputs[0]}, false).code();
}

//===----------------------------------------------------------------------===//
// Functions on the CPU, for comparison
//===----------------------------------------------------------------------===//

int32_t deriveHere(ingot_run *run) {
  auto &state = *static_cast<LinearState *>(run->state);
  for (int i = 0; i < 4; ++i)
    state.derived[i] = state.kernel[i] * 3; // otherwise than a GPU: it is not for exchange
  return INGOT_OK;
}

float valueOfRow(const LinearState &state, const float *x) {
  float sum = state.bias + 0.5f;
  for (int i = 0; i < 4; ++i)
    sum += x[i] * state.kernel[i];
  return sum;
}

int32_t predictHere(ingot_run *run) {
  const auto &state = *static_cast<const LinearState *>(run->state);
  const auto *x = static_cast<const float *>(run->inputs[0]);
  for (int64_t row = 0; row < run->plan[1]; ++row)
    static_cast<float *>(run->outputs[0])[row] = valueOfRow(state, x + row * 4);
  return INGOT_OK;
}

int32_t trainHere(ingot_run *run) {
  auto &state = *static_cast<LinearState *>(run->state);
  const auto *x = static_cast<const float *>(run->inputs[0]);
  const auto *target = static_cast<const float *>(run->inputs[1]);
  const int64_t batch = run->plan[1];
  run->failed_node = 0;
  if (std::find(target, target + batch, -1000.0f) != target + batch)
    return INGOT_INDEX_OUT_OF_RANGE;
  float sums[6] = {};
  for (int64_t row = 0; row < batch; ++row) {
    const float d = valueOfRow(state, x + row * 4) - target[row];
    for (int i = 0; i < 4; ++i)
      sums[i] += d * x[row * 4 + i];
    sums[4] += d;
    sums[5] += d * d;
  }
  for (int i = 0; i < 4; ++i)
    state.kernel[i] -= state.learningRate * 2 * (sums[i] / static_cast<float>(batch));
  state.bias -= state.learningRate * 2 * (sums[4] / static_cast<float>(batch));
  state.steps += 1;
  *static_cast<float *>(run->outputs[0]) = sums[5] / static_cast<float>(batch);
  return INGOT_OK;
}

int32_t evaluateHere(ingot_run *run) {
  const auto &state = *static_cast<const LinearState *>(run->state);
  const auto *x = static_cast<const float *>(run->inputs[0]);
  const auto *target = static_cast<const float *>(run->inputs[1]);
  float sum = 0;
  for (int64_t row = 0; row < run->plan[1]; ++row) {
    const float d = valueOfRow(state, x + row * 4) - target[row];
    sum += d * d;
  }
  *static_cast<float *>(run->outputs[0]) = sum / static_cast<float>(run->plan[1]);
  return INGOT_OK;
}

int32_t accumulateHere(ingot_run *run) {
  const auto *total = static_cast<const float *>(run->inputs[0]);
  const auto *a = static_cast<const float *>(run->inputs[1]);
  for (int i = 0; i < 2; ++i)
    static_cast<float *>(run->outputs[0])[i] = total[i] + a[i];
  run->failed_node = 1;
  return a[0] == -1 ? INGOT_INDEX_OUT_OF_RANGE : INGOT_OK;
}

int32_t doNothing(ingot_run *) { return INGOT_OK; }

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

int32_t planNothing(const int64_t *, int64_t *plan) {
  plan[0] = 0;
  return INGOT_OK;
}
int32_t planRows(const int64_t *symbols, int64_t *plan) {
  plan[0] = symbols[0] * 4 + 8;
  plan[1] = plan[2] = symbols[0];
  return symbols[0] < 0 ? INGOT_INVALID_ARGUMENT : INGOT_OK;
}
int32_t planTwo(const int64_t *, int64_t *plan) {
  plan[0] = 0;
  plan[1] = 2;
  return INGOT_OK;
}

const int64_t kernelShape[] = {4};
const ingot_variable_info variables[] = {
    {"dense/kernel", INGOT_F32, 1, kernelShape, offsetof(LinearState, kernel), 16,
     INGOT_VARIABLE_TRAINABLE},
    {"dense/bias", INGOT_F32, 0, nullptr, offsetof(LinearState, bias), 4, INGOT_VARIABLE_TRAINABLE},
    {"optimizer/learning_rate", INGOT_F32, 0, nullptr, offsetof(LinearState, learningRate), 4,
     INGOT_VARIABLE_CONTROL},
    {"optimizer/steps", INGOT_I64, 0, nullptr, offsetof(LinearState, steps), 8,
     INGOT_VARIABLE_OPTIMIZER}};
const LinearState weights = {{1, 2, 3, 4}, 5, 0.125f, 0, {3, 6, 9, 12}};
const char *const nodes[] = {"dense", "embedding"};
const char *const symbols[] = {"batch"};
const ingot_symbol_source sources[] = {{INGOT_SYMBOL_EXTENT, 0, 0}};
const ingot_dim batchByFour[] = {{-1, 0, "batch"}, {4, -1, "4"}};
const ingot_dim batchOnly[] = {{-1, 0, "batch"}};
const ingot_dim two[] = {{2, -1, "2"}};
const ingot_tensor_info xAndTarget[] = {{"x", INGOT_F32, 2, batchByFour},
                                        {"target", INGOT_F32, 1, batchOnly}};
const ingot_tensor_info yOnly[] = {{"y", INGOT_F32, 1, batchOnly}};
const ingot_tensor_info lossOnly[] = {{"loss", INGOT_F32, 0, nullptr}};
const ingot_tensor_info indicesOnly[] = {{"indices", INGOT_I64, 1, batchOnly}};
const ingot_tensor_info totalAndA[] = {{"total", INGOT_F32, 1, two}, {"a", INGOT_F32, 1, two}};
const ingot_tensor_info sumsOnly[] = {{"sums", INGOT_F32, 1, two}};
const ingot_kernel_info oneKernel[] = {{"dense/matmul", "dense", "0", "0"}};
const ingot_kernel_info twoKernels[] = {{"dense/difference", "dense", "0", "0"},
                                        {"dense/sgd", "dense", "0", "0"}};

ingot_function rows(const char *name, uint64_t flags, const ingot_tensor_info *inputs,
                    int64_t inputCount, const ingot_tensor_info *outputs,
                    int32_t (*run)(ingot_run *)) {
  const bool isTraining = outputs == lossOnly;
  return {name,
          flags,
          1,
          symbols,
          sources,
          inputCount,
          inputs,
          1,
          outputs,
          3,
          isTraining ? 3 : 2,
          isTraining ? 2 : 1,
          isTraining ? twoKernels : oneKernel,
          "batch * 4 + 8",
          planRows,
          run};
}

ingot_function pair(int32_t (*run)(ingot_run *)) {
  return {"accumulate",
          INGOT_FUNCTION_CANONICAL,
          0,
          nullptr,
          nullptr,
          2,
          totalAndA,
          1,
          sumsOnly,
          2,
          1,
          1,
          oneKernel,
          "0",
          planTwo,
          run};
}

ingot_function derivation(int32_t (*run)(ingot_run *)) {
  return {"derive",    INGOT_FUNCTION_WRITES_STATE,
          0,           nullptr,
          nullptr,     0,
          nullptr,     0,
          nullptr,     1,
          1,           0,
          nullptr,     "0",
          planNothing, run};
}

/// What a table points to.
struct Storage {
  std::vector<ingot_function> functions;
  ingot_function derive;
  ingot_carry carry;
  std::vector<ingot_image> images;
  std::vector<ingot_device_code> devices;
  ingot_artifact_table own, onDevice;
};

ingot_artifact_table table(const std::vector<ingot_function> &functions,
                           const ingot_function &derive, const ingot_carry &carry) {
  ingot_artifact_table made = {};
  made.size = sizeof made;
  made.abi_major = INGOT_ABI_MAJOR;
  made.abi_minor = INGOT_ABI_MINOR;
  made.name = "linear";
  made.variant = "any";
  made.state_bytes = sizeof(LinearState);
  made.variable_count = std::size(variables);
  made.variables = variables;
  made.function_count = static_cast<int64_t>(functions.size());
  made.functions = functions.data();
  made.derive = &derive;
  made.node_count = std::size(nodes);
  made.nodes = nodes;
  made.carry_count = 1;
  made.carries = &carry;
  return made;
}

constexpr uint64_t writes = INGOT_FUNCTION_WRITES_STATE, canonical = INGOT_FUNCTION_CANONICAL,
                   waits = INGOT_FUNCTION_WAITS;

void fillOwn(Storage &storage, const LinearOptions &options) {
  storage.functions = {rows("predict", canonical, xAndTarget, 1, yOnly, predictHere),
                       rows("train_step", writes | canonical, xAndTarget, 2, lossOnly, trainHere),
                       rows("evaluate", canonical, xAndTarget, 2, lossOnly, evaluateHere),
                       pair(accumulateHere),
                       rows("text", canonical, xAndTarget + 1, 1, yOnly, doNothing)};
  storage.derive = derivation(deriveHere);
  storage.carry = {3, 0, 0};
  storage.own = table(storage.functions, storage.derive, storage.carry);
  storage.own.initial_state = options.hasWeights ? &weights : nullptr;
}

const char *const left[] = {"text", "wide"}; // the second on OpenCL
const char *const reasons[] = {"lookup: text is handled on the CPU alone",
                               "wide: there is no dynamic shared memory"};
const float constants[] = {0.5f};

void fillFunctions(Storage &device, bool hasWide) {
  const ingot_tensor_info *flat = xAndTarget + 1;
  device.functions = {rows("predict", 0, xAndTarget, 1, yOnly, runPredict),
                      rows("train_step", writes | canonical, xAndTarget, 2, lossOnly, runTrain),
                      rows("evaluate", canonical, xAndTarget, 2, lossOnly, runEvaluate),
                      pair(runAccumulate),
                      rows("lookup", canonical, indicesOnly, 1, yOnly, runLookup),
                      rows("positives", canonical | waits, flat, 1, yOnly, runPositives),
                      rows("crash", canonical, flat, 1, yOnly, runCrash),
                      rows("forgetful", canonical, flat, 1, yOnly, runPositives)};
  if (hasWide)
    device.functions.push_back(rows("wide", canonical, flat, 1, yOnly, runWide));
  device.derive = derivation(runDerive);
  device.carry = {3, 0, 0};
  device.onDevice = table(device.functions, device.derive, device.carry);
}

ingot_device_code cudaCode(Storage &device, const char *target) {
  fillFunctions(device, /*hasWide=*/true);
  const std::vector<char> &first = image(kernels), &second = image(wideKernel);
  device.images = {{INGOT_IMAGE_HOST, target, 0, first.size(), first.data()},
                   {INGOT_IMAGE_HOST, target, 1, second.size(), second.data()}};
  return {"cuda",
          "sm_80",
          &device.onDevice,
          std::size(kernelInfos),
          kernelInfos,
          2,
          2,
          device.images.data(),
          sizeof constants,
          constants,
          1,
          left,
          reasons,
          nullptr,
          0,
          nullptr};
}

/// Without the last kernel, `wide`, and its unit.
ingot_device_code openClCode(Storage &device) {
  fillFunctions(device, /*hasWide=*/false);
  static const std::string text = [] {
    std::ifstream file(OPENCL_PRELUDE);
    return std::string(std::istreambuf_iterator<char>(file), {}) + kernels;
  }();
  device.images = {{INGOT_IMAGE_OPENCL, "1.2", 0, text.size(), text.c_str()}};
  return {"opencl",
          "1.2",
          &device.onDevice,
          std::size(kernelInfos) - 1,
          kernelInfos,
          1,
          1,
          device.images.data(),
          sizeof constants,
          constants,
          2,
          left,
          reasons,
          nullptr,
          0,
          nullptr};
}

} // namespace

ingot_artifact_table *linearTable(const LinearOptions &options) {
  static std::vector<std::unique_ptr<Storage>> kept;
  const auto make = [] { return kept.emplace_back(std::make_unique<Storage>()).get(); };
  Storage *own = make();
  fillOwn(*own, options);
  if (options.hasDevices) {
    own->devices = {cudaCode(*make(), options.target), openClCode(*make())};
    own->own.device_count = 2;
    own->own.devices = own->devices.data();
  }
  if (options.isOld) {
    own->own.size = offsetof(ingot_artifact_table, device_count);
    own->own.abi_minor = 4;
  }
  return &own->own;
}

std::shared_ptr<const Artifact> linearModel(const LinearOptions &options) {
  return std::move(Artifact::adopt(linearTable(options))).value();
}

} // namespace ingot::gputest
