// The part of cuBLASLt that the runtime uses, declared as its documentation has it:
// https://docs.nvidia.com/cuda/cublas/#using-the-cublaslt-api. No header of CUDA is needed to
// build; tests compare this with cublasLt.h where there is one. All of it is in cuBLAS 12 and
// later. The fake driver of tests/gpu/fake has the same functions.
#ifndef INGOT_RUNTIME_DEVICE_CUBLASLTAPI_H
#define INGOT_RUNTIME_DEVICE_CUBLASLTAPI_H

#include "runtime/device/CudaApi.h"

namespace ingot::cublaslt {

using cublasStatus_t = int;
using cublasLtHandle_t = struct cublasLtContext *;
using cublasLtMatmulDesc_t = struct MatmulDesc *;
using cublasLtMatrixLayout_t = struct MatrixLayout *;
using cublasLtMatmulPreference_t = struct MatmulPreference *;
using cuda::CUstream; // cudaStream_t is the same

struct cublasLtMatmulAlgo_t {
  uint64_t data[8];
};
struct cublasLtMatmulHeuristicResult_t {
  cublasLtMatmulAlgo_t algo;
  size_t workspaceSize;
  cublasStatus_t state;
  float wavesCount;
  int reserved[4];
};

enum : cublasStatus_t {
  CUBLAS_STATUS_SUCCESS = 0,
  CUBLAS_STATUS_NOT_INITIALIZED = 1,
  CUBLAS_STATUS_ALLOC_FAILED = 3,
  CUBLAS_STATUS_INVALID_VALUE = 7,
  CUBLAS_STATUS_EXECUTION_FAILED = 13,
  CUBLAS_STATUS_INTERNAL_ERROR = 14,
  CUBLAS_STATUS_NOT_SUPPORTED = 15
};
enum : int { // cudaDataType
  CUDA_R_32F = 0,
  CUDA_R_64F = 1,
  CUDA_R_16F = 2,
  CUDA_R_16BF = 14
};
enum : int { // cublasComputeType_t: f32 as f32, without TF32
  CUBLAS_COMPUTE_32F = 68,
  CUBLAS_COMPUTE_64F = 70
};
enum : int { // cublasOperation_t
  CUBLAS_OP_N = 0,
  CUBLAS_OP_T = 1
};
enum : int {                                      // cublasLtMatrixLayoutAttribute_t
  CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT = 5,         // int32_t
  CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET = 6 // int64_t
};
enum : int {                            // cublasLtMatmulDescAttributes_t
  CUBLASLT_MATMUL_DESC_TRANSA = 3,      // int32_t
  CUBLASLT_MATMUL_DESC_TRANSB = 4,      // int32_t
  CUBLASLT_MATMUL_DESC_EPILOGUE = 7,    // uint32_t
  CUBLASLT_MATMUL_DESC_BIAS_POINTER = 8 // a pointer
};
enum : uint32_t { // cublasLtEpilogue_t
  CUBLASLT_EPILOGUE_DEFAULT = 1,
  CUBLASLT_EPILOGUE_RELU = 2,
  CUBLASLT_EPILOGUE_BIAS = 4,
  CUBLASLT_EPILOGUE_RELU_BIAS = 6
};
enum : uint32_t { // cublasLtReductionScheme_t
  CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE =
      2 // parts in the workspace, added up by a step of its own
};
enum : int {                                      // cublasLtMatmulPreferenceAttributes_t
  CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES = 1,   // uint64_t
  CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK = 3, // uint32_t
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES = 5, // uint32_t
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES = 6, // uint32_t
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES = 7, // uint32_t
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES = 8, // uint32_t
  CUBLASLT_MATMUL_PREF_IMPL_MASK = 12             // uint64_t
};
enum : uint64_t { // cublasLtNumericalImplFlags_t
  CUBLASLT_NUMERICAL_IMPL_FLAGS_OP_TYPE_MASK = 0xff,
  CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_32F = 0x02ull << 8,
  CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_64F = 0x04ull << 8,
  CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16F = 0x01ull << 16,
  CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16BF = 0x02ull << 16,
  CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_32F = 0x08ull << 16,
  CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_64F = 0x10ull << 16
};

/// X(result, name, parameters): as the library exports them. Enums are passed as int.
#define INGOT_CUBLASLT_FUNCTIONS(X)                                                                \
  X(cublasStatus_t, cublasLtCreate, (cublasLtHandle_t * handle))                                   \
  X(cublasStatus_t, cublasLtDestroy, (cublasLtHandle_t handle))                                    \
  X(size_t, cublasLtGetVersion, ())                                                                \
  X(const char *, cublasLtGetStatusName, (cublasStatus_t status))                                  \
  X(cublasStatus_t, cublasLtMatmulDescCreate,                                                      \
    (cublasLtMatmulDesc_t * desc, int computeType, int scaleType))                                 \
  X(cublasStatus_t, cublasLtMatmulDescDestroy, (cublasLtMatmulDesc_t desc))                        \
  X(cublasStatus_t, cublasLtMatmulDescSetAttribute,                                                \
    (cublasLtMatmulDesc_t desc, int attribute, const void *value, size_t bytes))                   \
  X(cublasStatus_t, cublasLtMatrixLayoutCreate,                                                    \
    (cublasLtMatrixLayout_t * layout, int type, uint64_t rows, uint64_t columns, int64_t step))    \
  X(cublasStatus_t, cublasLtMatrixLayoutDestroy, (cublasLtMatrixLayout_t layout))                  \
  X(cublasStatus_t, cublasLtMatrixLayoutSetAttribute,                                              \
    (cublasLtMatrixLayout_t layout, int attribute, const void *value, size_t bytes))               \
  X(cublasStatus_t, cublasLtMatmulPreferenceCreate, (cublasLtMatmulPreference_t * preference))     \
  X(cublasStatus_t, cublasLtMatmulPreferenceDestroy, (cublasLtMatmulPreference_t preference))      \
  X(cublasStatus_t, cublasLtMatmulPreferenceSetAttribute,                                          \
    (cublasLtMatmulPreference_t preference, int attribute, const void *value, size_t bytes))       \
  X(cublasStatus_t, cublasLtMatmulAlgoGetHeuristic,                                                \
    (cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a,                 \
     cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,                 \
     cublasLtMatmulPreference_t preference, int requested,                                         \
     cublasLtMatmulHeuristicResult_t *results, int *returned))                                     \
  X(cublasStatus_t, cublasLtMatmul,                                                                \
    (cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void *alpha, const void *a,         \
     cublasLtMatrixLayout_t aLayout, const void *b, cublasLtMatrixLayout_t bLayout,                \
     const void *beta, const void *c, cublasLtMatrixLayout_t cLayout, void *d,                     \
     cublasLtMatrixLayout_t dLayout, const cublasLtMatmulAlgo_t *algo, void *workspace,            \
     size_t workspaceBytes, CUstream stream))

} // namespace ingot::cublaslt

#endif // INGOT_RUNTIME_DEVICE_CUBLASLTAPI_H
