// Softmax that one pass over scores can compute (Milakov & Gimelshein, 2018): where the largest
// score of a row is only subtracted from scores whose exponentials are summed, and the sum only
// divides what is made of these.
#pragma once
#include "ir/exec/Exec.h"

namespace ingot::gpu {

struct OnlineSoftmax {
  exec::NestOp largest, total;                 // scores, exponentials; of a row
  llvm::DenseSet<mlir::Operation *> overTotal; // products of what is in proportion to 1 / total
};

/// What a product sums of what is made of scores: a value in its body.
struct MadeFactor {
  exec::NestOp nest;
  mlir::Value value;
};

/// The softmax of a kernel with these sums of rows and products; nothing where another value of
/// the kernel depends on one of the sums in another way.
std::optional<OnlineSoftmax> matchOnlineSoftmax(llvm::ArrayRef<exec::NestOp> sums,
                                                llvm::ArrayRef<MadeFactor> factors);

} // namespace ingot::gpu
