// See PackContractions.h. The packed copy has one dimension for each loop its operand depends on,
// in loop order with the lane loop last, so that its access is a selection of loops. Large operands
// have their lanes in panels, [batches, lanes / 16, …, 16]: what a block of lanes reads is
// contiguous, where rows a power of two apart would compete for a few sets of the caches. The last
// panel is filled up with zeros.
#include "compiler/layout/PackContractions.h"
#include "compiler/fusion/Structure.h"
#include "compiler/layout/FixedOps.h"
#include "compiler/layout/Views.h"
#include "ir/exec/Winograd.h"

using namespace mlir;

namespace ingot {
namespace {

constexpr int64_t kSmallBytes = 16 << 10; // stays in the caches, however it lies

/// Bytes of an operand that moves so, as a whole.
int64_t bytesOf(exec::NestOp nest, Value operand, llvm::ArrayRef<Dim> strides) {
  int64_t bytes = getElementTypeOrSelf(operand).getIntOrFloatBitWidth() / 8;
  for (auto [stride, extent] : llvm::zip(strides, loopDims(nest)))
    if (!isConstant(stride, 0))
      bytes *= estimate(extent);
  return bytes;
}

/// Whether each element of an operand that moves so is used so often that a copy of it, made in
/// each run, is little beside the products.
bool isUsedOften(exec::NestOp nest, llvm::ArrayRef<Dim> strides) {
  constexpr int64_t kOften = 64;
  int64_t times = 1;
  for (auto [stride, extent] : llvm::zip(strides, loopDims(nest)))
    if (isConstant(stride, 0))
      times *= estimate(extent);
  return times >= kOften;
}

bool wantsPanels(exec::NestOp nest, const Contraction &c, const FixedOps &fixed) {
  Value operand = nest.getInputs()[c.b];
  Type element = getElementTypeOrSelf(operand);
  Dim lanes = loopDims(nest)[c.lane];
  if (!(element.isF32() || element.isF64()) || c.panel != 0 || !lanes.isStatic() ||
      lanes.value() <= exec::panelLanes)
    return false;
  return bytesOf(nest, operand, c.bStrides) > kSmallBytes &&
         (!c.unitLane || fixed.isDerivable(operand) || isUsedOften(nest, c.bStrides));
}

/// Puts the dimension along which rows lie side by side before the others, where sums go across it
/// in long steps: each of their elements would be in a cache line, and a page, of its own.
void turnRows(exec::NestOp nest, const Contraction &c) {
  Dims loops = loopDims(nest);
  if (c.row < 0 || !isConstant(c.aStrides[c.row], 1) || !isUsedOften(nest, c.aStrides))
    return;
  Value operand = nest.getInputs()[c.a];
  int64_t inner = static_cast<int64_t>(loops.size()) - 1;
  while (inner > static_cast<int64_t>(nest.getParallel()) && isConstant(loops[inner], 1))
    --inner;
  AffineMap map = accessMap(nest, c.a);
  auto last = llvm::dyn_cast<AffineDimExpr>(map.getResults().back());
  if (!getElementTypeOrSelf(operand).isF32() || isConstant(c.aStrides[inner], 1) || !last ||
      last.getPosition() != static_cast<unsigned>(c.row) ||
      bytesOf(nest, operand, c.aStrides) <= kSmallBytes)
    return;
  OpBuilder b(nest);
  Dims dims = dimsOf(operand);
  std::rotate(dims.begin(), dims.end() - 1, dims.end());
  llvm::SmallVector<AffineExpr> source, access(map.getResults());
  for (unsigned d = 1; d < dims.size(); ++d)
    source.push_back(b.getAffineDimExpr(d));
  source.push_back(b.getAffineDimExpr(0));
  std::rotate(access.begin(), access.end() - 1, access.end());
  Value turned = moved(b, nest.getLoc(), dims, operand,
                       AffineMap::get(dims.size(), 0, source, b.getContext()));
  nest->setOperand(c.a, turned);
  auto accesses = llvm::to_vector(nest.getAccesses());
  accesses[c.a] = AffineMapAttr::get(AffineMap::get(loops.size(), 0, access, b.getContext()));
  nest.setAccessesAttr(b.getArrayAttr(accesses));
}

} // namespace

Value packedCopy(OpBuilder &b, Location loc, llvm::ArrayRef<Dim> dims, Value operand,
                 AffineMap source, AffineExpr lane, int64_t lanes) {
  Type element = getElementTypeOrSelf(operand);
  bool isWhole = !lane || lanes % exec::panelLanes == 0;
  return exec::nest(b, loc, dims, dims.size(), {{operand, isWhole ? source : AffineMap()}},
                    exec::Combiner::None, element,
                    [&](OpBuilder &inner, ValueRange at, ValueRange arguments) {
                      if (isWhole)
                        return llvm::SmallVector<Value>{arguments[0]};
                      Value inside = arith::CmpIOp::create(inner, loc, arith::CmpIPredicate::ult,
                                                           valueOf(inner, loc, lane, at),
                                                           exec::indexConstant(inner, loc, lanes));
                      llvm::SmallVector<Value> indices;
                      for (AffineExpr expr : source.getResults())
                        indices.push_back(valueOf(inner, loc, expr, at));
                      Value zero = exec::scalarConstant(inner, loc, element, 0);
                      return llvm::SmallVector<Value>{exec::ReadOp::create(
                          inner, loc, element, arguments[0], indices, inside, zero)};
                    })[0];
}

namespace {

void pack(exec::NestOp nest, const Contraction &contraction, bool hasPanels) {
  OpBuilder b(nest);
  Dims loops = loopDims(nest);
  llvm::SmallVector<int64_t> order;
  for (int64_t l = 0; l < static_cast<int64_t>(loops.size()); ++l)
    if (l != contraction.lane && !isConstant(contraction.bStrides[l], 0))
      order.push_back(l);

  AffineExpr lane = b.getAffineDimExpr(contraction.lane);
  Dims packedDims;
  llvm::SmallVector<AffineExpr> selection;
  llvm::SmallVector<AffineExpr> toPacked(loops.size(), b.getAffineConstantExpr(0));
  AffineExpr panel;
  auto addPanel = [&] {
    panel = b.getAffineDimExpr(packedDims.size());
    packedDims.push_back(loops[contraction.lane].ceilDiv(exec::panelLanes));
    selection.push_back(lane.floorDiv(exec::panelLanes));
  };
  for (int64_t l : order) {
    if (hasPanels && !panel && l >= static_cast<int64_t>(nest.getParallel()))
      addPanel();
    toPacked[l] = b.getAffineDimExpr(packedDims.size());
    packedDims.push_back(loops[l]);
    selection.push_back(b.getAffineDimExpr(l));
  }
  if (hasPanels && !panel)
    addPanel();
  AffineExpr last = b.getAffineDimExpr(packedDims.size());
  AffineExpr place = hasPanels ? panel * exec::panelLanes + last : last;
  toPacked[contraction.lane] = place;
  packedDims.push_back(hasPanels ? Dim::constant(b.getContext(), exec::panelLanes)
                                 : loops[contraction.lane]);
  selection.push_back(hasPanels ? lane % exec::panelLanes : lane);

  Value operand = nest.getInputs()[contraction.b];
  AffineMap source =
      accessMap(nest, contraction.b).replaceDimsAndSymbols(toPacked, {}, packedDims.size(), 0);
  if (auto permutation = permutationOf(operand)) {
    source = accessMap(permutation, 0).compose(source);
    operand = permutation.getInputs()[0];
  }
  int64_t lanes = hasPanels ? loops[contraction.lane].value() : 0;
  nest->setOperand(contraction.b, packedCopy(b, nest.getLoc(), packedDims, operand, source,
                                             hasPanels ? place : AffineExpr(), lanes));
  auto accesses = llvm::to_vector(nest.getAccesses());
  accesses[contraction.b] =
      AffineMapAttr::get(AffineMap::get(loops.size(), 0, selection, b.getContext()));
  nest.setAccessesAttr(b.getArrayAttr(accesses));
}

/// The reduction loop whose elements go together: the longest along which the other operand is
/// contiguous, else the innermost of several points. -1 where the lanes or a reduction are of
/// unknown extent, or the operand does not move along one.
int64_t loopOfGroups(exec::NestOp nest, const Contraction &c) {
  Dims loops = loopDims(nest);
  int64_t parallel = nest.getParallel(), end = loops.size(), group = end - 1, longest = 0;
  if (parallel == end || !loops[c.lane].isStatic())
    return -1;
  for (int64_t l = parallel; l < end; ++l) {
    if (!loops[l].isStatic() || (loops[l].value() != 1 && isConstant(c.bStrides[l], 0)))
      return -1;
    bool isContiguous = isConstant(c.aStrides[l], 1);
    if (isContiguous ? loops[l].value() > longest : longest == 0 && loops[l].value() != 1) {
      group = l;
      longest = isContiguous ? loops[l].value() : 0;
    }
  }
  return group;
}

/// A copy of bytes in panels of 16 lanes, for each lane 4 neighbouring elements of the sum
/// together, [lanes / 16, …, k / 4, 16, 4]: what an instruction multiplies and adds for a lane. Of
/// bf16 2 are together. Filled up with zeros.
void packGroups(exec::NestOp nest, const Contraction &c, int64_t group) {
  OpBuilder b(nest);
  Location loc = nest.getLoc();
  Dims loops = loopDims(nest);
  int64_t size = c.groupSize();
  int64_t lanes = loops[c.lane].value(), depth = loops[group].value();
  AffineExpr lane = b.getAffineDimExpr(c.lane), k = b.getAffineDimExpr(group);
  Dims dims{loops[c.lane].ceilDiv(exec::panelLanes)};
  llvm::SmallVector<AffineExpr> selection{lane.floorDiv(exec::panelLanes)};
  llvm::SmallVector<AffineExpr> toPacked(loops.size(), b.getAffineConstantExpr(0));
  for (int64_t l = 0; l < static_cast<int64_t>(loops.size()); ++l) {
    if (l == c.lane || l == group || isConstant(c.bStrides[l], 0))
      continue;
    toPacked[l] = b.getAffineDimExpr(dims.size());
    dims.push_back(loops[l]);
    selection.push_back(b.getAffineDimExpr(l));
  }
  toPacked[group] = b.getAffineDimExpr(dims.size());
  dims.push_back(loops[group].ceilDiv(size));
  selection.push_back(k.floorDiv(size));
  toPacked[c.lane] = b.getAffineDimExpr(0) * exec::panelLanes + b.getAffineDimExpr(dims.size());
  dims.push_back(Dim::constant(b.getContext(), exec::panelLanes));
  toPacked[group] = toPacked[group] * size + b.getAffineDimExpr(dims.size());
  dims.push_back(Dim::constant(b.getContext(), size));
  selection.append({lane % exec::panelLanes, k % size});

  Value operand = nest.getInputs()[c.b];
  AffineMap source = accessMap(nest, c.b).replaceDimsAndSymbols(toPacked, {}, dims.size(), 0);
  if (auto permutation = permutationOf(operand)) {
    source = accessMap(permutation, 0).compose(source);
    operand = permutation.getInputs()[0];
  }
  bool isWhole = lanes % exec::panelLanes == 0 && depth % size == 0;
  Type element = getElementTypeOrSelf(operand);
  Value packed = exec::nest(
      b, loc, dims, dims.size(), {{operand, isWhole ? source : AffineMap()}}, exec::Combiner::None,
      element, [&](OpBuilder &inner, ValueRange at, ValueRange arguments) {
        if (isWhole)
          return llvm::SmallVector<Value>{arguments[0]};
        auto below = [&](AffineExpr place, int64_t limit) -> Value {
          return arith::CmpIOp::create(inner, loc, arith::CmpIPredicate::ult,
                                       valueOf(inner, loc, place, at),
                                       exec::indexConstant(inner, loc, limit));
        };
        Value inside = arith::AndIOp::create(inner, loc, below(toPacked[c.lane], lanes),
                                             below(toPacked[group], depth));
        auto indices = llvm::map_to_vector(
            source.getResults(), [&](AffineExpr expr) { return valueOf(inner, loc, expr, at); });
        Value zero = exec::scalarConstant(inner, loc, element, 0);
        return llvm::SmallVector<Value>{exec::ReadOp::create(inner, loc, element, arguments[0],
                                                             ValueRange(indices), inside, zero)};
      })[0];
  nest->setOperand(c.b, packed);
  auto accesses = llvm::to_vector(nest.getAccesses());
  accesses[c.b] = AffineMapAttr::get(AffineMap::get(loops.size(), 0, selection, b.getContext()));
  nest.setAccessesAttr(b.getArrayAttr(accesses));
}

/// The contraction with the bf16 as operands that its own are extended from.
exec::NestOp overBrains(exec::NestOp nest) {
  OpBuilder b(nest);
  Location loc = nest.getLoc();
  llvm::SmallSetVector<Value, 2> wide(nest.getInputs().begin(), nest.getInputs().end());
  Value sum = exec::nest(b, loc, loopDims(nest), nest.getParallel(),
                         {{brainOf(nest.getInputs()[0]), accessMap(nest, 0)},
                          {brainOf(nest.getInputs()[1]), accessMap(nest, 1)}},
                         exec::Combiner::Add, b.getF32Type(),
                         [&](OpBuilder &b, ValueRange, ValueRange arguments) {
                           Value x = arith::ExtFOp::create(b, loc, b.getF32Type(), arguments[0]),
                                 y = arith::ExtFOp::create(b, loc, b.getF32Type(), arguments[1]);
                           return llvm::SmallVector<Value>{arith::MulFOp::create(b, loc, x, y)};
                         })[0];
  nest.getOutputs()[0].replaceAllUsesWith(sum);
  nest.erase();
  for (Value value : wide)
    if (value.use_empty())
      value.getDefiningOp()->erase();
  return sum.getDefiningOp<exec::NestOp>();
}

/// Puts the elements of bytes and of bf16 in groups, where they are and it is worth a copy.
bool packInGroups(exec::NestOp nest, Contraction c, const FixedOps &fixed) {
  Value wide = nest.getInputs()[c.b];
  bool isBrain = !c.isBrain && brainOf(nest.getInputs()[0]) && brainOf(nest.getInputs()[1]);
  int64_t group = (c.isInteger || isBrain) && c.groupLoop < 0 ? loopOfGroups(nest, c) : -1;
  Operation *maker = (isBrain ? brainOf(wide) : wide).getDefiningOp();
  if (group < 0 || !(fixed.all.contains(maker) || isUsedOften(nest, c.bStrides)))
    return false;
  if (isBrain) {
    nest = overBrains(nest);
    c = *matchContraction(nest);
  }
  packGroups(nest, c, group);
  return true;
}

} // namespace

void packContractions(func::FuncOp function) {
  FixedOps fixed(function);
  function.walk([&](exec::NestOp nest) {
    auto contraction = matchContraction(nest);
    if (!contraction)
      return;
    if (packInGroups(nest, *contraction, fixed) || contraction->isInteger || contraction->isBrain)
      return;
    turnRows(nest, *contraction);
    if (bool hasPanels = wantsPanels(nest, *contraction, fixed);
        hasPanels || !contraction->unitLane)
      pack(nest, *contraction, hasPanels);
  });
}

} // namespace ingot
