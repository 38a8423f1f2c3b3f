// Formulas and gradients of the composites.
#include "ir/Builder.h"
#include <cmath>

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;

namespace {

Expr maximum(Expr x, llvm::ArrayRef<int64_t> axes) {
  return x.with(reduce(*x.b, x.loc, x, ReduceKind::Max, axes, /*keep=*/true));
}
Expr softmax(Expr x, int64_t axis) {
  Expr e = exp(x - maximum(x, axis));
  return e / sum(e, axis, true);
}
Expr logSoftmax(Expr x, int64_t axis) {
  Expr shifted = x - maximum(x, axis);
  return shifted - log(sum(exp(shifted), axis, true));
}
/// x (…) as (…, 1).
Expr withLastAxis(Expr x) {
  Dims dims = x.dims();
  dims.push_back(Dim::constant(x.b->getContext(), 1));
  return x.with(reshape(*x.b, x.loc, x, dims));
}
/// A parameter with x's dimensions along `axes`, shaped to broadcast against x.
Expr along(Expr parameter, Expr x, llvm::ArrayRef<int64_t> axes) {
  Dims dims(x.dims().size(), Dim::constant(x.b->getContext(), 1));
  for (int64_t axis : axes)
    dims[axis] = x.dims()[axis];
  return x.with(reshape(*x.b, x.loc, parameter, dims));
}
llvm::SmallVector<int64_t> otherAxes(Value x, llvm::ArrayRef<int64_t> axes) {
  llvm::SmallVector<int64_t> others;
  for (int64_t d : allAxes(x))
    if (!llvm::is_contained(axes, d))
      others.push_back(d);
  return others;
}
LogicalResult checkAxis(std::optional<Location> loc, llvm::StringRef what, Value x, int64_t axis) {
  if (axis < 0 || axis >= rankOf(x))
    return emitOptionalError(loc, what, " along axis ", axis, " of a tensor of shape ",
                             str(dimsOf(x)));
  return success();
}
LogicalResult checkParameter(std::optional<Location> loc, llvm::StringRef what, Value parameter,
                             Value x, llvm::ArrayRef<int64_t> axes) {
  Dims wanted;
  for (int64_t axis : axes)
    wanted.push_back(dimsOf(x)[axis]);
  if (dimsOf(parameter) != wanted)
    return emitOptionalError(loc, what, " has shape ", str(dimsOf(parameter)),
                             ", an input of shape ", str(dimsOf(x)), " needs ", str(wanted));
  if (elementType(parameter) != elementType(x))
    return emitOptionalError(loc, what, " has elements of ", elementType(parameter),
                             ", the input has ", elementType(x));
  return success();
}
/// The last dimension of `logits` away.
FailureOr<Dims> sampleDims(std::optional<Location> loc, Value logits) {
  Dims dims = dimsOf(logits);
  if (dims.empty())
    return emitOptionalError(loc, "cross entropy needs logits (…, classes), has a scalar");
  dims.pop_back();
  return dims;
}
/// x - mean and 1 / sqrt(variance + epsilon) over `axes`.
struct Standard {
  Expr mean, centred, variance, inverse;
  Standard(Expr x, llvm::ArrayRef<int64_t> axes, double epsilon)
      : mean(ingot::graph::mean(x, axes, true)), centred(x - mean),
        variance(ingot::graph::mean(centred * centred, axes, true)),
        inverse(rsqrt(variance + epsilon)) {}
};
} // namespace

LogicalResult SoftmaxOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                          Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  types.push_back(adaptor.getX().getType());
  return checkAxis(loc, "softmax", adaptor.getX(), adaptor.getAxis());
}
Values SoftmaxOp::decompose(OpBuilder &b) {
  return {softmax(Expr(b, getLoc(), getX()), getAxis())};
}
Values SoftmaxOp::gradient(OpBuilder &b, ValueRange dResults) {
  Expr y(b, getLoc(), getResult()), d = y.with(dResults[0]);
  int64_t axis = getAxis();
  return {y * (d - sum(d * y, axis, true))};
}

LogicalResult LogSoftmaxOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                             Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  types.push_back(adaptor.getX().getType());
  return checkAxis(loc, "log_softmax", adaptor.getX(), adaptor.getAxis());
}
Values LogSoftmaxOp::decompose(OpBuilder &b) {
  return {logSoftmax(Expr(b, getLoc(), getX()), getAxis())};
}
Values LogSoftmaxOp::gradient(OpBuilder &b, ValueRange dResults) {
  Expr y(b, getLoc(), getResult()), d = y.with(dResults[0]);
  int64_t axis = getAxis();
  return {d - exp(y) * sum(d, axis, true)};
}

LogicalResult CrossEntropyOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                               Adaptor adaptor,
                                               llvm::SmallVectorImpl<Type> &types) {
  Value logits = adaptor.getLogits(), targets = adaptor.getTargets();
  auto dims = sampleDims(loc, logits);
  if (failed(dims))
    return failure();
  if (logits.getType() != targets.getType())
    return emitOptionalError(loc, "cross entropy of logits ", logits.getType(), " and targets ",
                             targets.getType(), ": they must have one shape and type");
  types.push_back(tensorType(*dims, elementType(logits)));
  return success();
}
Values CrossEntropyOp::decompose(OpBuilder &b) {
  Expr logits(b, getLoc(), getLogits()), targets = logits.with(getTargets());
  int64_t axis = rankOf(getLogits()) - 1;
  return {-sum(targets * logSoftmax(logits, axis), axis)};
}
Values CrossEntropyOp::gradient(OpBuilder &b, ValueRange dResults) {
  Expr logits(b, getLoc(), getLogits()), targets = logits.with(getTargets());
  Expr d = withLastAxis(logits.with(dResults[0]));
  int64_t axis = rankOf(getLogits()) - 1;
  return {d * (softmax(logits, axis) * sum(targets, axis, true) - targets),
          -(d * logSoftmax(logits, axis))};
}

LogicalResult SparseCrossEntropyOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                                     Adaptor adaptor,
                                                     llvm::SmallVectorImpl<Type> &types) {
  Value logits = adaptor.getLogits();
  auto dims = sampleDims(loc, logits);
  if (failed(dims))
    return failure();
  if (dimsOf(adaptor.getLabels()) != *dims)
    return emitOptionalError(loc, "logits ", str(dimsOf(logits)), " need labels of shape ",
                             str(*dims), ", one class number a sample; they have shape ",
                             str(dimsOf(adaptor.getLabels())));
  types.push_back(tensorType(*dims, elementType(logits)));
  return success();
}
Values SparseCrossEntropyOp::decompose(OpBuilder &b) {
  Expr x(b, getLoc(), getLogits());
  int64_t axis = rankOf(x) - 1;
  Expr shifted = x - maximum(x, axis);
  Expr atLabel = x.with(make<PickOp>(b, getLoc(), {shifted, getLabels()}));
  return {log(sum(exp(shifted), axis)) - atLabel};
}
Values SparseCrossEntropyOp::gradient(OpBuilder &b, ValueRange dResults) {
  Expr x(b, getLoc(), getLogits()), d = withLastAxis(x.with(dResults[0]));
  Expr target = x.with(oneHot(b, getLoc(), getLabels(), x.dims().back(), elementType(x)));
  return {d * (softmax(x, rankOf(x) - 1) - target), Value()};
}

LogicalResult GeluOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                       llvm::SmallVectorImpl<Type> &types) {
  types.push_back(adaptor.getX().getType());
  return success();
}
Values GeluOp::decompose(OpBuilder &b) {
  Expr x(b, getLoc(), getX());
  if (getApproximate())
    return {0.5 * x * (1.0 + tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)))};
  return {0.5 * x * (1.0 + (x * M_SQRT1_2).unary<ErfOp>())};
}

LogicalResult BatchNormOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                            Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  Value x = adaptor.getX();
  int64_t axis = adaptor.getAxis();
  if (failed(checkAxis(loc, "batch normalisation", x, axis)) ||
      failed(checkParameter(loc, "gamma", adaptor.getGamma(), x, axis)) ||
      failed(checkParameter(loc, "beta", adaptor.getBeta(), x, axis)))
    return failure();
  types.append({x.getType(), adaptor.getGamma().getType(), adaptor.getGamma().getType()});
  return success();
}
Values BatchNormOp::decompose(OpBuilder &b) {
  Expr x(b, getLoc(), getX());
  int64_t axis = getAxis();
  Standard s(x, otherAxes(x, axis), getEpsilon().convertToDouble());
  Expr gamma = along(x.with(getGamma()), x, axis), beta = along(x.with(getBeta()), x, axis);
  auto flat = [&](Value v) { return reshape(b, getLoc(), v, dimsOf(getGamma())); };
  return {s.centred * (s.inverse * gamma) + beta, flat(s.mean), flat(s.variance)};
}
Values BatchNormOp::gradient(OpBuilder &b, ValueRange dResults) {
  Expr x(b, getLoc(), getX());
  int64_t axis = getAxis();
  auto others = otherAxes(x, axis);
  Expr n = elementCount(x, others);
  Expr centred = x - along(x.with(getMean()), x, axis);
  Expr inverse = rsqrt(along(x.with(getVariance()), x, axis) + getEpsilon().convertToDouble());
  Expr gamma = along(x.with(getGamma()), x, axis);
  auto flat = [&](Value v) { return reshape(b, getLoc(), v, dimsOf(getGamma())); };
  Value dx, dGamma, dBeta;
  auto add = [&](Expr term) { dx = dx ? Value(x.with(dx) + term) : Value(term); };
  if (dResults[0]) {
    Expr d = x.with(dResults[0]), normal = centred * inverse;
    Expr sumD = sum(d, others, true), sumDNormal = sum(d * normal, others, true);
    add((gamma * inverse) * (d - sumD / n - normal * (sumDNormal / n)));
    dGamma = flat(sumDNormal);
    dBeta = flat(sumD);
  }
  if (dResults[1])
    add(x.with(broadcastTo(b, getLoc(), along(x.with(dResults[1]), x, axis) / n, x.dims())));
  if (dResults[2])
    add(centred * (along(x.with(dResults[2]), x, axis) * 2.0 / n));
  return {dx, dGamma, dBeta};
}

LogicalResult BatchNormInferenceOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                                     Adaptor adaptor,
                                                     llvm::SmallVectorImpl<Type> &types) {
  Value x = adaptor.getX();
  int64_t axis = adaptor.getAxis();
  if (failed(checkAxis(loc, "batch normalisation", x, axis)) ||
      failed(checkParameter(loc, "gamma", adaptor.getGamma(), x, axis)) ||
      failed(checkParameter(loc, "beta", adaptor.getBeta(), x, axis)) ||
      failed(checkParameter(loc, "the mean", adaptor.getMean(), x, axis)) ||
      failed(checkParameter(loc, "the variance", adaptor.getVariance(), x, axis)))
    return failure();
  types.push_back(x.getType());
  return success();
}
Values BatchNormInferenceOp::decompose(OpBuilder &b) {
  Expr x(b, getLoc(), getX());
  Expr scale = x.with(getGamma()) * rsqrt(x.with(getVariance()) + getEpsilon().convertToDouble());
  auto spread = [&](Value v) { return along(x.with(v), x, getAxis()); };
  return {(x - spread(getMean())) * spread(scale) + spread(getBeta())};
}

LogicalResult LayerNormOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                            Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  Value x = adaptor.getX();
  llvm::ArrayRef<int64_t> axes = adaptor.getAxes();
  for (auto [i, axis] : llvm::enumerate(axes))
    if (failed(checkAxis(loc, "layer normalisation", x, axis)))
      return failure();
    else if (i && axes[i - 1] >= axis)
      return emitOptionalError(loc, "layer normalisation needs increasing axes");
  if (failed(checkParameter(loc, "gamma", adaptor.getGamma(), x, axes)) ||
      failed(checkParameter(loc, "beta", adaptor.getBeta(), x, axes)))
    return failure();
  types.push_back(x.getType());
  return success();
}
Values LayerNormOp::decompose(OpBuilder &b) {
  Expr x(b, getLoc(), getX());
  Standard s(x, getAxes(), getEpsilon().convertToDouble());
  Expr gamma = along(x.with(getGamma()), x, getAxes());
  return {s.centred * s.inverse * gamma + along(x.with(getBeta()), x, getAxes())};
}
Values LayerNormOp::gradient(OpBuilder &b, ValueRange dResults) {
  Expr x(b, getLoc(), getX()), d = x.with(dResults[0]);
  llvm::ArrayRef<int64_t> axes = getAxes();
  Standard s(x, axes, getEpsilon().convertToDouble());
  Expr normal = s.centred * s.inverse, g = d * along(x.with(getGamma()), x, axes);
  Expr dx = s.inverse * (g - mean(g, axes, true) - normal * mean(g * normal, axes, true));
  auto others = otherAxes(x, axes);
  return {dx, sum(d * normal, others), sum(d, others)};
}
