// See Views.h.
#include "compiler/layout/Views.h"
#include "compiler/fusion/Structure.h"

using namespace mlir;

namespace ingot {

exec::ViewOp viewOf(Value value) {
  auto view = value.getDefiningOp<exec::ViewOp>();
  return view && !view.getChecked() ? view : exec::ViewOp();
}

Value withoutViews(Value value) {
  while (exec::ViewOp view = viewOf(value))
    value = view.getX();
  return value;
}

Value viewAs(OpBuilder &b, Value tensor, llvm::ArrayRef<Dim> shape) {
  tensor = withoutViews(tensor);
  Type type = tensorType(shape, getElementTypeOrSelf(tensor));
  return tensor.getType() == type ? tensor : exec::ViewOp::create(b, tensor.getLoc(), type, tensor);
}

Value moved(OpBuilder &b, Location loc, llvm::ArrayRef<Dim> loops, Value source, AffineMap map) {
  return exec::nest(b, loc, loops, loops.size(), exec::Access{source, map}, exec::Combiner::None,
                    getElementTypeOrSelf(source), [](OpBuilder &, ValueRange, ValueRange elements) {
                      return llvm::SmallVector<Value>{elements[0]};
                    })[0];
}

Value valueOf(OpBuilder &b, Location loc, AffineExpr expr, ValueRange at) {
  if (auto dim = llvm::dyn_cast<AffineDimExpr>(expr))
    return at[dim.getPosition()];
  if (auto constant = llvm::dyn_cast<AffineConstantExpr>(expr))
    return exec::indexConstant(b, loc, constant.getValue());
  auto binary = llvm::cast<AffineBinaryOpExpr>(expr);
  Value l = valueOf(b, loc, binary.getLHS(), at), r = valueOf(b, loc, binary.getRHS(), at);
  if (binary.getKind() == AffineExprKind::Add)
    return arith::AddIOp::create(b, loc, l, r);
  return arith::MulIOp::create(b, loc, l, r);
}

void eraseUnused(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (op.use_empty() && llvm::isa<exec::NestOp, exec::ViewOp>(op) &&
        !(llvm::isa<exec::NestOp>(op) && hasChecks(llvm::cast<exec::NestOp>(op))))
      op.erase();
}

std::optional<llvm::SmallVector<DimensionGroup>> groupsOf(llvm::ArrayRef<Dim> left,
                                                          llvm::ArrayRef<Dim> right) {
  auto isUnit = [](Dim d) { return isConstant(d, 1); };
  llvm::SmallVector<DimensionGroup> groups;
  size_t l = 0, r = 0;
  while (true) {
    while (l < left.size() && isUnit(left[l]))
      ++l;
    while (r < right.size() && isUnit(right[r]))
      ++r;
    if (l == left.size() || r == right.size())
      break;
    // The fewest dimensions of both whose products agree.
    std::optional<std::pair<size_t, size_t>> ends;
    Dim inLeft = Dim::constant(left[l].context(), 1);
    for (size_t i = l; i < left.size() && !ends; ++i) {
      inLeft = inLeft * left[i];
      Dim inRight = Dim::constant(left[l].context(), 1);
      for (size_t j = r; j < right.size() && !ends; ++j) {
        inRight = inRight * right[j];
        if (inLeft == inRight)
          ends = {i + 1, j + 1};
      }
    }
    if (!ends)
      return std::nullopt;
    DimensionGroup &group = groups.emplace_back();
    for (; l < ends->first; ++l)
      if (!isUnit(left[l]))
        group.left.push_back(l);
    for (; r < ends->second; ++r)
      if (!isUnit(right[r]))
        group.right.push_back(r);
  }
  if (l != left.size() || r != right.size())
    return std::nullopt;
  return groups;
}

llvm::SmallVector<AffineExpr> dimensionsBy(llvm::ArrayRef<Dim> from, llvm::ArrayRef<Dim> to,
                                           MLIRContext *context) {
  llvm::SmallVector<AffineExpr> result(from.size());
  for (auto [d, extent] : llvm::enumerate(from))
    if (isConstant(extent, 1))
      result[d] = getAffineConstantExpr(0, context);
  auto groups = groupsOf(from, to);
  if (!groups)
    return result;
  for (const DimensionGroup &group : *groups) {
    if (group.left.size() > 1)
      continue;
    AffineExpr sum = getAffineConstantExpr(0, context);
    int64_t stride = 1;
    for (unsigned d : llvm::reverse(group.right)) {
      sum = getAffineDimExpr(d, context) * stride + sum;
      bool isLast = d == group.right.front();
      if (!isLast && !to[d].isStatic()) {
        sum = {};
        break;
      }
      stride *= isLast ? 1 : to[d].value();
    }
    result[group.left.front()] = sum;
  }
  return result;
}

namespace {

/// A sum of multiples of loops.
struct Sum {
  llvm::SmallVector<int64_t> factors; // by loop
  int64_t constant = 0;

  explicit Sum(unsigned loops) : factors(loops, 0) {}
  AffineExpr expr(MLIRContext *context) const {
    AffineExpr e = getAffineConstantExpr(0, context);
    for (auto [l, factor] : llvm::enumerate(factors))
      if (factor != 0)
        e = e + getAffineDimExpr(l, context) * factor;
    return e + constant;
  }
};

/// Adds `times` the expression; false where it is no sum of multiples.
bool add(Sum &sum, AffineExpr expr, int64_t times) {
  if (auto dim = llvm::dyn_cast<AffineDimExpr>(expr)) {
    sum.factors[dim.getPosition()] += times;
    return true;
  }
  if (auto constant = llvm::dyn_cast<AffineConstantExpr>(expr)) {
    sum.constant += times * constant.getValue();
    return true;
  }
  auto binary = llvm::dyn_cast<AffineBinaryOpExpr>(expr);
  if (binary && binary.getKind() == AffineExprKind::Add)
    return add(sum, binary.getLHS(), times) && add(sum, binary.getRHS(), times);
  auto factor = binary ? llvm::dyn_cast<AffineConstantExpr>(binary.getRHS()) : AffineConstantExpr();
  return factor && binary.getKind() == AffineExprKind::Mul &&
         add(sum, binary.getLHS(), times * factor.getValue());
}

/// What of the sum is a multiple of `size`, divided by it, the rest staying in `sum`; nothing where
/// the rest may be negative or reach `size`.
std::optional<Sum> divide(Sum &sum, int64_t size, llvm::ArrayRef<Dim> loops) {
  Sum quotient(loops.size());
  int64_t most = 0;
  for (auto [l, factor] : llvm::enumerate(sum.factors)) {
    if (factor % size == 0) {
      quotient.factors[l] = factor / size;
      factor = 0;
    } else if (factor < 0 || !loops[l].isStatic()) {
      return std::nullopt;
    } else {
      most += factor * std::max<int64_t>(loops[l].value() - 1, 0);
    }
  }
  quotient.constant = llvm::divideFloorSigned(sum.constant, size);
  sum.constant -= quotient.constant * size;
  if (most + sum.constant >= size)
    return std::nullopt;
  return quotient;
}

} // namespace

AffineMap throughView(AffineMap map, llvm::ArrayRef<Dim> loops, llvm::ArrayRef<Dim> viewed,
                      llvm::ArrayRef<Dim> view) {
  auto groups = groupsOf(viewed, view);
  if (!groups)
    return {};
  MLIRContext *context = map.getContext();
  llvm::SmallVector<AffineExpr> places(viewed.size(), getAffineConstantExpr(0, context));
  for (const DimensionGroup &group : *groups) {
    if (group.left.size() == 1 && group.right.size() == 1) {
      places[group.left[0]] = map.getResult(group.right[0]);
      continue;
    }
    // The place within the group, counted in elements, and from it those in the other shape.
    Sum place(loops.size());
    int64_t stride = 1;
    for (unsigned d : llvm::reverse(group.right)) {
      if (!add(place, map.getResult(d), stride))
        return {};
      if (d != group.right.front() && !view[d].isStatic())
        return {};
      stride *= d == group.right.front() ? 1 : view[d].value();
    }
    for (unsigned d : llvm::reverse(group.left)) {
      if (d == group.left.front()) {
        places[d] = place.expr(context);
        break;
      }
      if (!viewed[d].isStatic() || viewed[d].value() == 0)
        return {};
      Sum rest = place;
      auto quotient = divide(rest, viewed[d].value(), loops);
      if (!quotient)
        return {};
      places[d] = rest.expr(context);
      place = *quotient;
    }
  }
  return AffineMap::get(loops.size(), 0, places, context);
}

AffineExpr joinLoops(AffineExpr expr, llvm::ArrayRef<Dim> loops, llvm::ArrayRef<unsigned> list) {
  if (llvm::none_of(list, [&](unsigned l) { return expr.isFunctionOfDim(l); }))
    return expr;
  Sum sum(loops.size());
  if (!add(sum, expr, 1))
    return {};
  int64_t factor = sum.factors[list.back()], stride = factor;
  for (unsigned l : llvm::reverse(list)) {
    if (sum.factors[l] != stride)
      return {};
    sum.factors[l] = 0;
    if (l == list.front())
      break;
    if (!loops[l].isStatic())
      return {};
    stride *= loops[l].value();
  }
  sum.factors[list.front()] = factor;
  return sum.expr(expr.getContext());
}

} // namespace ingot
