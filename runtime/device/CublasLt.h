// Products of matrices by cuBLASLt, which is loaded when an artifact first asks for it. See
// ingot_product in artifact.h.
//
// What it computes is the same in every run: the algorithm is the library's first for the product
// and the alignment of its matrices, sums are in f32 (f64 of f64), without TF32, and parts of a sum
// are added in a fixed order. Another version of the library may choose otherwise.
#ifndef INGOT_RUNTIME_DEVICE_CUBLASLT_H
#define INGOT_RUNTIME_DEVICE_CUBLASLT_H

#include "runtime/device/CublasLtApi.h"
#include "runtime/device/Driver.h"

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace ingot::cublaslt {

struct Library {
#define INGOT_CUBLASLT_FUNCTION(Result, name, parameters) Result(*name) parameters = nullptr;
  INGOT_CUBLASLT_FUNCTIONS(INGOT_CUBLASLT_FUNCTION)
#undef INGOT_CUBLASLT_FUNCTION
  /// `call` is the name of a function that returned `error`, which is none of success.
  Status statusOf(cublasStatus_t error, const char *call) const;
};

/// The library: what INGOT_CUBLASLT names, else libcublasLt.so.13 or .12. Unavailable: there is
/// none; Unsupported: it lacks functions. Says the same each time. Never unloaded.
Result<const Library *> library();

using Operands = ProductOperands;

/// The library on one device. All functions are called in its context, by any thread.
class Products {
public:
  /// Unavailable, Unsupported: as `library`, or it does not start here.
  static Result<std::unique_ptr<Products>> make();
  ~Products();

  /// "cuBLASLt 13.1.0".
  std::string name() const;

  struct Plan {
    bool isThere = false; ///< false: the library has nothing for the product
    cublasLtMatmulAlgo_t algorithm = {};
    size_t workspaceBytes = 0;
  };
  /// How the product is computed with `workspaceBytes` of memory at most. Internal: the library
  /// fails.
  Result<Plan> plan(const ingot_product &product, const Operands &operands, size_t workspaceBytes);
  /// Puts it into the stream. Internal, ResourceExhausted: the library fails.
  Status put(const ingot_product &product, const Operands &operands, const Plan &plan,
             void *workspace, CUstream stream);

private:
  explicit Products(const Library &library) : library_(library) {}
  /// The product, and how far each matrix is aligned.
  using Key = std::array<int64_t, sizeof(ingot_product) / sizeof(int64_t) + 4>;
  Result<Plan> choose(const ingot_product &product, const Operands &operands,
                      size_t workspaceBytes);

  const Library &library_;
  cublasLtHandle_t handle_ = nullptr;
  std::mutex mutex_;
  std::map<Key, Plan> plans_;
};

} // namespace ingot::cublaslt

#endif // INGOT_RUNTIME_DEVICE_CUBLASLT_H
