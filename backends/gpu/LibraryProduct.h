// Kernels that are products of matrices as libraries compute them: factors that are strided
// matrices in memory, and behind the sum nothing, a bias or a relu. DeviceGenerator asks the
// device's library for them first.
#pragma once
#include "compiler/package/GpuLibrary.h"
#include "ir/exec/Exec.h"

namespace ingot::gpu {

struct LibraryProduct {
  struct Matrix {
    mlir::Value tensor; ///< operand or result of the kernel; null: there is no bias
    Dim offset;         ///< of the first element, in elements
  };
  std::array<Dim, std::tuple_size_v<ProductWords>> words; ///< the fields of the ingot_product
  Matrix a, b, bias, d;

  /// Whether the product may be this one, for some sizes.
  bool mayBe(const ingot_product &product) const;
};

std::optional<LibraryProduct> matchLibraryProduct(exec::KernelOp kernel);

} // namespace ingot::gpu
