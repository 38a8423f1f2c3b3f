// Meaning, lowering and gradient of the ops that find elements by index.
#include "ir/Builder.h"
#include "ir/ops/Emit.h"
#include "ir/ops/Indices.h"
#include "mlir/IR/Matchers.h"
#include <cmath>

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;
using exec::Index;
using reference::EvalContext;
using reference::Number;
using reference::Tensor;

namespace {

bool isUnsigned(Value tensor) { return elementType(tensor).isUnsignedInteger(); }

/// In a nest's body: reads x at `at` with `index` at `axis` after checking it.
Value checkedRead(OpBuilder &b, Location loc, Value x, llvm::SmallVector<Value> at, size_t axis,
                  Index index, Dim limit) {
  Value valid = exec::below(index, exec::extent(b, loc, limit));
  exec::CheckOp::create(b, loc, valid);
  at.insert(at.begin() + axis, index);
  Type element = exec::signlessElement(getElementTypeOrSelf(x));
  return exec::read(b, loc, x, at, valid, exec::scalarConstant(b, loc, element, 0));
}
/// The one index, where it is a constant inside the axis.
std::optional<int64_t> knownIndex(Value indices, Dim axis) {
  DenseElementsAttr constant;
  if (!axis.isStatic() || !matchPattern(indices, m_Constant(&constant)) ||
      constant.getNumElements() != 1)
    return std::nullopt;
  llvm::APInt value = *constant.value_begin<llvm::APInt>();
  bool isNegative = !isUnsigned(indices) && value.isNegative();
  if (isNegative || value.uge(axis.value()))
    return std::nullopt;
  return static_cast<int64_t>(value.getZExtValue());
}
Dims concatenate(llvm::ArrayRef<Dim> a, llvm::ArrayRef<Dim> b) {
  Dims result(a.begin(), a.end());
  result.append(b.begin(), b.end());
  return result;
}
} // namespace

LogicalResult GatherOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  Dims x = dimsOf(adaptor.getX()), indices = dimsOf(adaptor.getIndices());
  int64_t axis = adaptor.getAxis();
  if (axis < 0 || axis >= static_cast<int64_t>(x.size()))
    return emitOptionalError(loc, "gather along axis ", axis, " of a tensor of shape ", str(x));
  Dims dims = concatenate(llvm::ArrayRef(x).take_front(axis), indices);
  dims = concatenate(dims, llvm::ArrayRef(x).drop_front(axis + 1));
  types.push_back(tensorType(dims, elementType(adaptor.getX())));
  return success();
}
LogicalResult GatherOp::evaluate(EvalContext &context, llvm::ArrayRef<Tensor> operands,
                                 llvm::MutableArrayRef<Tensor> results) {
  const Tensor &x = operands[0], &indices = operands[1];
  if (results[0].numElements() == 0) // an index that selects nothing is not looked at
    return success();
  int64_t axis = getAxis(), size = x.dim(axis), count = indices.numElements();
  int64_t outer = product(x.shape().take_front(axis)),
          inner = product(x.shape().drop_front(axis + 1));
  for (int64_t i = 0; i < count; ++i) {
    auto at = checkedIndex(context, indices, i, size);
    if (failed(at))
      return failure();
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t k = 0; k < inner; ++k)
        results[0].set((o * count + i) * inner + k, x.get((o * size + *at) * inner + k));
  }
  return success();
}
void GatherOp::emitStructured(OpBuilder &b, ValueRange operands,
                              llvm::SmallVectorImpl<Value> &results) {
  Dims dims = dimsOf(getResult());
  Location loc = getLoc();
  int64_t axis = getAxis(), indexRank = rankOf(getIndices());
  llvm::SmallVector<AffineExpr> at;
  for (int64_t d = 0; d < indexRank; ++d)
    at.push_back(b.getAffineDimExpr(axis + d));
  Type element = exec::signlessElement(elementType(getX()));
  if (auto index = knownIndex(getIndices(), dimsOf(getX())[axis])) {
    // One slice that is known now is a movement.
    llvm::SmallVector<AffineExpr> place;
    for (int64_t d = 0; d < rankOf(getX()); ++d)
      place.push_back(d == axis ? b.getAffineConstantExpr(*index)
                                : b.getAffineDimExpr(d < axis ? d : d - 1 + indexRank));
    results = exec::nest(b, loc, dims, dims.size(),
                         {{operands[0], AffineMap::get(dims.size(), 0, place, getContext())}},
                         exec::Combiner::None, element,
                         [](OpBuilder &, ValueRange, ValueRange in) { return Values{in[0]}; });
    return;
  }
  results = exec::nest(
      b, loc, dims, dims.size(),
      {{operands[0], AffineMap()}, {operands[1], AffineMap::get(dims.size(), 0, at, getContext())}},
      exec::Combiner::None, element, [&](OpBuilder &b, ValueRange loops, ValueRange in) -> Values {
        Index index = exec::elementToIndex(b, loc, in[1], isUnsigned(getIndices()));
        llvm::SmallVector<Value> others(loops.begin(), loops.begin() + axis);
        llvm::append_range(others, loops.drop_front(axis + indexRank));
        return {checkedRead(b, loc, in[0], others, axis, index, dimsOf(getX())[axis])};
      });
}
Values GatherOp::gradient(OpBuilder &b, ValueRange d) {
  if (auto index = knownIndex(getIndices(), dimsOf(getX())[getAxis()])) {
    // Zeros around the one slice.
    Dims x = dimsOf(getX()), slice = x, low(x.size(), Dim::constant(getContext(), 0)), high = low;
    slice[getAxis()] = Dim::constant(getContext(), 1);
    low[getAxis()] = Dim::constant(getContext(), *index);
    high[getAxis()] = x[getAxis()] - 1 - low[getAxis()];
    return {pad(b, getLoc(), reshape(b, getLoc(), d[0], slice), low, high), Value()};
  }
  // With the axis in front, a sum of rows; then the axis goes back to its place.
  int64_t axis = getAxis(), indexRank = rankOf(getIndices()), rank = rankOf(getX());
  llvm::SmallVector<int64_t> toFront, back;
  for (int64_t i = 0; i < indexRank; ++i)
    toFront.push_back(axis + i);
  for (int64_t i = 0; i < rank - 1; ++i)
    toFront.push_back(i < axis ? i : i + indexRank);
  for (int64_t i = 0; i < rank; ++i)
    back.push_back(i < axis ? i + 1 : i == axis ? 0 : i);
  Dims base = dimsOf(getX());
  std::rotate(base.begin(), base.begin() + axis, base.begin() + axis + 1);
  Value updates = axis == 0 ? d[0] : transpose(b, getLoc(), d[0], toFront);
  Value zero = splat(b, getLoc(), elementType(getX()), base, 0);
  Value r = make<ScatterOp>(
      b, getLoc(), {zero, getIndices(), updates},
      {b.getNamedAttr("kind", ScatterKindAttr::get(getContext(), ScatterKind::Add))});
  return {axis == 0 ? r : transpose(b, getLoc(), r, back), Value()};
}

LogicalResult PickOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor adaptor,
                                       llvm::SmallVectorImpl<Type> &types) {
  Dims x = dimsOf(adaptor.getX()), indices = dimsOf(adaptor.getIndices());
  if (x.empty() || llvm::ArrayRef(x).drop_back() != llvm::ArrayRef(indices))
    return emitOptionalError(loc, "pick from ", str(x), " needs one index a row, has indices ",
                             str(indices));
  types.push_back(tensorType(indices, elementType(adaptor.getX())));
  return success();
}
LogicalResult PickOp::evaluate(EvalContext &context, llvm::ArrayRef<Tensor> operands,
                               llvm::MutableArrayRef<Tensor> results) {
  int64_t size = operands[0].shape().back();
  for (int64_t i = 0; i < results[0].numElements(); ++i) {
    auto at = checkedIndex(context, operands[1], i, size);
    if (failed(at))
      return failure();
    results[0].set(i, operands[0].get(i * size + *at));
  }
  return success();
}
void PickOp::emitStructured(OpBuilder &b, ValueRange operands,
                            llvm::SmallVectorImpl<Value> &results) {
  Dims dims = dimsOf(getResult());
  Location loc = getLoc();
  auto identity = AffineMap::getMultiDimIdentityMap(dims.size(), getContext());
  results =
      exec::nest(b, loc, dims, dims.size(), {{operands[0], AffineMap()}, {operands[1], identity}},
                 exec::Combiner::None, exec::signlessElement(elementType(getX())),
                 [&](OpBuilder &b, ValueRange loops, ValueRange in) -> Values {
                   Index index = exec::elementToIndex(b, loc, in[1], isUnsigned(getIndices()));
                   return {checkedRead(b, loc, in[0], llvm::to_vector(loops), loops.size(), index,
                                       dimsOf(getX()).back())};
                 });
}
Values PickOp::gradient(OpBuilder &b, ValueRange dResults) {
  Dims rows = dimsOf(getIndices());
  rows.push_back(Dim::constant(getContext(), 1));
  Expr d(b, getLoc(), reshape(b, getLoc(), dResults[0], rows));
  return {d * d.with(oneHot(b, getLoc(), getIndices(), dimsOf(getX()).back(), elementType(d))),
          Value()};
}

LogicalResult OneHotOp::verify() {
  Dims labels = dimsOf(getLabels()), result = dimsOf(getResult());
  if (result.empty() || llvm::ArrayRef(result).drop_back() != llvm::ArrayRef(labels))
    return emitOpError("turns labels of shape ")
           << str(labels) << " into that shape and one last dimension, not into " << str(result);
  return success();
}
LogicalResult OneHotOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                 llvm::MutableArrayRef<Tensor> results) {
  Tensor &r = results[0];
  int64_t depth = r.shape().back();
  for (int64_t i = 0; i < r.numElements(); ++i) {
    bool hit = operands[0].integer(i / depth) == i % depth;
    r.set(i, r.isFloat() ? Number::real(hit) : Number::integer(hit));
  }
  return success();
}
void OneHotOp::emitStructured(OpBuilder &b, ValueRange operands,
                              llvm::SmallVectorImpl<Value> &results) {
  Dims dims = dimsOf(getResult());
  Location loc = getLoc();
  Type element = exec::signlessElement(elementType(getResult()));
  AffineMap rows =
      AffineMap::getMultiDimIdentityMap(dims.size(), getContext()).dropResult(dims.size() - 1);
  results = exec::nest(b, loc, dims, dims.size(), {{operands[0], rows}}, exec::Combiner::None,
                       element, [&](OpBuilder &b, ValueRange loops, ValueRange in) -> Values {
                         Index label = exec::elementToIndex(b, loc, in[0], isUnsigned(getLabels()));
                         Value hit = exec::equal(label, label.with(loops.back()));
                         return {arith::SelectOp::create(b, loc, hit,
                                                         exec::scalarConstant(b, loc, element, 1),
                                                         exec::scalarConstant(b, loc, element, 0))};
                       });
}

namespace {
LogicalResult inferArg(std::optional<Location> loc, llvm::StringRef name, Value x, int64_t axis,
                       llvm::SmallVectorImpl<Type> &types) {
  Dims dims = dimsOf(x);
  if (axis < 0 || axis >= static_cast<int64_t>(dims.size()))
    return emitOptionalError(loc, name, " along axis ", axis, " of a tensor of shape ", str(dims));
  dims.erase(dims.begin() + axis);
  types.push_back(tensorType(dims, IntegerType::get(x.getContext(), 64, IntegerType::Signed)));
  return success();
}
/// Whether `a` comes before `b` as the extremum.
bool beats(Number a, Number b, bool max, bool isUnsigned) {
  if (a.isFloat) {
    if (std::isnan(a.f) || std::isnan(b.f))
      return std::isnan(a.f) && !std::isnan(b.f);
    return max ? a.f > b.f : a.f < b.f;
  }
  if (isUnsigned)
    return max ? uint64_t(a.i) > uint64_t(b.i) : uint64_t(a.i) < uint64_t(b.i);
  return max ? a.i > b.i : a.i < b.i;
}
void evaluateArg(const Tensor &x, Tensor &result, int64_t axis, bool max) {
  Type element = x.element();
  bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
  reference::forEachIndex(result.shape(), [&](llvm::ArrayRef<int64_t> index) {
    llvm::SmallVector<int64_t> at(index), best;
    at.insert(at.begin() + axis, 0);
    best = at;
    for (; at[axis] < x.dim(axis); ++at[axis])
      if (beats(x.at(at), x.at(best), max, isUnsigned))
        best = at;
    result.set(index, Number::integer(best[axis]));
  });
}
Value emitArg(OpBuilder &b, Operation *op, Value x, int64_t axis, exec::Combiner combiner) {
  Dims from = dimsOf(op->getOperand(0)), loops = dimsOf(op->getResult(0));
  Location loc = op->getLoc();
  loops.push_back(from[axis]);
  llvm::SmallVector<AffineExpr> at;
  for (int64_t d = 0, next = 0; d < static_cast<int64_t>(from.size()); ++d)
    at.push_back(b.getAffineDimExpr(d == axis ? loops.size() - 1 : next++));
  Type given = elementType(op->getOperand(0)), element = exec::signlessElement(given);
  bool isUnsigned = given.isUnsignedInteger() || given.isInteger(1);
  return exec::nest(b, loc, loops, loops.size() - 1,
                    {{x, AffineMap::get(loops.size(), 0, at, b.getContext())}}, combiner,
                    {element, b.getI64Type()},
                    [&](OpBuilder &b, ValueRange index, ValueRange in) -> Values {
                      Value v = in[0];
                      if (isUnsigned) { // The combiner compares signed numbers: turn the sign bit.
                        unsigned width = element.getIntOrFloatBitWidth();
                        Value sign = arith::ConstantOp::create(
                            b, loc, IntegerAttr::get(element, llvm::APInt::getSignMask(width)));
                        v = arith::XOrIOp::create(b, loc, v, sign);
                      }
                      return {v, exec::indexToElement(b, loc, index.back(), b.getI64Type())};
                    })[1];
}
} // namespace

LogicalResult ArgMaxOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  return inferArg(loc, "argmax", adaptor.getX(), adaptor.getAxis(), types);
}
LogicalResult ArgMaxOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                 llvm::MutableArrayRef<Tensor> results) {
  evaluateArg(operands[0], results[0], getAxis(), true);
  return success();
}
void ArgMaxOp::emitStructured(OpBuilder &b, ValueRange operands,
                              llvm::SmallVectorImpl<Value> &results) {
  results.push_back(emitArg(b, *this, operands[0], getAxis(), exec::Combiner::ArgMax));
}
LogicalResult ArgMinOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  return inferArg(loc, "argmin", adaptor.getX(), adaptor.getAxis(), types);
}
LogicalResult ArgMinOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                 llvm::MutableArrayRef<Tensor> results) {
  evaluateArg(operands[0], results[0], getAxis(), false);
  return success();
}
void ArgMinOp::emitStructured(OpBuilder &b, ValueRange operands,
                              llvm::SmallVectorImpl<Value> &results) {
  results.push_back(emitArg(b, *this, operands[0], getAxis(), exec::Combiner::ArgMin));
}
