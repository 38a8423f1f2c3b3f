// See Ops.h.
#include "frontends/keras/layers/Ops.h"

namespace ingot::keras::detail {

using graph::Expr;
using mlir::Value;

Expr iota(Emitter &e, llvm::ArrayRef<Dim> dims, int64_t axis, mlir::Type element) {
  return e.expr(graph::IotaOp::create(e.b, e.loc, tensorType(dims, element), axis));
}

Expr extent(Emitter &e, Dim dim, mlir::Type element) {
  auto dims = graph::DimsAttr::get(e.b.getContext(), {dim.asAttribute()});
  return e.expr(
      graph::ExtentOp::create(e.b, e.loc, mlir::RankedTensorType::get({}, element), dims));
}

Expr constant(Emitter &e, llvm::ArrayRef<float> values, llvm::ArrayRef<int64_t> shape) {
  auto type = mlir::RankedTensorType::get(shape, e.b.getF32Type());
  return e.expr(
      graph::ConstantOp::create(e.b, e.loc, type, mlir::DenseElementsAttr::get(type, values)));
}

Expr constant(Emitter &e, llvm::ArrayRef<int64_t> values, llvm::ArrayRef<int64_t> shape) {
  auto type = mlir::RankedTensorType::get(shape, e.b.getIntegerType(64, /*isSigned=*/true));
  return e.expr(
      graph::ConstantOp::create(e.b, e.loc, type, mlir::DenseElementsAttr::get(type, values)));
}

Expr gather(Emitter &e, Value x, Value indices, int64_t axis) {
  return e.expr(
      e.create<graph::GatherOp>({x, indices}, {e.named("axis", e.b.getI64IntegerAttr(axis))}));
}

Expr clamp(Emitter &e, Value x, double low, double high) {
  return e.expr(graph::ClampOp::create(e.b, e.loc, x.getType(), x, e.b.getF64FloatAttr(low),
                                       e.b.getF64FloatAttr(high)));
}

Expr repeat(Emitter &e, Value x, int64_t axis, int64_t times) {
  if (times == 1)
    return e.expr(x);
  Dims dims = dimsOf(x), wide = dims, result = dims;
  wide.insert(wide.begin() + axis + 1, Dim::constant(e.b.getContext(), 1));
  Value apart = graph::reshape(e.b, e.loc, x, wide);
  wide[axis + 1] = Dim::constant(e.b.getContext(), times);
  result[axis] = result[axis] * times;
  return e.expr(graph::reshape(e.b, e.loc, graph::broadcastTo(e.b, e.loc, apart, wide), result));
}

Expr product(Emitter &e, Expr x, Expr matrix) {
  Dims dims = x.dims();
  Dim rows = Dim::constant(e.b.getContext(), 1);
  for (Dim dim : llvm::ArrayRef(dims).drop_back())
    rows = rows * dim;
  Expr flat = e.expr(graph::reshape(e.b, e.loc, x, {rows, dims.back()}));
  Expr result = e.expr(e.create<graph::MatMulOp>({flat.v, matrix.v}));
  dims.back() = matrix.dims().back();
  return e.expr(graph::reshape(e.b, e.loc, result, dims));
}

Expr castLike(Emitter &e, Value x, Value like) {
  mlir::Type element = graph::elementType(like);
  return e.expr(graph::elementType(x) == element ? x : graph::cast(e.b, e.loc, x, element));
}

Expr normalized(Emitter &e, Value x, llvm::ArrayRef<int64_t> axes, double epsilon) {
  Expr values = e.expr(x), inverse = rsqrt(sum(values * values, axes, /*keep=*/true));
  return values * min(inverse, inverse.number(1 / epsilon));
}

Value Draws::seedValue() {
  if (!seed)
    return e.control("seed");
  return graph::splat(e.b, e.loc, e.b.getIntegerType(64, /*isSigned=*/true), {},
                      static_cast<double>(*seed));
}

mlir::NamedAttribute Draws::id(llvm::StringRef what) {
  std::string path = e.layer + "/call" + std::to_string(e.callIndex);
  return e.randomId(what.empty() ? path : path + "/" + what.str());
}

Expr Draws::uniform(llvm::ArrayRef<Dim> dims, double low, double high, llvm::StringRef what) {
  auto number = llvm::cast<mlir::IntegerAttr>(id(what).getValue());
  Expr draw = e.expr(graph::RandomUniformOp::create(e.b, e.loc, tensorType(dims, e.b.getF32Type()),
                                                    seedValue(), e.control("step"), number));
  return draw * (high - low) + low;
}

Expr Draws::normal(llvm::ArrayRef<Dim> dims, double mean, double stddev) {
  auto number = llvm::cast<mlir::IntegerAttr>(id({}).getValue());
  Expr draw = e.expr(graph::RandomNormalOp::create(e.b, e.loc, tensorType(dims, e.b.getF32Type()),
                                                   seedValue(), e.control("step"), number));
  return mean == 0 ? draw * stddev : draw * stddev + mean;
}

Expr Draws::dropout(Value x, double rate, llvm::StringRef what) {
  return e.expr(e.create<graph::DropoutOp>({x, seedValue(), e.control("step")},
                                           {id(what), e.named("rate", e.b.getF64FloatAttr(rate))}));
}

} // namespace ingot::keras::detail
