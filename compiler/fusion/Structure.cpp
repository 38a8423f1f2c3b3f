// Reading structure off a nest's access maps. See Structure.h.
#include "compiler/fusion/Structure.h"

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

bool isMovement(exec::NestOp nest) {
  Block &body = nest.getBody().front();
  return isMap(nest) && nest.getInputs().size() == 1 && accessMap(nest, 0) &&
         llvm::hasSingleElement(body) && body.getTerminator()->getOperands().size() == 1 &&
         body.getTerminator()->getOperand(0) == body.getArguments().back();
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
  auto first = llvm::dyn_cast<AffineBinaryOpExpr>(map.getResults().front()),
       last = llvm::dyn_cast<AffineBinaryOpExpr>(map.getResults().back());
  if (!first || !last || first.getKind() != AffineExprKind::FloorDiv ||
      last.getKind() != AffineExprKind::Mod || first.getLHS() != last.getLHS() ||
      first.getRHS() != last.getRHS())
    return std::nullopt;
  auto loop = llvm::dyn_cast<AffineDimExpr>(first.getLHS());
  auto panel = llvm::dyn_cast<AffineConstantExpr>(first.getRHS());
  if (!loop || !panel || !isConstant(dimsOf(tensor).back(), panel.getValue()))
    return std::nullopt;
  llvm::SmallVector<AffineExpr> inside(map.getResults());
  inside.front() = getAffineConstantExpr(0, map.getContext());
  inside.back() = loop;
  auto strides =
      linearStrides(AffineMap::get(map.getNumDims(), 0, inside, map.getContext()), tensor, loops);
  if (!strides)
    return std::nullopt;
  return PanelAccess{*strides, loop.getPosition(), panel.getValue(),
                     rowMajorStrides(tensor).front()};
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
