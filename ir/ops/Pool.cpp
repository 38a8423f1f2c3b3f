// Meaning, lowering and gradients of pooling.
#include "ir/Builder.h"
#include "ir/ops/Emit.h"
#include "ir/ops/Windows.h"
#include <cmath>

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;
using exec::Index;
using reference::EvalContext;
using reference::Number;
using reference::Tensor;

namespace {

template <typename Op> Windows windowsOf(Op op) { return Windows::of(op, op.getWindow()); }

template <typename Adaptor>
LogicalResult inferPool(std::optional<Location> loc, Adaptor adaptor,
                        llvm::SmallVectorImpl<Type> &types) {
  Dims x = dimsOf(adaptor.getX());
  auto dims = windowedDims(loc, x, windowsOf(adaptor), x.empty() ? Dim() : x.back());
  if (failed(dims))
    return failure();
  types.push_back(tensorType(*dims, elementType(adaptor.getX())));
  return success();
}

exec::Combiner maxCombiner(Type element) {
  bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
  return isUnsigned ? exec::Combiner::UMax : exec::Combiner::Max;
}
/// What padding holds for max_pool.
TypedAttr leastOf(Type element) {
  return exec::identityOf(maxCombiner(element), exec::signlessElement(element));
}
Number leastNumber(Type element) {
  if (llvm::isa<FloatType>(element))
    return Number::real(-std::numeric_limits<double>::infinity());
  bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
  return Number::integer(isUnsigned ? 0 : INT64_MIN >> (64 - element.getIntOrFloatBitWidth()));
}
bool exceeds(Type element, Number a, Number b) {
  if (a.isFloat)
    return !std::isnan(b.f) && (std::isnan(a.f) || a.f > b.f);
  return element.isUnsignedInteger() ? uint64_t(a.i) > uint64_t(b.i) : a.i > b.i;
}

/// Calls visit(output index, tap number, input index, inside) for every batch row and channel.
void forEachPooled(
    llvm::ArrayRef<int64_t> x, llvm::ArrayRef<int64_t> y, const Windows &w,
    llvm::function_ref<void(llvm::ArrayRef<int64_t>, int64_t, llvm::ArrayRef<int64_t>, bool)>
        visit) {
  llvm::SmallVector<int64_t> xi(x.size()), yi(x.size());
  auto spatial = [&](llvm::ArrayRef<int64_t> s) { return s.slice(1, w.rank()); };
  int64_t tap = 0, taps = w.taps();
  forEachTap(spatial(x), spatial(y), w,
             [&](llvm::ArrayRef<int64_t> o, llvm::ArrayRef<int64_t>, llvm::ArrayRef<int64_t> i,
                 bool inside) {
               llvm::copy(o, yi.begin() + 1);
               llvm::copy(i, xi.begin() + 1);
               for (xi.front() = yi.front() = 0; xi.front() < x[0]; yi.front() = ++xi.front())
                 for (xi.back() = yi.back() = 0; xi.back() < x.back(); yi.back() = ++xi.back())
                   visit(yi, tap, xi, inside);
               tap = (tap + 1) % taps;
             });
}

/// Loops (n, o…, c, k…) of a window nest and the access to the padded input.
struct WindowNest {
  Dims loops;
  int64_t parallel;
  AffineMap access;
  WindowNest(llvm::ArrayRef<Dim> y, const Windows &w, MLIRContext *context)
      : loops(y.begin(), y.end()), parallel(y.size()) {
    for (int64_t size : w.size)
      loops.push_back(Dim::constant(context, size));
    llvm::SmallVector<AffineExpr> at{getAffineDimExpr(0, context)};
    for (int64_t d = 0; d < w.rank(); ++d)
      at.push_back(getAffineDimExpr(d + 1, context) * w.strides[d] +
                   getAffineDimExpr(parallel + d, context) * w.dilations[d]);
    at.push_back(getAffineDimExpr(parallel - 1, context));
    access = AffineMap::get(loops.size(), 0, at, context);
  }
};

Value windowSum(OpBuilder &b, Location loc, Value x, llvm::ArrayRef<Dim> y, const Windows &w) {
  WindowNest nest(y, w, b.getContext());
  Type element = elementType(x);
  Value padded = emitWindowPadding(b, loc, x, w, b.getZeroAttr(element));
  return exec::nest(b, loc, nest.loops, nest.parallel, {{padded, nest.access}}, exec::Combiner::Add,
                    element,
                    [](OpBuilder &, ValueRange, ValueRange args) { return Values{args[0]}; })[0];
}

/// Sums over the windows that cover each input element: loops (n, i…, c) and, where windows
/// overlap, one reduction loop a dimension over the at most ceil(span / stride) windows. `value`
/// gets the output index, the number of the tap that the element is, and whether the window and the
/// tap exist (then alone are the indices valid); it returns the summand.
Value sumOverWindows(
    OpBuilder &b, Location loc, RankedTensorType type, llvm::ArrayRef<Dim> y, const Windows &w,
    ValueRange tensors,
    llvm::function_ref<Value(OpBuilder &, ValueRange at, Index tap, Value exists, ValueRange)>
        value) {
  Dims loops = dimsOf(type);
  int64_t rank = loops.size();
  llvm::SmallVector<int64_t> covering;
  for (int64_t d = 0; d < w.rank(); ++d) {
    covering.push_back((w.span(d) + w.strides[d] - 1) / w.strides[d]);
    if (covering[d] > 1)
      loops.push_back(Dim::constant(b.getContext(), covering[d]));
  }
  llvm::SmallVector<exec::Access> inputs;
  for (Value t : tensors)
    inputs.push_back({t, AffineMap()});
  bool reduces = static_cast<int64_t>(loops.size()) > rank;
  auto body = [&](OpBuilder &b, ValueRange index, ValueRange inputs) -> Values {
    llvm::SmallVector<Value> at(index.begin(), index.begin() + rank);
    Index tap{&b, loc, exec::indexConstant(b, loc, 0)};
    Value exists;
    int64_t next = rank;
    for (int64_t d = 0; d < w.rank(); ++d) {
      Index i = tap.with(index[d + 1]) + w.low[d];
      Index o = exec::quotient(i, w.strides[d]);
      if (covering[d] > 1)
        o = o - tap.with(index[next++]);
      Index distance = i - o * w.strides[d], k = exec::quotient(distance, w.dilations[d]);
      exists = exec::both(b, loc, exists, exec::below(o, exec::extent(b, loc, y[d + 1])));
      exists = exec::both(b, loc, exists, exec::below(k, tap.constant(w.size[d])));
      if (w.dilations[d] > 1)
        exists = exec::both(b, loc, exists, exec::equal(k * w.dilations[d], distance));
      at[d + 1] = o;
      tap = tap * w.size[d] + k;
    }
    if (!exists)
      exists = arith::ConstantOp::create(b, loc, b.getBoolAttr(true));
    return {value(b, at, tap, exists, inputs)};
  };
  return exec::nest(b, loc, loops, rank, inputs,
                    reduces ? exec::Combiner::Add : exec::Combiner::None, type.getElementType(),
                    body)[0];
}

/// x divided at each output position by the number of elements its mean counts.
Value divideByCount(OpBuilder &b, Location loc, Value x, llvm::ArrayRef<Dim> y,
                    llvm::ArrayRef<Dim> input, const Windows &w, bool countPadding) {
  Type element = elementType(x);
  auto identity = AffineMap::getMultiDimIdentityMap(y.size(), b.getContext());
  auto body = [&](OpBuilder &b, ValueRange loops, ValueRange args) -> Values {
    if (countPadding || !w.padded())
      return {arith::DivFOp::create(
          b, loc, args[0], exec::scalarConstant(b, loc, element, static_cast<double>(w.taps())))};
    Index count{&b, loc, exec::indexConstant(b, loc, 1)}, zero = count.constant(0);
    auto max = [&](Value p, Value q) { return count.with(arith::MaxSIOp::create(b, loc, p, q)); };
    for (int64_t d = 0; d < w.rank(); ++d) {
      // Taps k with 0 <= o * stride + k * dilation - low < size.
      Index start = count.with(loops[d + 1]) * w.strides[d];
      Index before = max(count.constant(w.low[d]) - start, zero);
      Index first = exec::quotient(before + (w.dilations[d] - 1), w.dilations[d]);
      Index room = max(exec::extent(b, loc, input[d + 1]) + w.low[d] - start, zero);
      Index end = exec::quotient(room + (w.dilations[d] - 1), w.dilations[d]);
      end = count.with(arith::MinSIOp::create(b, loc, end, count.constant(w.size[d])));
      count = count * max(end - first, zero);
    }
    count = max(count, count.constant(1));
    return {arith::DivFOp::create(b, loc, args[0], exec::indexToElement(b, loc, count, element))};
  };
  return exec::nest(b, loc, y, y.size(), {{x, identity}}, exec::Combiner::None, element, body)[0];
}

/// The same for the interpreter: how many elements each output's mean counts, by output index.
Tensor counts(const Tensor &like, llvm::ArrayRef<int64_t> x, llvm::ArrayRef<int64_t> y,
              const Windows &w, bool countPadding) {
  Tensor count(like.element(), y);
  forEachPooled(x, y, w, [&](auto yi, int64_t, auto, bool inside) {
    if (inside || countPadding)
      count.set(yi, Number::real(count.at(yi).f + 1));
  });
  for (int64_t i = 0; i < count.numElements(); ++i)
    count.set(i, Number::real(std::max(count.real(i), 1.0)));
  return count;
}
} // namespace

LogicalResult MaxPoolOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                          Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  return inferPool(loc, adaptor, types);
}
LogicalResult MaxPoolOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                  llvm::MutableArrayRef<Tensor> results) {
  Tensor &y = results[0];
  Type element = y.element();
  for (int64_t i = 0; i < y.numElements(); ++i)
    y.set(i, leastNumber(element));
  forEachPooled(operands[0].shape(), y.shape(), windowsOf(*this),
                [&](auto yi, int64_t, auto xi, bool inside) {
                  if (inside && exceeds(element, operands[0].at(xi), y.at(yi)))
                    y.set(yi, operands[0].at(xi));
                });
  return success();
}
void MaxPoolOp::emitStructured(OpBuilder &b, ValueRange operands,
                               llvm::SmallVectorImpl<Value> &results) {
  Windows w = windowsOf(*this);
  Type element = elementType(getX());
  WindowNest nest(dimsOf(getResult()), w, getContext());
  Value padded = emitWindowPadding(b, getLoc(), operands[0], w, leastOf(element));
  results = exec::nest(b, getLoc(), nest.loops, nest.parallel, {{padded, nest.access}},
                       maxCombiner(element), exec::signlessElement(element),
                       [](OpBuilder &, ValueRange, ValueRange args) { return Values{args[0]}; });
}
Values MaxPoolOp::gradient(OpBuilder &b, ValueRange d) {
  return {make<MaxPoolGradientOp>(b, getLoc(), {getX(), d[0]}, (*this)->getAttrs())};
}

LogicalResult MaxPoolGradientOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                                  Adaptor adaptor,
                                                  llvm::SmallVectorImpl<Type> &types) {
  llvm::SmallVector<Type> pooled;
  if (failed(inferPool(loc, adaptor, pooled)))
    return failure();
  if (pooled[0] != adaptor.getDy().getType())
    return emitOptionalError(loc, "the gradient of a pooling with result ", pooled[0], " has type ",
                             adaptor.getDy().getType());
  types.push_back(adaptor.getX().getType());
  return success();
}
LogicalResult MaxPoolGradientOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                          llvm::MutableArrayRef<Tensor> results) {
  const Tensor &x = operands[0], &dy = operands[1];
  Windows w = windowsOf(*this);
  Tensor best(x.element(), dy.shape()), bestTap(IntegerType::get(getContext(), 64), dy.shape());
  auto value = [&](auto xi, bool inside) { return inside ? x.at(xi) : leastNumber(x.element()); };
  forEachPooled(x.shape(), dy.shape(), w, [&](auto yi, int64_t tap, auto xi, bool inside) {
    if (tap == 0 || exceeds(x.element(), value(xi, inside), best.at(yi))) {
      best.set(yi, value(xi, inside));
      bestTap.set(yi, Number::integer(tap));
    }
  });
  forEachPooled(x.shape(), dy.shape(), w, [&](auto yi, int64_t tap, auto xi, bool inside) {
    if (inside && bestTap.at(yi).i == tap)
      results[0].set(xi, Number::real(results[0].at(xi).f + dy.at(yi).f));
  });
  return success();
}
void MaxPoolGradientOp::emitStructured(OpBuilder &b, ValueRange operands,
                                       llvm::SmallVectorImpl<Value> &results) {
  // The tap of each window that holds its maximum, then a gather of dy by input element.
  Windows w = windowsOf(*this);
  Location loc = getLoc();
  Dims y = dimsOf(getDy());
  Type element = elementType(getX()), tapType = b.getI32Type();
  WindowNest nest(y, w, getContext());
  Value padded = emitWindowPadding(b, loc, operands[0], w, leastOf(element));
  Dims window = constantDims(getContext(), w.size);
  Value bestTap = exec::nest(
      b, loc, nest.loops, nest.parallel, {{padded, nest.access}}, exec::Combiner::ArgMax,
      {element, tapType}, [&](OpBuilder &b, ValueRange loops, ValueRange args) -> Values {
        Index tap = exec::linearIndex(b, loc, window, loops.drop_front(nest.parallel));
        return {args[0], exec::indexToElement(b, loc, tap, tapType)};
      })[1];
  results.push_back(sumOverWindows(
      b, loc, exec::signless(getResult().getType()), y, w, {bestTap, operands[1]},
      [&](OpBuilder &b, ValueRange at, Index tap, Value exists, ValueRange tensors) -> Value {
        Value none = exec::scalarConstant(b, loc, tapType, -1);
        Value zero = exec::scalarConstant(b, loc, element, 0);
        Value best = exec::read(b, loc, tensors[0], at, exists, none);
        Value mine = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, best,
                                           exec::indexToElement(b, loc, tap, tapType));
        Value dy = exec::read(b, loc, tensors[1], at, exists, zero);
        return arith::SelectOp::create(b, loc, arith::AndIOp::create(b, loc, mine, exists), dy,
                                       zero);
      }));
}

LogicalResult AvgPoolOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                          Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  return inferPool(loc, adaptor, types);
}
LogicalResult AvgPoolOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                  llvm::MutableArrayRef<Tensor> results) {
  const Tensor &x = operands[0];
  Tensor &y = results[0];
  Windows w = windowsOf(*this);
  forEachPooled(x.shape(), y.shape(), w, [&](auto yi, int64_t, auto xi, bool inside) {
    if (inside)
      y.set(yi, Number::real(y.at(yi).f + x.at(xi).f));
  });
  Tensor count = counts(x, x.shape(), y.shape(), w, getCountIncludePad());
  for (int64_t i = 0; i < y.numElements(); ++i)
    y.set(i, Number::real(y.real(i) / count.real(i)));
  return success();
}
void AvgPoolOp::emitStructured(OpBuilder &b, ValueRange operands,
                               llvm::SmallVectorImpl<Value> &results) {
  Windows w = windowsOf(*this);
  Dims y = dimsOf(getResult());
  Value total = windowSum(b, getLoc(), operands[0], y, w);
  results.push_back(divideByCount(b, getLoc(), total, y, dimsOf(getX()), w, getCountIncludePad()));
}
Values AvgPoolOp::gradient(OpBuilder &b, ValueRange d) {
  OperationState state(getLoc(), AvgPoolGradientOp::getOperationName(), {d[0]}, {getX().getType()});
  state.addAttributes((*this)->getAttrs());
  return {b.create(state)->getResult(0)};
}

LogicalResult AvgPoolGradientOp::verify() {
  Dims x = dimsOf(getResult());
  auto dims = windowedDims(getLoc(), x, windowsOf(*this), x.empty() ? Dim() : x.back());
  if (failed(dims))
    return failure();
  if (*dims != dimsOf(getDy()))
    return emitOpError("needs a gradient of shape ")
           << str(*dims) << " for an input " << str(x) << ", has " << str(dimsOf(getDy()));
  return success();
}
LogicalResult AvgPoolGradientOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                          llvm::MutableArrayRef<Tensor> results) {
  const Tensor &dy = operands[0];
  Tensor &dx = results[0];
  Windows w = windowsOf(*this);
  Tensor count = counts(dy, dx.shape(), dy.shape(), w, getCountIncludePad());
  forEachPooled(dx.shape(), dy.shape(), w, [&](auto yi, int64_t, auto xi, bool inside) {
    if (inside)
      dx.set(xi, Number::real(dx.at(xi).f + dy.at(yi).f / count.at(yi).f));
  });
  return success();
}
void AvgPoolGradientOp::emitStructured(OpBuilder &b, ValueRange operands,
                                       llvm::SmallVectorImpl<Value> &results) {
  Windows w = windowsOf(*this);
  Location loc = getLoc();
  Dims y = dimsOf(getDy()), x = dimsOf(getResult());
  Value share = divideByCount(b, loc, operands[0], y, x, w, getCountIncludePad());
  results.push_back(sumOverWindows(
      b, loc, exec::signless(getResult().getType()), y, w, {share},
      [&](OpBuilder &b, ValueRange at, Index, Value exists, ValueRange tensors) -> Value {
        Value zero = exec::scalarConstant(b, loc, elementType(getDy()), 0);
        return exec::read(b, loc, tensors[0], at, exists, zero);
      }));
}
Values AvgPoolGradientOp::gradient(OpBuilder &b, ValueRange d) {
  return {make<AvgPoolOp>(b, getLoc(), {d[0]}, (*this)->getAttrs())};
}
