// Reading structure off a nest's access maps. See Structure.h.
#include "compiler/fusion/Structure.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace ingot {

Dims loopDims(exec::NestOp nest) {
  Dims dims;
  for (Attribute bound : nest.getBounds().getExprs())
    dims.push_back(Dim(bound));
  return dims;
}

AffineMap accessMap(exec::NestOp nest, unsigned input) {
  auto map = llvm::dyn_cast<AffineMapAttr>(nest.getAccesses()[input]);
  return map ? map.getValue() : AffineMap();
}

bool hasChecks(exec::NestOp nest) { return !nest.getBody().getOps<exec::CheckOp>().empty(); }

bool usesIndices(exec::NestOp nest) {
  return llvm::any_of(nest.getBody().getArguments().take_front(loopDims(nest).size()),
                      [](BlockArgument index) { return !index.use_empty(); });
}

bool isSmallWindow(llvm::ArrayRef<Dim> loops) {
  constexpr int64_t kMostPoints = 32;
  int64_t points = 1;
  for (Dim d : loops) {
    if (!d.isStatic() || d.value() > kMostPoints)
      return false;
    points *= d.value();
  }
  return points <= kMostPoints;
}

bool isMovement(exec::NestOp nest) {
  Block &body = nest.getBody().front();
  return isMap(nest) && nest.getInputs().size() == 1 && accessMap(nest, 0) &&
         llvm::hasSingleElement(body) && body.getTerminator()->getOperands().size() == 1 &&
         body.getTerminator()->getOperand(0) == body.getArguments().back();
}

namespace {
/// `loop - low`, as an index in a nest's body; its low.
std::optional<int64_t> lowOf(Value index, Value loop) {
  if (index == loop)
    return 0;
  llvm::APInt constant;
  auto sum = index.getDefiningOp<arith::AddIOp>();
  if (sum && sum.getLhs() == loop && matchPattern(sum.getRhs(), m_ConstantInt(&constant)))
    return -constant.getSExtValue();
  return std::nullopt;
}
bool isExtent(Value value, Dim extent) {
  llvm::APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return isConstant(extent, constant.getSExtValue());
  auto op = value.getDefiningOp<exec::ExtentOp>();
  return op && Dim(op.getDim().getExprs()[0]) == extent;
}
/// What must hold for a guard to hold.
void collectConditions(Value guard, llvm::SmallVectorImpl<Value> &list) {
  if (auto both = guard.getDefiningOp<arith::AndIOp>()) {
    collectConditions(both.getLhs(), list);
    collectConditions(both.getRhs(), list);
  } else {
    list.push_back(guard);
  }
}
} // namespace

std::optional<Padding> paddingOf(exec::NestOp nest) {
  if (!isMap(nest) || nest.getInputs().size() != 1 || accessMap(nest, 0) ||
      nest->getNumResults() != 1 || hasChecks(nest))
    return std::nullopt;
  Block &body = nest.getBody().front();
  unsigned rank = nest.getParallel();
  auto read = body.getTerminator()->getOperand(0).getDefiningOp<exec::ReadOp>();
  Attribute value;
  if (!read || read.getTensor() != body.getArgument(rank) || !read.getGuard() ||
      read.getIndices().size() != rank || !matchPattern(read.getOtherwise(), m_Constant(&value)))
    return std::nullopt;
  Padding padding{nest.getInputs()[0], {}, {}, value};
  Dims source = dimsOf(padding.source), padded = loopDims(nest);
  for (unsigned d = 0; d < rank; ++d) {
    auto low = lowOf(read.getIndices()[d], body.getArgument(d));
    if (!low)
      return std::nullopt;
    padding.low.push_back(*low);
    padding.isChecked.push_back(*low != 0 || source[d] != padded[d]);
  }
  llvm::SmallVector<Value> conditions;
  collectConditions(read.getGuard(), conditions);
  llvm::SmallVector<bool> missing = padding.isChecked;
  for (Value condition : conditions) {
    auto compare = condition.getDefiningOp<arith::CmpIOp>();
    auto it = compare ? llvm::find(read.getIndices(), compare.getLhs()) : read.getIndices().end();
    if (it == read.getIndices().end() || compare.getPredicate() != arith::CmpIPredicate::ult)
      return std::nullopt;
    auto d = it - read.getIndices().begin();
    if (!isExtent(compare.getRhs(), source[d]))
      return std::nullopt;
    missing[d] = false;
  }
  if (llvm::is_contained(missing, true))
    return std::nullopt;
  return padding;
}

llvm::SmallVector<Dim> rowMajorStrides(Type tensor) {
  Dims dims = dimsOf(tensor);
  llvm::SmallVector<Dim> strides(dims.size(), Dim::constant(tensor.getContext(), 1));
  for (int64_t d = static_cast<int64_t>(dims.size()) - 2; d >= 0; --d)
    strides[d] = strides[d + 1] * dims[d + 1];
  return strides;
}

namespace {
/// Adds `expr`'s coefficients times `scale` to `strides`; false when it is not linear.
bool addLinear(AffineExpr expr, Dim scale, llvm::MutableArrayRef<Dim> strides) {
  if (auto dim = llvm::dyn_cast<AffineDimExpr>(expr)) {
    strides[dim.getPosition()] = strides[dim.getPosition()] + scale;
    return true;
  }
  if (llvm::isa<AffineConstantExpr>(expr))
    return true;
  auto binary = llvm::dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return false;
  if (binary.getKind() == AffineExprKind::Add)
    return addLinear(binary.getLHS(), scale, strides) && addLinear(binary.getRHS(), scale, strides);
  auto factor = llvm::dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (binary.getKind() != AffineExprKind::Mul || !factor)
    return false;
  return addLinear(binary.getLHS(), scale * factor.getValue(), strides);
}
} // namespace

std::optional<llvm::SmallVector<Dim>> linearStrides(AffineMap map, Type tensor, unsigned loops) {
  llvm::SmallVector<Dim> strides(loops, Dim::constant(tensor.getContext(), 0));
  auto tensorStrides = rowMajorStrides(tensor);
  for (auto [expr, stride] : llvm::zip(map.getResults(), tensorStrides))
    if (!addLinear(expr, stride, strides))
      return std::nullopt;
  return strides;
}

namespace {
/// An access that is linear but for one loop whose lanes are in panels: (l floordiv p, …, l mod p).
struct PanelAccess {
  llvm::SmallVector<Dim> strides; // that of the loop inside a panel
  int64_t loop = -1, panel = 0;   // -1: there are no panels
  Dim panelStride;
};

std::optional<PanelAccess> panelAccess(AffineMap map, Type tensor, unsigned loops) {
  PanelAccess access;
  if (auto strides = linearStrides(map, tensor, loops)) {
    access.strides = *strides;
    return access;
  }
  if (map.getNumResults() < 2)
    return std::nullopt;
  auto last = llvm::dyn_cast<AffineBinaryOpExpr>(map.getResults().back());
  if (!last || last.getKind() != AffineExprKind::Mod)
    return std::nullopt;
  auto loop = llvm::dyn_cast<AffineDimExpr>(last.getLHS());
  auto panel = llvm::dyn_cast<AffineConstantExpr>(last.getRHS());
  if (!loop || !panel || !isConstant(dimsOf(tensor).back(), panel.getValue()))
    return std::nullopt;
  llvm::SmallVector<AffineExpr> inside(map.getResults());
  auto number = llvm::find(inside, loop.floorDiv(panel.getValue()));
  if (number == inside.end())
    return std::nullopt;
  Dim step = rowMajorStrides(tensor)[number - inside.begin()];
  *number = getAffineConstantExpr(0, map.getContext());
  inside.back() = loop;
  auto strides =
      linearStrides(AffineMap::get(map.getNumDims(), 0, inside, map.getContext()), tensor, loops);
  if (!strides)
    return std::nullopt;
  return PanelAccess{*strides, loop.getPosition(), panel.getValue(), step};
}
} // namespace

exec::NestOp permutationOf(Value value) {
  auto nest = value.getDefiningOp<exec::NestOp>();
  if (!nest || !isMovement(nest))
    return {};
  AffineMap map = accessMap(nest, 0);
  if (!map.isPermutation() || map.isIdentity())
    return {};
  Dims loops = loopDims(nest), source = dimsOf(nest.getInputs()[0]);
  for (unsigned d = 0; d < source.size(); ++d)
    if (source[d] != loops[map.getDimPosition(d)])
      return {};
  return nest;
}

std::optional<Contraction> matchContraction(exec::NestOp nest) {
  Block &body = nest.getBody().front();
  if (nest.getCombiner() != exec::Combiner::Add || nest.getInputs().size() != 2 ||
      !accessMap(nest, 0) || !accessMap(nest, 1))
    return std::nullopt;
  auto product = llvm::dyn_cast<arith::MulFOp>(body.front());
  auto arguments = body.getArguments().take_back(2);
  if (!product || product->getNextNode() != body.getTerminator() ||
      body.getTerminator()->getOperand(0) != product.getResult() ||
      !llvm::is_contained(product->getOperands(), arguments[0]) ||
      !llvm::is_contained(product->getOperands(), arguments[1]))
    return std::nullopt;

  Dims loops = loopDims(nest);
  auto first = panelAccess(accessMap(nest, 0), nest.getInputs()[0].getType(), loops.size());
  auto second = panelAccess(accessMap(nest, 1), nest.getInputs()[1].getType(), loops.size());
  if (!first || !second)
    return std::nullopt;
  Contraction c;
  c.aStrides = first->strides;
  c.bStrides = second->strides;
  int64_t parallel = nest.getParallel();
  for (int64_t l = parallel - 1; l >= 0 && c.lane < 0; --l)
    if (!isConstant(loops[l], 1))
      c.lane = l;
  if (c.lane < 0)
    return std::nullopt;
  if (isConstant(c.bStrides[c.lane], 0)) {
    std::swap(c.a, c.b);
    std::swap(c.aStrides, c.bStrides);
    std::swap(first, second);
  }
  if (first->loop >= 0 || (second->loop >= 0 && second->loop != c.lane))
    return std::nullopt;
  c.panel = second->panel;
  c.panelStride = second->panelStride;
  if (!isConstant(c.aStrides[c.lane], 0) || isConstant(c.bStrides[c.lane], 0))
    return std::nullopt;
  c.unitLane = isConstant(c.bStrides[c.lane], 1);
  for (int64_t l = parallel - 1; l >= 0 && c.row < 0; --l)
    if (l != c.lane && !isConstant(loops[l], 1) && isConstant(c.bStrides[l], 0))
      c.row = l;
  return c;
}

} // namespace ingot
