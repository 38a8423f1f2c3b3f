// Graph ops that several layers make: positions, constants, gathering, random numbers.
#pragma once
#include "frontends/keras/LayerImpl.h"

namespace ingot::keras::detail {

/// 0, 1, 2, … along the axis.
graph::Expr iota(Emitter &e, llvm::ArrayRef<Dim> dims, int64_t axis, mlir::Type element);
/// The dimension as a scalar.
graph::Expr extent(Emitter &e, Dim dim, mlir::Type element);
graph::Expr constant(Emitter &e, llvm::ArrayRef<float> values, llvm::ArrayRef<int64_t> shape);
graph::Expr constant(Emitter &e, llvm::ArrayRef<int64_t> values, llvm::ArrayRef<int64_t> shape);
/// Slices of x along the axis at the indices, whose dimensions take the axis's place.
graph::Expr gather(Emitter &e, mlir::Value x, mlir::Value indices, int64_t axis);
graph::Expr clamp(Emitter &e, mlir::Value x, double low, double high);
/// x repeated `times` along the axis, each element by itself, as NumPy's repeat.
graph::Expr repeat(Emitter &e, mlir::Value x, int64_t axis, int64_t times);
/// x (…, n) times a matrix (n, m): (…, m).
graph::Expr product(Emitter &e, graph::Expr x, graph::Expr matrix);
/// x in the element type of `like`.
graph::Expr castLike(Emitter &e, mlir::Value x, mlir::Value like);
/// x / its Euclidean length along the axes, at most x / epsilon: Keras's ops.normalize.
graph::Expr normalized(Emitter &e, mlir::Value x, llvm::ArrayRef<int64_t> axes, double epsilon);

/// The random numbers of one call of a layer: functions of the model's seed, the step and the
/// layer's path; with a `seed` of its own, of that in the place of the model's. In f32.
class Draws {
public:
  Draws(Emitter &e, std::optional<int64_t> seed) : e(e), seed(seed) {}
  /// `what` tells several draws of a layer apart.
  graph::Expr uniform(llvm::ArrayRef<Dim> dims, double low, double high, llvm::StringRef what = {});
  graph::Expr normal(llvm::ArrayRef<Dim> dims, double mean, double stddev);
  /// x with some of its elements zeroed and the others scaled; see graph.dropout.
  graph::Expr dropout(mlir::Value x, double rate, llvm::StringRef what = {});

private:
  mlir::Value seedValue();
  mlir::NamedAttribute id(llvm::StringRef what);

  Emitter &e;
  std::optional<int64_t> seed;
};

} // namespace ingot::keras::detail
