// Implementation of the graph-building helpers; see Builder.h.
#include "ir/Builder.h"
#include "ir/Text.h"
#include <algorithm>
#include <cmath>

using namespace mlir;

namespace ingot::graph {

/// NaN is 0; what is too large the largest number.
static int64_t saturated(double value) {
  constexpr double limit = 9223372036854774784.0; // below 2^63
  return std::isnan(value) ? 0 : static_cast<int64_t>(std::clamp(value, -limit, limit));
}

Value splat(OpBuilder &b, Location loc, Type element, llvm::ArrayRef<Dim> dims, double value) {
  Attribute scalar;
  if (llvm::isa<text::StringType>(element)) // the empty text, as a pad has it
    scalar = StringAttr::get("", element);
  else if (llvm::isa<FloatType>(element))
    scalar = b.getFloatAttr(element, value);
  else
    scalar = IntegerAttr::get(element, llvm::APInt(element.getIntOrFloatBitWidth(),
                                                   static_cast<uint64_t>(saturated(value)), false,
                                                   /*implicitTrunc=*/true));
  auto content = DenseElementsAttr::get(RankedTensorType::get({}, element), scalar);
  return ConstantOp::create(b, loc, tensorType(dims, element), content);
}

FailureOr<Dims> broadcastDims(llvm::ArrayRef<Dim> a, llvm::ArrayRef<Dim> b) {
  if (a.size() < b.size())
    std::swap(a, b);
  Dims result(a.begin(), a.end());
  size_t shift = a.size() - b.size();
  for (size_t i = 0; i < b.size(); ++i) {
    Dim &out = result[shift + i];
    bool outIsOne = out.isStatic() && out.value() == 1;
    bool inIsOne = b[i].isStatic() && b[i].value() == 1;
    if (outIsOne)
      out = b[i];
    else if (!inIsOne && !(out == b[i]))
      return failure();
  }
  return result;
}

Value broadcastTo(OpBuilder &b, Location loc, Value x, llvm::ArrayRef<Dim> dims) {
  if (llvm::ArrayRef<Dim>(dimsOf(x)) == dims)
    return x;
  llvm::SmallVector<int64_t> axes;
  int64_t shift = static_cast<int64_t>(dims.size()) - rankOf(x);
  for (int64_t d = 0; d < rankOf(x); ++d)
    axes.push_back(shift + d);
  return BroadcastOp::create(b, loc, tensorType(dims, elementType(x)), x, axes);
}

Value reshape(OpBuilder &b, Location loc, Value x, llvm::ArrayRef<Dim> dims) {
  if (llvm::ArrayRef<Dim>(dimsOf(x)) == dims)
    return x;
  return ReshapeOp::create(b, loc, tensorType(dims, elementType(x)), x);
}

Value reduce(OpBuilder &b, Location loc, Value x, ReduceKind kind, llvm::ArrayRef<int64_t> axes,
             bool keep) {
  if (axes.empty())
    return x;
  Value r = make<ReduceOp>(b, loc, {x},
                           {b.getNamedAttr("kind", ReduceKindAttr::get(b.getContext(), kind)),
                            b.getNamedAttr("axes", b.getDenseI64ArrayAttr(axes))});
  if (!keep)
    return r;
  Dims dims = dimsOf(x);
  for (int64_t axis : axes)
    dims[axis] = Dim::constant(b.getContext(), 1);
  return reshape(b, loc, r, dims);
}

Value transpose(OpBuilder &b, Location loc, Value x, llvm::ArrayRef<int64_t> permutation) {
  return make<TransposeOp>(b, loc, {x},
                           {b.getNamedAttr("permutation", b.getDenseI64ArrayAttr(permutation))});
}

Value cast(OpBuilder &b, Location loc, Value x, Type element) {
  if (elementType(x) == element)
    return x;
  return CastOp::create(b, loc, tensorType(dimsOf(x), element), x);
}

namespace {
DimsAttr dimsAttr(OpBuilder &b, llvm::ArrayRef<Dim> dims) {
  return DimsAttr::get(b.getContext(),
                       llvm::map_to_vector(dims, [](Dim d) { return d.asAttribute(); }));
}
NamedAttribute listOr(OpBuilder &b, llvm::StringRef name, llvm::ArrayRef<int64_t> list, Value x,
                      int64_t otherwise) {
  llvm::SmallVector<int64_t> values(list);
  if (list.empty())
    values.assign(rankOf(x), otherwise);
  return b.getNamedAttr(name, b.getDenseI64ArrayAttr(values));
}
} // namespace

Value slice(OpBuilder &b, Location loc, Value x, llvm::ArrayRef<Dim> starts,
            llvm::ArrayRef<Dim> sizes, llvm::ArrayRef<int64_t> strides) {
  return make<SliceOp>(b, loc, {x},
                       {b.getNamedAttr("starts", dimsAttr(b, starts)),
                        b.getNamedAttr("sizes", dimsAttr(b, sizes)),
                        listOr(b, "strides", strides, x, 1)});
}

Value pad(OpBuilder &b, Location loc, Value x, llvm::ArrayRef<Dim> low, llvm::ArrayRef<Dim> high,
          llvm::ArrayRef<int64_t> interior, double value) {
  return make<PadOp>(
      b, loc, {x},
      {b.getNamedAttr("low", dimsAttr(b, low)), b.getNamedAttr("high", dimsAttr(b, high)),
       listOr(b, "interior", interior, x, 0), b.getNamedAttr("value", b.getF64FloatAttr(value))});
}

Value concat(OpBuilder &b, Location loc, ValueRange inputs, int64_t axis) {
  return make<ConcatOp>(b, loc, inputs, {b.getNamedAttr("axis", b.getI64IntegerAttr(axis))});
}

Value oneHot(OpBuilder &b, Location loc, Value labels, Dim depth, Type element) {
  Dims dims = dimsOf(labels);
  dims.push_back(depth);
  return OneHotOp::create(b, loc, tensorType(dims, element), labels);
}

Value sumTo(OpBuilder &b, Location loc, Value x, llvm::ArrayRef<Dim> dims) {
  Dims from = dimsOf(x);
  llvm::SmallVector<int64_t> axes;
  int64_t shift = static_cast<int64_t>(from.size() - dims.size());
  for (int64_t d = 0; d < static_cast<int64_t>(from.size()); ++d)
    if (d < shift || !(dims[d - shift] == from[d]))
      axes.push_back(d);
  return reshape(b, loc, reduce(b, loc, x, ReduceKind::Sum, axes), dims);
}

llvm::SmallVector<int64_t> allAxes(Value x) {
  return llvm::to_vector(llvm::seq<int64_t>(0, rankOf(x)));
}

Dims commonDims(llvm::ArrayRef<Expr> all) {
  Dims dims;
  for (const Expr &x : all) {
    auto wider = broadcastDims(dims, x.dims());
    if (failed(wider)) {
      emitError(x.loc) << "shapes " << str(dims) << " and " << str(x.dims()) << " do not broadcast";
      throw IllTyped();
    }
    dims = *wider;
  }
  return dims;
}

Expr compare(Predicate predicate, Expr x, Expr y) {
  Dims dims = commonDims({x, y});
  Value l = broadcastTo(*x.b, x.loc, x, dims), r = broadcastTo(*x.b, x.loc, y, dims);
  return x.with(make<CompareOp>(
      *x.b, x.loc, {l, r},
      {x.b->getNamedAttr("predicate", PredicateAttr::get(x.b->getContext(), predicate))}));
}

Expr select(Expr condition, Expr onTrue, Expr onFalse) {
  Dims dims = commonDims({condition, onTrue, onFalse});
  OpBuilder &b = *condition.b;
  Location loc = condition.loc;
  return condition.with(
      make<SelectOp>(b, loc,
                     {broadcastTo(b, loc, condition, dims), broadcastTo(b, loc, onTrue, dims),
                      broadcastTo(b, loc, onFalse, dims)}));
}

Expr elementCount(Expr x, llvm::ArrayRef<int64_t> axes) {
  Dim count = Dim::constant(x.b->getContext(), 1);
  for (int64_t axis : axes)
    count = count * x.dims()[axis];
  return x.with(ExtentOp::create(*x.b, x.loc, tensorType({}, elementType(x)),
                                 DimsAttr::get(x.b->getContext(), {count.asAttribute()})));
}
Expr mean(Expr x, llvm::ArrayRef<int64_t> axes, bool keep) {
  return sum(x, axes, keep) / elementCount(x, axes);
}

} // namespace ingot::graph
