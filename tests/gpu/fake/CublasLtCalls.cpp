// cuBLASLt's functions on the fake machine: INGOT_CUBLASLT names the fake driver, too. Products are
// work like kernels, done as late; each argument is checked against what the library's
// documentation says, and the product against what its algorithm was chosen for.
#include "runtime/device/CublasLtApi.h"
#include "tests/gpu/fake/Call.h"
#include "tests/gpu/shim/Half.h"

#include <algorithm>
#include <cstring>
#include <optional>

using namespace ingot::fake;
using namespace ingot::cublaslt;
namespace shim = ingot::shim;

namespace {

constexpr uint64_t algorithmMagic = 0x696e676f742d6c74;
constexpr uint64_t mostAlignment = 256;

struct Matrices {
  MatmulDescription desc;
  Layout a, b, d;
};

/// Long sums of small results are cut into parts, which need memory.
uint64_t workspaceFor(const Matrices &m, int64_t depth) {
  const uint64_t results = m.d.rows * m.d.columns * static_cast<uint64_t>(m.d.batch);
  return depth >= 256 && results <= 4096 ? results * 4 * 2 : 0;
}

uint64_t elementBytes(int type) { return type == CUDA_R_64F ? 8 : type == CUDA_R_32F ? 4 : 2; }

double read(const void *base, int type, int64_t at) {
  switch (type) {
  case CUDA_R_64F:
    return static_cast<const double *>(base)[at];
  case CUDA_R_32F:
    return static_cast<const float *>(base)[at];
  case CUDA_R_16F:
    return shim::f16ToF32(static_cast<const uint16_t *>(base)[at]);
  default:
    return shim::bf16ToF32(static_cast<const uint16_t *>(base)[at]);
  }
}

void write(void *base, int type, int64_t at, double value) {
  switch (type) {
  case CUDA_R_64F:
    static_cast<double *>(base)[at] = value;
    break;
  case CUDA_R_32F:
    static_cast<float *>(base)[at] = static_cast<float>(value);
    break;
  case CUDA_R_16F:
    static_cast<_Float16 *>(base)[at] = static_cast<_Float16>(value);
    break;
  default:
    static_cast<uint16_t *>(base)[at] = shim::f32ToBf16(static_cast<float>(value));
  }
}

int64_t depthOf(const Matrices &m) {
  return static_cast<int64_t>(m.desc.transA == CUBLAS_OP_N ? m.a.columns : m.a.rows);
}

uint64_t bytesOf(const Layout &layout) {
  const uint64_t elements =
      static_cast<uint64_t>(layout.batchStep * (layout.batch - 1) +
                            layout.step * static_cast<int64_t>(layout.columns - 1)) +
      layout.rows;
  return elements * elementBytes(layout.type);
}

/// A number for all that an algorithm is chosen by.
uint64_t identityOf(const Matrices &m) {
  std::string text;
  const auto add = [&](auto value) { text += std::to_string(value) + " "; };
  add(m.desc.computeType);
  add(m.desc.transA);
  add(m.desc.transB);
  add(m.desc.epilogue);
  for (const Layout *layout : {&m.a, &m.b, &m.d}) {
    add(layout->type);
    add(layout->rows);
    add(layout->columns);
    add(layout->step);
    add(layout->batch);
    add(layout->batchStep);
  }
  return std::hash<std::string>()(text);
}

bool isSame(const Layout &x, const Layout &y) {
  return x.type == y.type && x.rows == y.rows && x.columns == y.columns && x.step == y.step &&
         x.batch == y.batch && x.batchStep == y.batchStep;
}

/// What is wrong with a product, or empty.
std::string whatIsWrong(const Matrices &m, const Layout &c) {
  const auto &[desc, a, b, d] = m;
  const bool isDouble = desc.computeType == CUBLAS_COMPUTE_64F;
  if (desc.scaleType != (isDouble ? CUDA_R_64F : CUDA_R_32F))
    return "the scale type does not go with the compute type";
  if (a.type != b.type || isDouble != (a.type == CUDA_R_64F) ||
      (d.type != a.type && (isDouble || d.type != CUDA_R_32F)))
    return "types " + std::to_string(a.type) + ", " + std::to_string(b.type) + " and " +
           std::to_string(d.type) + " do not go together";
  const bool transA = desc.transA == CUBLAS_OP_T, transB = desc.transB == CUBLAS_OP_T;
  if ((transA ? a.columns : a.rows) != d.rows || (transB ? b.rows : b.columns) != d.columns ||
      (transA ? a.rows : a.columns) != (transB ? b.columns : b.rows))
    return "the extents of the matrices do not go together";
  if (!isSame(c, d))
    return "c is not laid out as d is";
  for (const Layout *layout : {&a, &b, &d}) {
    if (layout->rows == 0 || layout->columns == 0)
      return "a matrix is empty";
    if (layout->step < static_cast<int64_t>(layout->rows))
      return "columns of " + std::to_string(layout->rows) + " rows are " +
             std::to_string(layout->step) + " apart";
    if (layout->batch != d.batch || layout->batch < 1)
      return "there are different numbers of matrices";
  }
  // One behind the other, or side by side in each other's columns.
  const auto rows = static_cast<int64_t>(d.rows);
  const int64_t span = d.step * static_cast<int64_t>(d.columns - 1) + rows;
  if (d.batch > 1 && d.batchStep < span &&
      (d.batchStep < rows || d.batchStep * (d.batch - 1) + rows > d.step))
    return "matrices of the result overlap";
  if ((desc.epilogue & CUBLASLT_EPILOGUE_BIAS) && !desc.bias)
    return "there is no bias";
  return {};
}

uint64_t addressOf(const void *pointer) { return reinterpret_cast<uint64_t>(pointer); }

struct Pointers {
  const void *a, *b;
  void *d;
};

void compute(const Matrices &m, const Pointers &at, double alpha) {
  const int64_t depth = depthOf(m);
  const auto rows = static_cast<int64_t>(m.d.rows), columns = static_cast<int64_t>(m.d.columns);
  for (int64_t batch = 0; batch < m.d.batch; ++batch)
    for (int64_t column = 0; column < columns; ++column)
      for (int64_t row = 0; row < rows; ++row) {
        double sum = 0;
        for (int64_t k = 0; k < depth; ++k) {
          const int64_t inA =
              m.desc.transA == CUBLAS_OP_N ? row + k * m.a.step : k + row * m.a.step;
          const int64_t inB =
              m.desc.transB == CUBLAS_OP_N ? k + column * m.b.step : column + k * m.b.step;
          sum += read(at.a, m.a.type, batch * m.a.batchStep + inA) *
                 read(at.b, m.b.type, batch * m.b.batchStep + inB);
        }
        sum *= alpha;
        if (m.desc.epilogue & CUBLASLT_EPILOGUE_BIAS)
          sum += read(m.desc.bias, m.d.type, row);
        if (m.desc.epilogue & CUBLASLT_EPILOGUE_RELU)
          sum = std::max(sum, 0.0);
        write(at.d, m.d.type, batch * m.d.batchStep + column * m.d.step + row, sum);
      }
}

/// Sets a field where the value has its size.
template <typename T> bool assign(T &field, const void *value, size_t bytes) {
  if (!value || bytes != sizeof(T))
    return false;
  std::memcpy(&field, value, sizeof(T));
  return true;
}

} // namespace

/// The first line of a function that needs a context, or not.
#define FAKE_LT_CALL(needs)                                                                        \
  Call call(__func__, needs);                                                                      \
  if (call.error != CUDA_SUCCESS)                                                                  \
  return CUBLAS_STATUS_NOT_INITIALIZED

FAKE_API size_t cublasLtGetVersion() { return 130100; }

FAKE_API const char *cublasLtGetStatusName(cublasStatus_t status) {
  switch (status) {
#define NAME(error)                                                                                \
  case error:                                                                                      \
    return #error
    NAME(CUBLAS_STATUS_SUCCESS);
    NAME(CUBLAS_STATUS_NOT_INITIALIZED);
    NAME(CUBLAS_STATUS_ALLOC_FAILED);
    NAME(CUBLAS_STATUS_INVALID_VALUE);
    NAME(CUBLAS_STATUS_EXECUTION_FAILED);
    NAME(CUBLAS_STATUS_INTERNAL_ERROR);
    NAME(CUBLAS_STATUS_NOT_SUPPORTED);
#undef NAME
  default:
    return "CUBLAS_STATUS of another number";
  }
}

FAKE_API cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle) {
  FAKE_LT_CALL(NoCapture);
  if (call.machine.cublasLt == "unusable")
    return CUBLAS_STATUS_NOT_INITIALIZED;
  *handle = reinterpret_cast<cublasLtHandle_t>(
      call.machine.libraries.add(std::make_unique<LibraryHandle>(LibraryHandle{call.device()})));
  return CUBLAS_STATUS_SUCCESS;
}

FAKE_API cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  FAKE_LT_CALL(NoCapture);
  LibraryHandle *library = call.find(call.machine.libraries, handle, "cuBLASLt");
  if (!library)
    return CUBLAS_STATUS_INVALID_VALUE;
  call.machine.libraries.remove(library);
  return CUBLAS_STATUS_SUCCESS;
}

//===----------------------------------------------------------------------===//
// Descriptions
//===----------------------------------------------------------------------===//

FAKE_API cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *desc, int computeType,
                                                 int scaleType) {
  FAKE_LT_CALL(Nothing);
  if (computeType != CUBLAS_COMPUTE_32F && computeType != CUBLAS_COMPUTE_64F)
    return call.wrong(CUBLAS_STATUS_INVALID_VALUE, "a compute type that is not known here");
  auto made = std::make_unique<MatmulDescription>();
  made->computeType = computeType;
  made->scaleType = scaleType;
  *desc = reinterpret_cast<cublasLtMatmulDesc_t>(call.machine.matmuls.add(std::move(made)));
  return CUBLAS_STATUS_SUCCESS;
}

FAKE_API cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t handle) {
  FAKE_LT_CALL(Nothing);
  MatmulDescription *desc = call.find(call.machine.matmuls, handle, "description");
  if (!desc)
    return CUBLAS_STATUS_INVALID_VALUE;
  call.machine.matmuls.remove(desc);
  return CUBLAS_STATUS_SUCCESS;
}

FAKE_API cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t handle, int attribute,
                                                       const void *value, size_t bytes) {
  FAKE_LT_CALL(Nothing);
  MatmulDescription *desc = call.find(call.machine.matmuls, handle, "description");
  if (!desc)
    return CUBLAS_STATUS_INVALID_VALUE;
  const bool isSet =
      attribute == CUBLASLT_MATMUL_DESC_TRANSA         ? assign(desc->transA, value, bytes)
      : attribute == CUBLASLT_MATMUL_DESC_TRANSB       ? assign(desc->transB, value, bytes)
      : attribute == CUBLASLT_MATMUL_DESC_EPILOGUE     ? assign(desc->epilogue, value, bytes)
      : attribute == CUBLASLT_MATMUL_DESC_BIAS_POINTER ? assign(desc->bias, value, bytes)
                                                       : false;
  const auto isOperation = [](int32_t x) { return x == CUBLAS_OP_N || x == CUBLAS_OP_T; };
  if (!isSet || !isOperation(desc->transA) || !isOperation(desc->transB) || desc->epilogue == 0 ||
      desc->epilogue > CUBLASLT_EPILOGUE_RELU_BIAS)
    return call.wrong(CUBLAS_STATUS_INVALID_VALUE, "attribute " + std::to_string(attribute) +
                                                       " of " + std::to_string(bytes) +
                                                       " bytes, or its value");
  return CUBLAS_STATUS_SUCCESS;
}

FAKE_API cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *layout, int type,
                                                   uint64_t rows, uint64_t columns, int64_t step) {
  FAKE_LT_CALL(Nothing);
  if (type != CUDA_R_32F && type != CUDA_R_64F && type != CUDA_R_16F && type != CUDA_R_16BF)
    return call.wrong(CUBLAS_STATUS_INVALID_VALUE, "a type that is not known here");
  auto made = std::make_unique<Layout>();
  made->type = type;
  made->rows = rows;
  made->columns = columns;
  made->step = step;
  *layout = reinterpret_cast<cublasLtMatrixLayout_t>(call.machine.layouts.add(std::move(made)));
  return CUBLAS_STATUS_SUCCESS;
}

FAKE_API cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t handle) {
  FAKE_LT_CALL(Nothing);
  Layout *layout = call.find(call.machine.layouts, handle, "layout");
  if (!layout)
    return CUBLAS_STATUS_INVALID_VALUE;
  call.machine.layouts.remove(layout);
  return CUBLAS_STATUS_SUCCESS;
}

FAKE_API cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t handle,
                                                         int attribute, const void *value,
                                                         size_t bytes) {
  FAKE_LT_CALL(Nothing);
  Layout *layout = call.find(call.machine.layouts, handle, "layout");
  if (!layout)
    return CUBLAS_STATUS_INVALID_VALUE;
  const bool isSet = attribute == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT
                         ? assign(layout->batch, value, bytes)
                     : attribute == CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET
                         ? assign(layout->batchStep, value, bytes)
                         : false;
  return isSet ? CUBLAS_STATUS_SUCCESS
               : call.wrong(CUBLAS_STATUS_INVALID_VALUE, "attribute " + std::to_string(attribute) +
                                                             " of " + std::to_string(bytes) +
                                                             " bytes");
}

FAKE_API cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *preference) {
  FAKE_LT_CALL(Nothing);
  *preference = reinterpret_cast<cublasLtMatmulPreference_t>(
      call.machine.preferences.add(std::make_unique<MatmulPreferences>()));
  return CUBLAS_STATUS_SUCCESS;
}

FAKE_API cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t handle) {
  FAKE_LT_CALL(Nothing);
  MatmulPreferences *preference = call.find(call.machine.preferences, handle, "preference");
  if (!preference)
    return CUBLAS_STATUS_INVALID_VALUE;
  call.machine.preferences.remove(preference);
  return CUBLAS_STATUS_SUCCESS;
}

FAKE_API cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t handle,
                                                             int attribute, const void *value,
                                                             size_t bytes) {
  FAKE_LT_CALL(Nothing);
  MatmulPreferences *p = call.find(call.machine.preferences, handle, "preference");
  if (!p)
    return CUBLAS_STATUS_INVALID_VALUE;
  uint32_t scheme = 0;
  uint64_t numbers = 0;
  bool isSet = false;
  switch (attribute) {
  case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
    isSet = assign(p->workspaceBytes, value, bytes);
    break;
  case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
    isSet = assign(scheme, value, bytes);
    break;
  case CUBLASLT_MATMUL_PREF_IMPL_MASK:
    isSet = assign(numbers, value, bytes);
    break;
  case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
  case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
  case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
  case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
    isSet =
        assign(p->alignment[attribute - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES], value, bytes);
    break;
  }
  return isSet ? CUBLAS_STATUS_SUCCESS
               : call.wrong(CUBLAS_STATUS_INVALID_VALUE, "attribute " + std::to_string(attribute) +
                                                             " of " + std::to_string(bytes) +
                                                             " bytes");
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// What the handles stand for; nothing, and a word of it, where one stands for nothing.
static std::optional<Matrices> matricesOf(Call &call, cublasLtHandle_t handle,
                                          cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a,
                                          cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                                          cublasLtMatrixLayout_t d) {
  Machine &machine = call.machine;
  LibraryHandle *library = call.find(machine.libraries, handle, "cuBLASLt");
  MatmulDescription *given = library ? call.find(machine.matmuls, desc, "description") : nullptr;
  Layout *layouts[4] = {};
  const cublasLtMatrixLayout_t handles[] = {a, b, c, d};
  for (size_t i = 0; i < 4; ++i)
    if (!given || !(layouts[i] = call.find(machine.layouts, handles[i], "layout")))
      return std::nullopt;
  if (library->device != call.device()) {
    (void)call.wrong(CUBLAS_STATUS_INVALID_VALUE, "the handle is of another device");
    return std::nullopt;
  }
  Matrices matrices{*given, *layouts[0], *layouts[1], *layouts[3]};
  if (std::string wrong = whatIsWrong(matrices, *layouts[2]); !wrong.empty()) {
    (void)call.wrong(CUBLAS_STATUS_INVALID_VALUE, wrong);
    return std::nullopt;
  }
  return matrices;
}

FAKE_API cublasStatus_t cublasLtMatmulAlgoGetHeuristic(
    cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a,
    cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
    cublasLtMatmulPreference_t preferenceHandle, int requested,
    cublasLtMatmulHeuristicResult_t *results, int *returned) {
  FAKE_LT_CALL(Context);
  const auto matrices = matricesOf(call, handle, desc, a, b, c, d);
  MatmulPreferences *preference =
      call.find(call.machine.preferences, preferenceHandle, "preference");
  if (!matrices || !preference || requested < 1)
    return CUBLAS_STATUS_INVALID_VALUE;
  *returned = 0;
  const uint64_t workspace = workspaceFor(*matrices, depthOf(*matrices));
  if (call.machine.cublasLt == "nothing" || workspace > preference->workspaceBytes)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  *returned = 1;
  results[0] = {};
  results[0].workspaceSize = workspace;
  results[0].state = CUBLAS_STATUS_SUCCESS;
  const auto &alignment = preference->alignment;
  const uint64_t algorithm[8] = {algorithmMagic, identityOf(*matrices), workspace,   alignment[0],
                                 alignment[1],   alignment[2],          alignment[3]};
  std::memcpy(results[0].algo.data, algorithm, sizeof algorithm);
  return CUBLAS_STATUS_SUCCESS;
}

FAKE_API cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc,
                                       const void *alpha, const void *a,
                                       cublasLtMatrixLayout_t aLayout, const void *b,
                                       cublasLtMatrixLayout_t bLayout, const void *beta,
                                       const void *c, cublasLtMatrixLayout_t cLayout, void *d,
                                       cublasLtMatrixLayout_t dLayout,
                                       const cublasLtMatmulAlgo_t *algo, void *workspace,
                                       size_t workspaceBytes, CUstream streamHandle) {
  FAKE_LT_CALL(Context);
  const auto wrong = [&](const std::string &text) {
    return call.wrong(CUBLAS_STATUS_INVALID_VALUE, text);
  };
  const auto matrices = matricesOf(call, handle, desc, aLayout, bLayout, cLayout, dLayout);
  Stream *stream = matrices ? call.stream(streamHandle) : nullptr;
  if (!stream)
    return CUBLAS_STATUS_INVALID_VALUE;
  const Matrices &m = *matrices;
  if (!algo || algo->data[0] != algorithmMagic || algo->data[1] != identityOf(m))
    return wrong("the algorithm was chosen for another product");
  const void *pointers[] = {a, b, c, d};
  for (size_t i = 0; i < 4; ++i)
    if (addressOf(pointers[i]) % std::min(algo->data[3 + i], mostAlignment) != 0)
      return wrong("a matrix is aligned less than the algorithm was chosen for");
  const uint64_t needed = algo->data[2];
  if (workspaceBytes < needed || (needed != 0 && addressOf(workspace) % mostAlignment != 0))
    return wrong("the workspace is too small, or not aligned");
  if (!alpha || !beta)
    return wrong("there is no alpha, or no beta");
  const int scaleType = m.desc.scaleType;
  const double scale = read(alpha, scaleType, 0);
  if (read(beta, scaleType, 0) != 0 || c != d)
    return wrong("sums onto c are not known here");
  if (call.machine.cublasLt == "failing")
    return CUBLAS_STATUS_EXECUTION_FAILED;

  Work work;
  work.name = call.name;
  work.uses = {{addressOf(a), bytesOf(m.a), Access::Read},
               {addressOf(b), bytesOf(m.b), Access::Read},
               {addressOf(d), bytesOf(m.d), Access::Write}};
  if (m.desc.epilogue & CUBLASLT_EPILOGUE_BIAS)
    work.uses.push_back({addressOf(m.desc.bias), m.d.rows * elementBytes(m.d.type), Access::Read});
  if (needed != 0)
    work.uses.push_back({addressOf(workspace), needed, Access::Write});
  work.run = [=, isLost = call.machine.cublasLt == "losing"]() -> CUresult {
    if (isLost)
      return CUDA_ERROR_LAUNCH_FAILED;
    if (needed != 0)
      std::memset(workspace, 0x5C, needed);
    compute(m, {a, b, d}, scale);
    return CUDA_SUCCESS;
  };
  return call.machine.put(*stream, std::move(work)) == CUDA_SUCCESS
             ? CUBLAS_STATUS_SUCCESS
             : CUBLAS_STATUS_EXECUTION_FAILED;
}
