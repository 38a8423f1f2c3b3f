// Rules of the generator that move, choose, convert and repeat. See RandomGraphGenerator.h.
#include "tests/differential/RandomGraphGenerator.h"

using namespace mlir;
using namespace ingot::graph;

namespace ingot::tests {

Value GraphGenerator::flatten() {
  Value x = any();
  if (rankOf(x) < 2)
    return {};
  Dims dims = dimsOf(x);
  int64_t at = random.below(dims.size() - 1);
  dims[at] = dims[at] * dims[at + 1];
  dims.erase(dims.begin() + at + 1);
  return reshape(b, loc(), x, dims);
}

Value GraphGenerator::split() {
  Value x = any();
  Dims dims = dimsOf(x);
  if (dims.empty())
    return {};
  int64_t at = random.below(dims.size());
  if (!dims[at].isStatic())
    return {};
  for (int64_t factor : {2, 3, 5})
    if (dims[at].value() > factor && dims[at].value() % factor == 0) {
      Dim rest = fixed(dims[at].value() / factor);
      dims[at] = fixed(factor);
      dims.insert(dims.begin() + at + 1, rest);
      return reshape(b, loc(), x, dims);
    }
  return {};
}

Value GraphGenerator::permute() {
  Value x = any();
  if (rankOf(x) < 2)
    return {};
  llvm::SmallVector<int64_t> order;
  for (int64_t axis = 0; axis < rankOf(x); ++axis)
    order.insert(order.begin() + random.below(order.size() + 1), axis);
  return transpose(b, loc(), x, order);
}

Value GraphGenerator::cut() {
  Value x = any();
  Dims starts, sizes;
  llvm::SmallVector<int64_t> strides;
  for (Dim d : dimsOf(x)) {
    starts.push_back(fixed(0));
    sizes.push_back(d);
    strides.push_back(1);
    if (!d.isStatic() || d.value() < 2 || random.chance(40))
      continue;
    int64_t start = random.below(d.value()), stride = 1 + random.below(2);
    starts.back() = fixed(start);
    strides.back() = stride;
    int64_t room = (d.value() - start + stride - 1) / stride;
    sizes.back() = fixed(random.chance(5) ? 0 : 1 + random.below(room));
  }
  return slice(b, loc(), x, starts, sizes, strides);
}

Value GraphGenerator::join() {
  Value x = any(), y = any();
  if (rankOf(x) == 0)
    return {};
  int64_t axis = random.below(rankOf(x));
  Dims wanted = dimsOf(x);
  if (rankOf(y) == rankOf(x))
    wanted[axis] = dimsOf(y)[axis];
  if (wanted != dimsOf(y))
    y = op<TanhOp>(x);
  return concat(b, loc(), {x, y, x}, axis);
}

Value GraphGenerator::padding() {
  Value x = any();
  Dims low, high;
  llvm::SmallVector<int64_t> interior;
  for (Dim d : dimsOf(x)) {
    low.push_back(fixed(d.isStatic() ? random.below(3) : 0));
    high.push_back(fixed(d.isStatic() ? random.below(3) : 0));
    interior.push_back(d.isStatic() && random.chance(20) ? 1 : 0);
  }
  return pad(b, loc(), x, low, high, interior, random.real(-1, 1));
}

Value GraphGenerator::choose() {
  Expr x = expr(any());
  static constexpr Predicate predicates[] = {Predicate::EQ, Predicate::NE, Predicate::LT,
                                             Predicate::LE, Predicate::GT, Predicate::GE};
  Expr condition =
      compare(random.pick(llvm::ArrayRef(predicates)), x, x.number(random.real(-0.5, 0.5)));
  if (random.chance(30))
    return cast(b, loc(), condition, f32);
  return select(condition, x, tanh(x) * 0.5);
}

Value GraphGenerator::throughInteger() {
  Expr x = expr(any());
  Value whole = cast(b, loc(), x * 3.7, IntegerType::get(b.getContext(), 32, IntegerType::Signed));
  return cast(b, loc(), whole, f32);
}

Value GraphGenerator::spread() {
  Value x = any();
  Dims dims = dimsOf(x);
  dims.insert(dims.begin() + random.below(dims.size() + 1), fixed(1));
  Value wide = reshape(b, loc(), x, dims);
  for (Dim &d : dims)
    if (d == fixed(1))
      d = fixed(1 + random.below(4));
  return broadcastTo(b, loc(), wide, dims);
}

Value GraphGenerator::turn() {
  Value x = any();
  llvm::SmallVector<int64_t> axes;
  for (int64_t axis = 0; axis < rankOf(x); ++axis)
    if (random.chance(40))
      axes.push_back(axis);
  return ReverseOp::create(b, loc(), x.getType(), x, axes);
}

Value GraphGenerator::indices(int64_t count, int64_t size) {
  llvm::SmallVector<llvm::APInt> values;
  for (int64_t i = 0; i < count; ++i)
    values.emplace_back(32, random.below(size));
  auto type = RankedTensorType::get({count}, b.getIntegerType(32, /*isSigned=*/true));
  return ConstantOp::create(b, loc(), type, DenseElementsAttr::get(type, values));
}

Value GraphGenerator::lookUp() {
  Value x = any();
  if (rankOf(x) == 0)
    return {};
  int64_t axis = random.below(rankOf(x));
  Dim size = dimsOf(x)[axis];
  if (!size.isStatic() || size.value() == 0)
    return {};
  return op<GatherOp>({x, indices(1 + random.below(5), size.value())},
                      attr("axis", b.getI64IntegerAttr(axis)));
}

Value GraphGenerator::scatter() {
  Value x = any();
  if (rankOf(x) != 2 || !dimsOf(x)[1].isStatic() || dimsOf(x)[1].value() == 0)
    return {};
  Value index = op<ArgMaxOp>(x, attr("axis", b.getI64IntegerAttr(1)));
  return op<ScatterOp>({input({dimsOf(x)[1], dimsOf(x)[1]}), index, x},
                       attr("kind", ScatterKindAttr::get(b.getContext(), ScatterKind::Add)));
}

Value GraphGenerator::logic() {
  Expr x = expr(any());
  Value above = compare(Predicate::GT, x, x.number(-0.5)),
        below = compare(Predicate::LT, x, x.number(0.5));
  Value inside = random.chance(50) ? op<AndOp>({above, below}) : op<OrOp>({above, below});
  if (random.chance(30))
    inside = op<NotOp>(inside);
  Expr whole = expr(cast(b, loc(), x * 5, b.getIntegerType(32, /*isSigned=*/true)));
  Expr mixed = whole * whole - whole / whole.number(3);
  return select(expr(inside), x, expr(cast(b, loc(), mixed, f32)) * 0.1);
}

Value GraphGenerator::recur() {
  Value x = any();
  if (rankOf(x) == 0)
    return {};
  Location here = loc();
  Dims state = dimsOf(x);
  state.erase(state.begin());
  Value start = splat(b, here, f32, state, 0.25);
  auto body = [&](OpBuilder &inner, Value, ValueRange carried, ValueRange inputs) -> ScanYield {
    Expr old(inner, here, carried[0]), input(inner, here, inputs[0]);
    Value next = tanh(old * 0.5 + input);
    return {{next}, {next}};
  };
  ScanOp scan = makeScan(b, here, dimsOf(x)[0], {start}, {x}, body, random.chance(30));
  return scan.getResults()[random.below(2)];
}

Value GraphGenerator::branch() {
  Expr x = expr(any());
  Location here = x.loc;
  Expr total = x.with(reduce(b, here, tanh(x), ReduceKind::Sum, allAxes(x)));
  Value condition = compare(Predicate::GT, total, total.number(0.1));
  return makeIf(
             b, here, condition,
             [&](OpBuilder &inner) { return Values{tanh(Expr(inner, here, x))}; },
             [&](OpBuilder &inner) { return Values{Expr(inner, here, x) * 0.5}; })
      .getResults()[0];
}

Value GraphGenerator::throughDouble() {
  Expr x = expr(cast(b, loc(), any(), b.getF64Type()));
  return cast(b, loc(), x * tanh(x), f32);
}

} // namespace ingot::tests
