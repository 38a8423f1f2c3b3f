// Meaning, lowering and gradients of convolution. The three ops are the three readings of one sum
// over (output, tap, channel): each multiplies two of input, kernel and output into the third.
#include "ir/Builder.h"
#include "ir/ops/Emit.h"
#include "ir/ops/Windows.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;
using reference::EvalContext;
using reference::Number;
using reference::Tensor;

namespace {

/// The dimensions of conv(x, kernel), or what is wrong with them.
template <typename Op>
FailureOr<Dims> convDims(std::optional<Location> loc, llvm::ArrayRef<Dim> x,
                         llvm::ArrayRef<Dim> kernel, Op op) {
  if (kernel.size() != x.size() || x.size() < 2)
    return emitOptionalError(loc,
                             "convolution needs an input (batch, spatial…, channels) and a "
                             "kernel (window…, channels / groups, filters) of one rank, has ",
                             str(x), " and ", str(kernel));
  if (!llvm::all_of(kernel, [](Dim d) { return d.isStatic(); }))
    return emitOptionalError(loc, "the kernel ", str(kernel), " has dimensions that are not fixed");
  int64_t groups = op.getGroups();
  Dim in = kernel[kernel.size() - 2], out = kernel.back();
  if (groups < 1 || out.value() % groups != 0)
    return emitOptionalError(loc, out.value(), " filters cannot be split into ", groups,
                             " groups evenly");
  if (!(x.back() == in * groups))
    return emitOptionalError(loc, "the input ", str(x), " has ", x.back().str(),
                             " channels, the kernel ", str(kernel), " with ", groups,
                             groups == 1 ? " group wants " : " groups wants ", (in * groups).str());
  return windowedDims(loc, x, Windows::of(op, staticSizes(kernel.drop_back(2))), out);
}

template <typename Op> LogicalResult verifyGradient(Op op, Value x, Value kernel, Value dy) {
  auto dims = convDims(op.getLoc(), dimsOf(x), dimsOf(kernel), op);
  if (failed(dims))
    return failure();
  if (*dims != dimsOf(dy))
    return op.emitOpError("needs a gradient of shape ")
           << str(*dims) << " for an input " << str(dimsOf(x)) << " and a kernel "
           << str(dimsOf(kernel)) << ", has " << str(dimsOf(dy));
  return success();
}

/// target += a * b over every (output, tap, channel pair); which is which, the caller says by the
/// order of visit's indices: input, kernel, output.
template <typename Op>
void forEachProduct(Op op, llvm::ArrayRef<int64_t> x, llvm::ArrayRef<int64_t> kernel,
                    llvm::ArrayRef<int64_t> y,
                    llvm::function_ref<void(llvm::ArrayRef<int64_t>, llvm::ArrayRef<int64_t>,
                                            llvm::ArrayRef<int64_t>)>
                        visit) {
  size_t rank = x.size() - 2;
  int64_t in = kernel[rank], perGroup = kernel[rank + 1] / static_cast<int64_t>(op.getGroups());
  llvm::SmallVector<int64_t> xi(x.size()), ki(x.size()), yi(x.size());
  auto spatial = [&](llvm::ArrayRef<int64_t> s) { return s.slice(1, rank); };
  forEachTap(spatial(x), spatial(y), Windows::of(op, kernel.take_front(rank)),
             [&](llvm::ArrayRef<int64_t> o, llvm::ArrayRef<int64_t> k, llvm::ArrayRef<int64_t> i,
                 bool inside) {
               if (!inside)
                 return;
               llvm::copy(o, yi.begin() + 1);
               llvm::copy(k, ki.begin());
               llvm::copy(i, xi.begin() + 1);
               for (xi[0] = yi[0] = 0; xi[0] < x[0]; yi[0] = ++xi[0])
                 for (int64_t co = 0; co < kernel[rank + 1]; ++co)
                   for (int64_t ci = 0; ci < in; ++ci) {
                     yi[rank + 1] = ki[rank + 1] = co;
                     ki[rank] = ci;
                     xi[rank + 1] = co / perGroup * in + ci;
                     visit(xi, ki, yi);
                   }
             });
}

void accumulate(Tensor &target, llvm::ArrayRef<int64_t> at, Number a, Number b) {
  Number sum = target.at(at);
  target.set(at, a.isFloat ? Number::real(sum.f + a.f * b.f)
                           : Number::integer(uint64_t(sum.i) + uint64_t(a.i) * uint64_t(b.i)));
}

/// Numbers the loops of a nest while its dimensions are listed.
struct Loops {
  MLIRContext *context;
  Dims dims;
  AffineExpr add(Dim dim) {
    dims.push_back(dim);
    return getAffineDimExpr(dims.size() - 1, context);
  }
  /// A loop over what each of some groups has; none where that is one.
  AffineExpr addOfGroup(AffineExpr group, int64_t count) {
    return group && count == 1 ? getAffineConstantExpr(0, context)
                               : add(Dim::constant(context, count));
  }
  llvm::SmallVector<AffineExpr> addAll(llvm::ArrayRef<Dim> list) {
    return llvm::map_to_vector(list, [&](Dim d) { return add(d); });
  }
  AffineMap map(llvm::ArrayRef<AffineExpr> exprs) const {
    return AffineMap::get(dims.size(), 0, exprs, context);
  }
};
using Exprs = llvm::SmallVector<AffineExpr>;

/// The sum of products a * b; the result is seen with the dimensions of `type`.
Value contraction(OpBuilder &b, Operation *op, const Loops &loops, int64_t parallel, Value x,
                  const Exprs &atX, Value y, const Exprs &atY) {
  RankedTensorType type = exec::signless(op->getResult(0).getType());
  Location loc = op->getLoc();
  Value r = exec::nest(b, loc, loops.dims, parallel, {{x, loops.map(atX)}, {y, loops.map(atY)}},
                       exec::Combiner::Add, type.getElementType(),
                       [&](OpBuilder &b, ValueRange, ValueRange args) -> Values {
                         return {exec::multiply(b, loc, args[0], args[1])};
                       })[0];
  return r.getType() == type ? r : exec::ViewOp::create(b, loc, type, r);
}

/// Channel `c` of group `g` among `perGroup` a group; `g` is null when there is one group.
AffineExpr channel(AffineExpr g, AffineExpr c, int64_t perGroup) {
  return g ? g * perGroup + c : c;
}

/// Where the window at output `o` has its tap `k`, in the padded input.
AffineExpr tapPosition(const Windows &w, int64_t d, AffineExpr o, AffineExpr k) {
  return o * w.strides[d] + k * w.dilations[d];
}
TypedAttr zeroOf(Value tensor) {
  return Builder(tensor.getContext()).getZeroAttr(exec::signlessElement(elementType(tensor)));
}

/// The kernel (k…, ci, co) with its channels swapped, (k…, co, ci), and perhaps its window turned
/// round.
Value swapChannels(OpBuilder &b, Location loc, Value kernel, bool turnsWindow) {
  Dims dims = dimsOf(kernel);
  size_t rank = dims.size() - 2;
  std::swap(dims[rank], dims[rank + 1]);
  Exprs at;
  for (size_t d = 0; d < rank; ++d)
    at.push_back(turnsWindow ? dims[d].value() - 1 - b.getAffineDimExpr(d) : b.getAffineDimExpr(d));
  at.push_back(b.getAffineDimExpr(rank + 1));
  at.push_back(b.getAffineDimExpr(rank));
  AffineMap map = AffineMap::get(dims.size(), 0, at, b.getContext());
  return exec::nest(b, loc, dims, dims.size(), {{kernel, map}}, exec::Combiner::None,
                    exec::signlessElement(elementType(kernel)),
                    [](OpBuilder &, ValueRange, ValueRange args) { return Values{args[0]}; })[0];
}

template <typename Op> Value makeLike(OpBuilder &b, Operation *op, Type type, Value x, Value y) {
  OperationState state(op->getLoc(), Op::getOperationName(), {x, y}, {type});
  state.addAttributes(op->getAttrs());
  return b.create(state)->getResult(0);
}
} // namespace

LogicalResult ConvOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor adaptor,
                                       llvm::SmallVectorImpl<Type> &types) {
  auto dims = convDims(loc, dimsOf(adaptor.getX()), dimsOf(adaptor.getKernel()), adaptor);
  if (failed(dims))
    return failure();
  types.push_back(tensorType(*dims, elementType(adaptor.getX())));
  return success();
}
LogicalResult ConvOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                               llvm::MutableArrayRef<Tensor> results) {
  const Tensor &x = operands[0], &kernel = operands[1];
  forEachProduct(
      *this, x.shape(), kernel.shape(), results[0].shape(),
      [&](auto xi, auto ki, auto yi) { accumulate(results[0], yi, x.at(xi), kernel.at(ki)); });
  return success();
}
void ConvOp::emitStructured(OpBuilder &b, ValueRange operands,
                            llvm::SmallVectorImpl<Value> &results) {
  Dims kernel = dimsOf(getKernel()), y = dimsOf(getResult());
  int64_t rank = kernel.size() - 2, groups = getGroups();
  int64_t in = kernel[rank].value(), out = kernel[rank + 1].value() / groups;
  Windows w = Windows::of(*this, staticSizes(llvm::ArrayRef(kernel).take_front(rank)));
  Value x = emitWindowPadding(b, getLoc(), operands[0], w, zeroOf(operands[0]));

  Loops loops{getContext(), {}};
  AffineExpr n = loops.add(y[0]);
  Exprs o = loops.addAll(llvm::ArrayRef(y).slice(1, rank));
  AffineExpr g = groups == 1 ? AffineExpr() : loops.add(Dim::constant(getContext(), groups));
  AffineExpr co = loops.addOfGroup(g, out);
  int64_t parallel = loops.dims.size();
  Exprs k = loops.addAll(llvm::ArrayRef(kernel).take_front(rank));
  AffineExpr ci = loops.addOfGroup(g, in);
  Exprs atX{n}, atKernel = k;
  for (int64_t d = 0; d < rank; ++d)
    atX.push_back(tapPosition(w, d, o[d], k[d]));
  atX.push_back(channel(g, ci, in));
  atKernel.append({ci, channel(g, co, out)});
  results.push_back(contraction(b, *this, loops, parallel, x, atX, operands[1], atKernel));
}
Values ConvOp::gradient(OpBuilder &b, ValueRange d) {
  return {makeLike<ConvInputGradientOp>(b, *this, getX().getType(), d[0], getKernel()),
          makeLike<ConvKernelGradientOp>(b, *this, getKernel().getType(), getX(), d[0])};
}

LogicalResult ConvInputGradientOp::verify() {
  return verifyGradient(*this, getResult(), getKernel(), getDy());
}
LogicalResult ConvInputGradientOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                            llvm::MutableArrayRef<Tensor> results) {
  const Tensor &dy = operands[0], &kernel = operands[1];
  forEachProduct(
      *this, results[0].shape(), kernel.shape(), dy.shape(),
      [&](auto xi, auto ki, auto yi) { accumulate(results[0], xi, dy.at(yi), kernel.at(ki)); });
  return success();
}
namespace {
/// The input gradient of a convolution with stride 2, by phases: inputs at even and at odd places
/// are sums over other taps of the window each. Input 2 q + r takes tap (r + low) mod 2 + 2 j of
/// the output at q + (r + low) div 2 - j. Null where the window is not so.
Value inputGradientByPhases(OpBuilder &b, ConvInputGradientOp op, Value dy, Value kernelValue) {
  Dims kernel = dimsOf(op.getKernel()), x = dimsOf(op.getResult());
  MLIRContext *context = b.getContext();
  Location loc = op.getLoc();
  int64_t rank = kernel.size() - 2;
  Windows w = Windows::of(op, staticSizes(llvm::ArrayRef(kernel).take_front(rank)));
  bool fits = op.getGroups() == 1 && rank > 0;
  for (int64_t d = 0; d < rank; ++d)
    fits &= w.strides[d] == 2 && w.dilations[d] == 1 && x[d + 1].isStatic() &&
            x[d + 1].value() % 2 == 0 && w.size[d] > 1;
  if (!fits)
    return {};
  auto constant = [&](int64_t value) { return Dim::constant(context, value); };
  Type element = exec::signlessElement(elementType(op.getKernel()));

  // The kernel (r, j, …, out, in), zero where a phase has no tap, and dy with room for all of them.
  Dims phased, padded = dimsOf(dy), low(padded.size(), constant(0));
  for (int64_t d = 0; d < rank; ++d) {
    int64_t taps = (w.size[d] + 1) / 2;
    phased.append({constant(2), constant(taps)});
    // From q + low div 2 - (taps - 1) to q + (1 + low) div 2.
    low[d + 1] = constant(taps - 1 - w.low[d] / 2);
    padded[d + 1] = constant(x[d + 1].value() / 2 + taps - 1 + (w.low[d] % 2));
  }
  phased.append({kernel[rank + 1], kernel[rank]});
  Value swapped = swapChannels(b, loc, kernelValue, false);
  Value turned = exec::nest(
      b, loc, phased, phased.size(), {{swapped, AffineMap()}}, exec::Combiner::None, element,
      [&](OpBuilder &b, ValueRange loops, ValueRange in) -> Values {
        Values at;
        Value inside;
        for (int64_t d = 0; d < rank; ++d) {
          exec::Index r{&b, loc, loops[2 * d]}, j{&b, loc, loops[2 * d + 1]};
          // (r + low) mod 2 is r where low is even, 1 - r where it is odd.
          exec::Index first = w.low[d] % 2 == 0 ? r : r.constant(1) - r;
          exec::Index tap = first + j * 2;
          inside = exec::both(b, loc, inside, exec::below(tap, tap.constant(w.size[d])));
          at.push_back(tap);
        }
        at.append({loops[2 * rank], loops[2 * rank + 1]});
        return {exec::read(b, loc, in[0], at, inside, exec::scalarConstant(b, loc, element, 0))};
      })[0];
  Value room = exec::emitPad(b, loc, dy, padded, low, llvm::SmallVector<int64_t>(padded.size(), 0),
                             zeroOf(dy));

  Loops loops{context, {}};
  AffineExpr n = loops.add(x[0]);
  Exprs q, r, j, atDy{n}, atKernel;
  for (int64_t d = 0; d < rank; ++d) {
    q.push_back(loops.add(constant(x[d + 1].value() / 2)));
    r.push_back(loops.add(constant(2)));
  }
  AffineExpr ci = loops.add(kernel[rank]);
  int64_t parallel = loops.dims.size();
  for (int64_t d = 0; d < rank; ++d)
    j.push_back(loops.add(phased[2 * d + 1]));
  AffineExpr co = loops.add(kernel[rank + 1]);
  for (int64_t d = 0; d < rank; ++d) {
    AffineExpr later = w.low[d] % 2 == 0 ? getAffineConstantExpr(0, context) : r[d];
    atDy.push_back(q[d] + later - j[d] + (phased[2 * d + 1].value() - 1));
    atKernel.append({r[d], j[d]});
  }
  atDy.push_back(co);
  atKernel.append({co, ci});
  return contraction(b, op, loops, parallel, room, atDy, turned, atKernel);
}
} // namespace

void ConvInputGradientOp::emitStructured(OpBuilder &b, ValueRange operands,
                                         llvm::SmallVectorImpl<Value> &results) {
  if (Value byPhases = inputGradientByPhases(b, *this, operands[0], operands[1])) {
    results.push_back(byPhases);
    return;
  }
  // A convolution with stride 1 of dy, spread out by the stride, with the turned kernel.
  Dims kernel = dimsOf(getKernel()), x = dimsOf(getResult());
  int64_t rank = kernel.size() - 2, groups = getGroups();
  int64_t out = kernel[rank + 1].value() / groups;
  Windows w = Windows::of(*this, staticSizes(llvm::ArrayRef(kernel).take_front(rank)));
  Dims padded = dimsOf(getDy());
  Dims low(padded.size(), Dim::constant(getContext(), 0));
  llvm::SmallVector<int64_t> interior(padded.size(), 0);
  for (int64_t d = 0; d < rank; ++d) {
    padded[d + 1] = x[d + 1] + (w.span(d) - 1);
    low[d + 1] = Dim::constant(getContext(), w.span(d) - 1 - w.low[d]);
    interior[d + 1] = w.strides[d] - 1;
  }
  Value dy = exec::emitPad(b, getLoc(), operands[0], padded, low, interior, zeroOf(operands[0]));
  Value turned = swapChannels(b, getLoc(), operands[1], true);

  Loops loops{getContext(), {}};
  AffineExpr n = loops.add(x[0]);
  Exprs i = loops.addAll(llvm::ArrayRef(x).slice(1, rank));
  AffineExpr g = groups == 1 ? AffineExpr() : loops.add(Dim::constant(getContext(), groups));
  AffineExpr ci = loops.addOfGroup(g, kernel[rank].value());
  int64_t parallel = loops.dims.size();
  Exprs k = loops.addAll(llvm::ArrayRef(kernel).take_front(rank));
  AffineExpr co = loops.addOfGroup(g, out);
  Exprs atDy{n}, atKernel = k;
  for (int64_t d = 0; d < rank; ++d)
    atDy.push_back(i[d] + k[d] * w.dilations[d]);
  atDy.push_back(channel(g, co, out));
  atKernel.append({channel(g, co, out), ci});
  results.push_back(contraction(b, *this, loops, parallel, dy, atDy, turned, atKernel));
}
Values ConvInputGradientOp::gradient(OpBuilder &b, ValueRange d) {
  return {makeLike<ConvOp>(b, *this, getDy().getType(), d[0], getKernel()),
          makeLike<ConvKernelGradientOp>(b, *this, getKernel().getType(), d[0], getDy())};
}

LogicalResult ConvKernelGradientOp::verify() {
  return verifyGradient(*this, getX(), getResult(), getDy());
}
LogicalResult ConvKernelGradientOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                             llvm::MutableArrayRef<Tensor> results) {
  const Tensor &x = operands[0], &dy = operands[1];
  forEachProduct(*this, x.shape(), results[0].shape(), dy.shape(), [&](auto xi, auto ki, auto yi) {
    accumulate(results[0], ki, x.at(xi), dy.at(yi));
  });
  return success();
}
void ConvKernelGradientOp::emitStructured(OpBuilder &b, ValueRange operands,
                                          llvm::SmallVectorImpl<Value> &results) {
  Dims kernel = dimsOf(getResult()), y = dimsOf(getDy());
  int64_t rank = kernel.size() - 2, groups = getGroups();
  int64_t in = kernel[rank].value(), out = kernel[rank + 1].value() / groups;
  Windows w = Windows::of(*this, staticSizes(llvm::ArrayRef(kernel).take_front(rank)));
  Value x = emitWindowPadding(b, getLoc(), operands[0], w, zeroOf(operands[0]));

  Loops loops{getContext(), {}};
  Exprs k = loops.addAll(llvm::ArrayRef(kernel).take_front(rank));
  AffineExpr ci = loops.add(kernel[rank]);
  AffineExpr g = groups == 1 ? AffineExpr() : loops.add(Dim::constant(getContext(), groups));
  AffineExpr co = loops.addOfGroup(g, out);
  int64_t parallel = loops.dims.size();
  AffineExpr n = loops.add(y[0]);
  Exprs o = loops.addAll(llvm::ArrayRef(y).slice(1, rank));
  Exprs atX{n}, atDy{n};
  for (int64_t d = 0; d < rank; ++d)
    atX.push_back(tapPosition(w, d, o[d], k[d]));
  atX.push_back(channel(g, ci, in));
  atDy.append(o);
  atDy.push_back(channel(g, co, out));
  results.push_back(contraction(b, *this, loops, parallel, x, atX, operands[1], atDy));
}
Values ConvKernelGradientOp::gradient(OpBuilder &b, ValueRange d) {
  return {makeLike<ConvInputGradientOp>(b, *this, getX().getType(), getDy(), d[0]),
          makeLike<ConvOp>(b, *this, getDy().getType(), getX(), d[0])};
}
