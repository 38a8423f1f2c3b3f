// What the runtime declares of cuBLASLt is what NVIDIA's header and library say, where they are on
// this machine. No GPU is needed: descriptions are the host's.
#include "runtime/device/CublasLt.h"

#include <cstdlib>
#include <dlfcn.h>
#include <gtest/gtest.h>

namespace ingot::cublaslt {
namespace {

/// The flags, which are macros of the header, which comes behind.
constexpr uint64_t flags[] = {
    CUBLASLT_NUMERICAL_IMPL_FLAGS_OP_TYPE_MASK,    CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_32F,
    CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_64F, CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16F,
    CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16BF,      CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_32F,
    CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_64F};

/// The library itself, not the fake one. NULL: there is none.
void *realLibrary() {
  std::vector<std::string> paths = {"libcublasLt.so.13", "libcublasLt.so.12"};
  if (const char *home = std::getenv("CUDA_HOME"))
    for (const char *name : {"/lib/libcublasLt.so.13", "/lib64/libcublasLt.so.13",
                             "/lib/libcublasLt.so.12", "/lib64/libcublasLt.so.12"})
      paths.push_back(home + std::string(name));
  for (const std::string &path : paths)
    if (void *handle = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL))
      return handle;
  return nullptr;
}

TEST(CublasLt, TakesTheAttributesThatAreSet) {
  void *handle = realLibrary();
  if (!handle)
    GTEST_SKIP() << "cuBLASLt is not on this machine";
  Library library;
#define FUNCTION(Result, name, parameters)                                                         \
  library.name = reinterpret_cast<Result(*) parameters>(dlsym(handle, #name));                     \
  ASSERT_NE(library.name, nullptr) << #name;
  INGOT_CUBLASLT_FUNCTIONS(FUNCTION)
#undef FUNCTION
  EXPECT_GE(library.cublasLtGetVersion(), 120000u);
  EXPECT_STREQ(library.cublasLtGetStatusName(CUBLAS_STATUS_NOT_SUPPORTED),
               "CUBLAS_STATUS_NOT_SUPPORTED");

  cublasLtMatmulDesc_t desc = nullptr;
  ASSERT_EQ(library.cublasLtMatmulDescCreate(&desc, CUBLAS_COMPUTE_32F, CUDA_R_32F), 0);
  const int32_t operation = CUBLAS_OP_T;
  const uint32_t epilogue = CUBLASLT_EPILOGUE_RELU_BIAS;
  const void *pointer = &operation;
  const auto set = [&](int attribute, const auto &value) {
    return library.cublasLtMatmulDescSetAttribute(desc, attribute, &value, sizeof value);
  };
  EXPECT_EQ(set(CUBLASLT_MATMUL_DESC_TRANSA, operation), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(set(CUBLASLT_MATMUL_DESC_TRANSB, operation), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, pointer), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(set(CUBLASLT_MATMUL_DESC_TRANSA, int64_t{0}), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(library.cublasLtMatmulDescDestroy(desc), 0);

  cublasLtMatrixLayout_t layout = nullptr;
  ASSERT_EQ(library.cublasLtMatrixLayoutCreate(&layout, CUDA_R_16BF, 4, 5, 4), 0);
  const int32_t batch = 3;
  const int64_t step = 20;
  EXPECT_EQ(library.cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
                                                     &batch, sizeof batch),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(library.cublasLtMatrixLayoutSetAttribute(
                layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &step, sizeof step),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(library.cublasLtMatrixLayoutDestroy(layout), 0);

  cublasLtMatmulPreference_t preference = nullptr;
  ASSERT_EQ(library.cublasLtMatmulPreferenceCreate(&preference), 0);
  const auto prefer = [&](int attribute, const auto &value) {
    return library.cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value,
                                                        sizeof value);
  };
  EXPECT_EQ(prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t{1} << 20), 0);
  EXPECT_EQ(prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                   uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE}),
            0);
  for (int attribute :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
    EXPECT_EQ(prefer(attribute, uint32_t{16}), 0) << attribute;
  EXPECT_EQ(prefer(CUBLASLT_MATMUL_PREF_IMPL_MASK, flags[0] | flags[1] | flags[5]), 0);
  EXPECT_EQ(library.cublasLtMatmulPreferenceDestroy(preference), 0);
}

} // namespace
} // namespace ingot::cublaslt

#if __has_include(<cublasLt.h>)
#include <cublasLt.h>

#define SAME(name)                                                                                 \
  static_assert(static_cast<int64_t>(ingot::cublaslt::name) == static_cast<int64_t>(::name), #name)
SAME(CUBLAS_STATUS_SUCCESS);
SAME(CUBLAS_STATUS_NOT_INITIALIZED);
SAME(CUBLAS_STATUS_ALLOC_FAILED);
SAME(CUBLAS_STATUS_INVALID_VALUE);
SAME(CUBLAS_STATUS_EXECUTION_FAILED);
SAME(CUBLAS_STATUS_INTERNAL_ERROR);
SAME(CUBLAS_STATUS_NOT_SUPPORTED);
SAME(CUDA_R_32F);
SAME(CUDA_R_64F);
SAME(CUDA_R_16F);
SAME(CUDA_R_16BF);
SAME(CUBLAS_COMPUTE_32F);
SAME(CUBLAS_COMPUTE_64F);
SAME(CUBLAS_OP_N);
SAME(CUBLAS_OP_T);
SAME(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT);
SAME(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET);
SAME(CUBLASLT_MATMUL_DESC_TRANSA);
SAME(CUBLASLT_MATMUL_DESC_TRANSB);
SAME(CUBLASLT_MATMUL_DESC_EPILOGUE);
SAME(CUBLASLT_MATMUL_DESC_BIAS_POINTER);
SAME(CUBLASLT_EPILOGUE_DEFAULT);
SAME(CUBLASLT_EPILOGUE_RELU);
SAME(CUBLASLT_EPILOGUE_BIAS);
SAME(CUBLASLT_EPILOGUE_RELU_BIAS);
SAME(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE);
SAME(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
SAME(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK);
SAME(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES);
SAME(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES);
SAME(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES);
SAME(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);
SAME(CUBLASLT_MATMUL_PREF_IMPL_MASK);
#undef SAME

static_assert(ingot::cublaslt::flags[0] == CUBLASLT_NUMERICAL_IMPL_FLAGS_OP_TYPE_MASK);
static_assert(ingot::cublaslt::flags[1] == CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_32F);
static_assert(ingot::cublaslt::flags[2] == CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_64F);
static_assert(ingot::cublaslt::flags[3] == CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16F);
static_assert(ingot::cublaslt::flags[4] == CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16BF);
static_assert(ingot::cublaslt::flags[5] == CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_32F);
static_assert(ingot::cublaslt::flags[6] == CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_64F);

static_assert(sizeof(ingot::cublaslt::cublasLtMatmulAlgo_t) == sizeof(::cublasLtMatmulAlgo_t));
using Ours = ingot::cublaslt::cublasLtMatmulHeuristicResult_t;
static_assert(sizeof(Ours) == sizeof(::cublasLtMatmulHeuristicResult_t) &&
              offsetof(Ours, workspaceSize) ==
                  offsetof(::cublasLtMatmulHeuristicResult_t, workspaceSize) &&
              offsetof(Ours, state) == offsetof(::cublasLtMatmulHeuristicResult_t, state));
#endif
