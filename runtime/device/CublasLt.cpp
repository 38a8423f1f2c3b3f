// See CublasLt.h. cuBLASLt's matrices lie column by column: what it computes is the transposed
// product, D^T = B^T A^T, so that its first factor is our b.
#include "runtime/device/CublasLt.h"
#include "runtime/device/LoadedLibrary.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <optional>

namespace ingot::cublaslt {

namespace {

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

Status open(Library &library) {
  const char *chosen = std::getenv("INGOT_CUBLASLT");
  std::string tried;
  void *handle = nullptr;
  const char *path = nullptr;
  const auto attempt = [&](const char *name) {
    if (handle)
      return;
    path = name;
    handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      tried += (tried.empty() ? "" : "; ") + std::string(dlerror());
  };
  if (chosen && *chosen) {
    attempt(chosen);
  } else {
    attempt("libcublasLt.so.13");
    attempt("libcublasLt.so.12");
  }
  if (!handle)
    return Status(StatusCode::Unavailable,
                  "no cuBLASLt: " + tried +
                      (chosen ? " (from INGOT_CUBLASLT)"
                              : "; it comes with CUDA, and INGOT_CUBLASLT names one at another "
                                "place"));
#define INGOT_CUBLASLT_FUNCTION(Result, name, parameters)                                          \
  library.name = reinterpret_cast<Result(*) parameters>(dlsym(handle, #name));                     \
  if (!library.name)                                                                               \
    return Status(StatusCode::Unsupported, std::string("'") + path + "' has no " #name);
  INGOT_CUBLASLT_FUNCTIONS(INGOT_CUBLASLT_FUNCTION)
#undef INGOT_CUBLASLT_FUNCTION
  return Status::ok();
}

//===----------------------------------------------------------------------===//
// Describing
//===----------------------------------------------------------------------===//

/// A matrix in memory, column by column; `step` is from one column to the next.
struct Matrix {
  int operation; // what makes the factor of it
  int64_t rows, columns, step;
};

/// The factor of rows x columns whose elements are so far apart; nothing where neither its rows nor
/// its columns are contiguous, or columns overlap.
std::optional<Matrix> matrixOf(int64_t rows, int64_t columns, int64_t rowStep, int64_t columnStep) {
  Matrix matrix = {CUBLAS_OP_N, rows, columns, columns == 1 ? rows : columnStep};
  if (rowStep != 1 && rows != 1)
    matrix = {CUBLAS_OP_T, columns, rows, rowStep};
  const bool isContiguous = matrix.operation == CUBLAS_OP_N || columnStep == 1 || columns == 1;
  if (!isContiguous || matrix.step < matrix.rows)
    return std::nullopt;
  return matrix;
}

/// What of cuBLASLt's types an ingot_dtype is.
int typeOf(int64_t dtype) {
  switch (dtype) {
  case INGOT_F16:
    return CUDA_R_16F;
  case INGOT_BF16:
    return CUDA_R_16BF;
  case INGOT_F64:
    return CUDA_R_64F;
  default:
    return CUDA_R_32F;
  }
}

bool isKnown(const ingot_product &product) {
  const auto isOneOf = [](int64_t x, std::initializer_list<int64_t> all) {
    return std::find(all.begin(), all.end(), x) != all.end();
  };
  return isOneOf(product.type, {INGOT_F16, INGOT_BF16, INGOT_F32, INGOT_F64}) &&
         (product.result_type == product.type ||
          (product.result_type == INGOT_F32 && product.type != INGOT_F64)) &&
         (product.epilogue & ~int64_t{INGOT_EPILOGUE_BIAS | INGOT_EPILOGUE_RELU}) == 0;
}

uint32_t epilogueOf(int64_t epilogue) {
  const uint32_t parts = (epilogue & INGOT_EPILOGUE_BIAS ? CUBLASLT_EPILOGUE_BIAS : 0) |
                         (epilogue & INGOT_EPILOGUE_RELU ? CUBLASLT_EPILOGUE_RELU : 0);
  return parts == 0 ? uint32_t{CUBLASLT_EPILOGUE_DEFAULT} : parts;
}

constexpr size_t mostAlignment = 256; // that the library asks about

uint32_t alignmentOf(const void *pointer) {
  const auto address = reinterpret_cast<uintptr_t>(pointer);
  return static_cast<uint32_t>(std::min<uintptr_t>(address & -address, mostAlignment));
}

/// A product in the library's words.
class Description {
public:
  /// The matrices of the product, or nothing where the library has no word for them.
  struct Matrices {
    Matrix first, second, result;
  };
  static std::optional<Matrices> matricesOf(const ingot_product &p) {
    if (!isKnown(p) || std::min({p.batch, p.rows, p.columns, p.depth}) < 1 || p.batch > INT32_MAX)
      return std::nullopt;
    const auto first = matrixOf(p.columns, p.depth, p.b_column, p.b_depth);
    const auto second = matrixOf(p.depth, p.rows, p.a_depth, p.a_row);
    const auto result = matrixOf(p.columns, p.rows, 1, p.d_row);
    if (!first || !second || !result)
      return std::nullopt;
    return Matrices{*first, *second, *result};
  }

  explicit Description(const Library &library) : library_(library) {}
  ~Description() {
    for (cublasLtMatrixLayout_t layout : {a, b, d})
      if (layout)
        (void)library_.cublasLtMatrixLayoutDestroy(layout);
    if (desc)
      (void)library_.cublasLtMatmulDescDestroy(desc);
  }
  Description(const Description &) = delete;
  Description &operator=(const Description &) = delete;

  Status fill(const ingot_product &p, const Matrices &matrices, const void *bias) {
    const bool isDouble = p.type == INGOT_F64;
    INGOT_RETURN_IF_ERROR(check(
        library_.cublasLtMatmulDescCreate(&desc, isDouble ? CUBLAS_COMPUTE_64F : CUBLAS_COMPUTE_32F,
                                          isDouble ? CUDA_R_64F : CUDA_R_32F),
        "cublasLtMatmulDescCreate"));
    INGOT_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_DESC_TRANSA, int32_t{matrices.first.operation}));
    INGOT_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_DESC_TRANSB, int32_t{matrices.second.operation}));
    INGOT_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogueOf(p.epilogue)));
    if (p.epilogue & INGOT_EPILOGUE_BIAS)
      INGOT_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias));
    INGOT_RETURN_IF_ERROR(layOut(a, p.type, matrices.first, p.batch, p.b_batch));
    INGOT_RETURN_IF_ERROR(layOut(b, p.type, matrices.second, p.batch, p.a_batch));
    return layOut(d, p.result_type, matrices.result, p.batch, p.d_batch);
  }

  cublasLtMatmulDesc_t desc = nullptr;
  cublasLtMatrixLayout_t a = nullptr, b = nullptr, d = nullptr; // c is d

private:
  Status check(cublasStatus_t error, const char *call) const {
    return error == CUBLAS_STATUS_SUCCESS ? Status::ok() : library_.statusOf(error, call);
  }
  template <typename T> Status set(int attribute, const T &value) {
    return check(library_.cublasLtMatmulDescSetAttribute(desc, attribute, &value, sizeof value),
                 "cublasLtMatmulDescSetAttribute");
  }
  Status layOut(cublasLtMatrixLayout_t &layout, int64_t dtype, const Matrix &matrix, int64_t batch,
                int64_t batchStep) {
    INGOT_RETURN_IF_ERROR(check(library_.cublasLtMatrixLayoutCreate(
                                    &layout, typeOf(dtype), static_cast<uint64_t>(matrix.rows),
                                    static_cast<uint64_t>(matrix.columns), matrix.step),
                                "cublasLtMatrixLayoutCreate"));
    if (batch == 1)
      return Status::ok();
    const auto count = static_cast<int32_t>(batch);
    INGOT_RETURN_IF_ERROR(
        check(library_.cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
                                                        &count, sizeof count),
              "cublasLtMatrixLayoutSetAttribute"));
    return check(
        library_.cublasLtMatrixLayoutSetAttribute(
            layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &batchStep, sizeof batchStep),
        "cublasLtMatrixLayoutSetAttribute");
  }

  const Library &library_;
};

/// What the library may choose among.
class Preference {
public:
  explicit Preference(const Library &library) : library_(library) {}
  ~Preference() {
    if (preference)
      (void)library_.cublasLtMatmulPreferenceDestroy(preference);
  }
  Preference(const Preference &) = delete;
  Preference &operator=(const Preference &) = delete;

  Status fill(const Operands &operands, size_t workspaceBytes) {
    if (cublasStatus_t error = library_.cublasLtMatmulPreferenceCreate(&preference))
      return library_.statusOf(error, "cublasLtMatmulPreferenceCreate");
    constexpr uint64_t numbers =
        CUBLASLT_NUMERICAL_IMPL_FLAGS_OP_TYPE_MASK | CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_32F |
        CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_64F | CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16F |
        CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16BF | CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_32F |
        CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_64F;
    INGOT_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_PREF_IMPL_MASK, numbers));
    INGOT_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                              uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE}));
    INGOT_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t{workspaceBytes}));
    INGOT_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignmentOf(operands.b)));
    INGOT_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignmentOf(operands.a)));
    INGOT_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignmentOf(operands.d)));
    return set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignmentOf(operands.d));
  }
  cublasLtMatmulPreference_t preference = nullptr;

private:
  template <typename T> Status set(int attribute, const T &value) {
    const cublasStatus_t error =
        library_.cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value);
    return error == CUBLAS_STATUS_SUCCESS
               ? Status::ok()
               : library_.statusOf(error, "cublasLtMatmulPreferenceSetAttribute");
  }
  const Library &library_;
};

} // namespace

Status Library::statusOf(cublasStatus_t error, const char *call) const {
  return Status(error == CUBLAS_STATUS_ALLOC_FAILED ? StatusCode::ResourceExhausted
                                                    : StatusCode::Internal,
                std::string(call) + ": " + cublasLtGetStatusName(error));
}

Result<const Library *> library() { return loadedLibrary<Library, open>(); }

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

Result<std::unique_ptr<Products>> Products::make() {
  INGOT_ASSIGN_OR_RETURN(const Library *library, cublaslt::library());
  std::unique_ptr<Products> products(new Products(*library));
  if (cublasStatus_t error = library->cublasLtCreate(&products->handle_)) {
    products->handle_ = nullptr;
    return Status(StatusCode::Unavailable,
                  "cuBLASLt does not start: " +
                      library->statusOf(error, "cublasLtCreate").message());
  }
  return products;
}

Products::~Products() {
  if (handle_)
    (void)library_.cublasLtDestroy(handle_);
}

/// Its number is 10000 times the major version: 130100 is 13.1.0.
std::string Products::name() const {
  const size_t version = library_.cublasLtGetVersion();
  return "cuBLASLt " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) +
         "." + std::to_string(version % 100);
}

Result<Products::Plan> Products::choose(const ingot_product &product, const Operands &operands,
                                        size_t workspaceBytes) {
  Plan plan;
  const auto matrices = Description::matricesOf(product);
  if (!matrices)
    return plan;
  Description description(library_);
  INGOT_RETURN_IF_ERROR(description.fill(product, *matrices, operands.bias));
  Preference preference(library_);
  INGOT_RETURN_IF_ERROR(preference.fill(operands, workspaceBytes));
  cublasLtMatmulHeuristicResult_t found = {};
  int count = 0;
  const cublasStatus_t error = library_.cublasLtMatmulAlgoGetHeuristic(
      handle_, description.desc, description.a, description.b, description.d, description.d,
      preference.preference, 1, &found, &count);
  if (error != CUBLAS_STATUS_SUCCESS && error != CUBLAS_STATUS_NOT_SUPPORTED)
    return library_.statusOf(error, "cublasLtMatmulAlgoGetHeuristic");
  if (error == CUBLAS_STATUS_SUCCESS && count == 1 && found.state == CUBLAS_STATUS_SUCCESS)
    plan = {true, found.algo, found.workspaceSize};
  return plan;
}

Result<Products::Plan> Products::plan(const ingot_product &product, const Operands &operands,
                                      size_t workspaceBytes) {
  Key key;
  std::memcpy(key.data(), &product, sizeof product);
  int64_t *alignment = key.end() - 4;
  for (const void *pointer :
       {operands.a, operands.b, operands.bias, static_cast<const void *>(operands.d)})
    *alignment++ = alignmentOf(pointer);
  std::lock_guard<std::mutex> lock(mutex_);
  const auto known = plans_.find(key);
  if (known != plans_.end())
    return known->second;
  INGOT_ASSIGN_OR_RETURN(Plan made, choose(product, operands, workspaceBytes));
  return plans_.emplace(key, made).first->second;
}

Status Products::put(const ingot_product &product, const Operands &operands, const Plan &plan,
                     void *workspace, CUstream stream) {
  Description description(library_);
  INGOT_RETURN_IF_ERROR(
      description.fill(product, *Description::matricesOf(product), operands.bias));
  const float one = 1, zero = 0;
  const double oneDouble = 1, zeroDouble = 0;
  const bool isDouble = product.type == INGOT_F64;
  const cublasStatus_t error = library_.cublasLtMatmul(
      handle_, description.desc, isDouble ? static_cast<const void *>(&oneDouble) : &one,
      operands.b, description.a, operands.a, description.b,
      isDouble ? static_cast<const void *>(&zeroDouble) : &zero, operands.d, description.d,
      operands.d, description.d, &plan.algorithm, workspace, plan.workspaceBytes, stream);
  return error == CUBLAS_STATUS_SUCCESS ? Status::ok() : library_.statusOf(error, "cublasLtMatmul");
}

} // namespace ingot::cublaslt
