// See Scores.h. From a product of scores on, nests that read it are followed, and products of
// scores that those read besides.
#include "compiler/fusion/Scores.h"

using namespace mlir;

namespace ingot {
namespace {

constexpr int64_t mostDepth = 128;  // elements of a query, lanes of a product
constexpr int64_t leastLength = 16; // of a row of scores

bool has(llvm::ArrayRef<int> axes, int axis) { return llvm::is_contained(axes, axis); }

bool moves(exec::NestOp nest, unsigned input, unsigned loop) {
  return accessMap(nest, input).isFunctionOfDim(loop);
}

/// The number of points of the nest's loops that are the space's no axis; 0 where it is not known.
int64_t pointsOfOwn(exec::NestOp nest, llvm::ArrayRef<int> axes) {
  int64_t points = 1;
  for (auto [axis, extent] : llvm::zip(axes, loopDims(nest)))
    if (axis == Scores::own)
      points *= extent.isStatic() ? extent.value() : 0;
  return points;
}

} // namespace

bool Scores::begin(exec::NestOp nest) {
  auto factors = factorsOf(nest);
  if (!factors)
    return false;
  Dims bounds = loopDims(nest);
  Axes loops(bounds.size(), own);
  int row = -1, column = -1;
  for (unsigned l = 0; l < bounds.size(); ++l) {
    bool inA = moves(nest, factors->a, l), inB = moves(nest, factors->b, l);
    if (isConstant(bounds[l], 1)) {
      loops[l] = unit;
    } else if (l < nest.getParallel() && inA && inB) {
      loops[l] = static_cast<int>(extents.size());
      extents.push_back(bounds[l]);
    } else if (l < nest.getParallel()) {
      int &place = row < 0 ? row : column;
      if (place >= 0 || inA == inB)
        return false;
      place = static_cast<int>(l);
    }
  }
  if (extents.empty() || column < 0)
    return false;
  for (int place : {row, column}) {
    loops[place] = static_cast<int>(extents.size());
    extents.push_back(bounds[place]);
    if (estimate(bounds[place]) < leastLength)
      return false;
  }
  return isProductOfScores(nest, loops) && addMember(nest, loops);
}

bool Scores::isProductOfScores(exec::NestOp nest, llvm::ArrayRef<int> loops) const {
  auto factors = factorsOf(nest);
  if (!factors || !getElementTypeOrSelf(nest.getOutputs()[0]).isF32())
    return false;
  int64_t depth = pointsOfOwn(nest, loops);
  if (depth == 0 || depth > mostDepth)
    return false;
  auto parallel = loops.take_front(nest.getParallel());
  for (int axis = 0; axis <= columns(); ++axis)
    if (!has(parallel, axis))
      return false;
  std::optional<bool> rowIsA;
  for (auto [l, axis] : llvm::enumerate(loops)) {
    if (axis == unit)
      continue;
    bool inA = moves(nest, factors->a, l), inB = moves(nest, factors->b, l);
    if (axis == rows())
      rowIsA = inA;
    bool isOfOne = axis == rows() || axis == columns();
    if (isOfOne ? inA == inB : !(inA && inB))
      return false;
    if ((l < nest.getParallel()) != (axis != own))
      return false;
  }
  for (auto [l, axis] : llvm::enumerate(loops))
    if (axis == columns() && moves(nest, factors->a, l) == *rowIsA)
      return false;
  return true;
}

bool Scores::addMember(exec::NestOp nest, Axes loops) {
  auto [known, isNew] = axes.try_emplace(nest, loops);
  if (!isNew)
    return known->second == loops && members.contains(nest);
  members.insert(nest);
  work.push_back(nest);
  return true;
}

std::optional<Axes> Scores::loopsOfReader(exec::NestOp reader, unsigned input,
                                          llvm::ArrayRef<int> tensor) const {
  AffineMap map = accessMap(reader, input);
  if (!map)
    return std::nullopt;
  Dims bounds = loopDims(reader);
  Axes loops;
  for (Dim bound : bounds)
    loops.push_back(isConstant(bound, 1) ? unit : own);
  for (auto [axis, expr] : llvm::zip(tensor, map.getResults())) {
    if (axis == unit)
      continue;
    auto loop = llvm::dyn_cast<AffineDimExpr>(expr);
    if (!loop || loops[loop.getPosition()] != own || bounds[loop.getPosition()] != extents[axis])
      return std::nullopt;
    loops[loop.getPosition()] = axis;
  }
  return loops;
}

/// A nest that reads what a member makes: a member, a sum or a root itself.
bool Scores::addReader(OpOperand &use, llvm::ArrayRef<int> tensor) {
  auto nest = llvm::dyn_cast<exec::NestOp>(use.getOwner());
  if (!nest || nest->getBlock() != &block || nest->getNumResults() != 1 || hasChecks(nest))
    return false;
  auto loops = loopsOfReader(nest, use.getOperandNumber(), tensor);
  if (!loops)
    return false;
  if (has(*loops, own))
    return addRoot(nest, *loops, use.getOperandNumber());
  if (isMap(nest))
    return addMember(nest, *loops);
  auto reduced = llvm::ArrayRef(*loops).drop_front(nest.getParallel());
  Type sum = getElementTypeOrSelf(nest.getOutputs()[0]);
  if (!(sum.isF32() || sum.isF16() || sum.isBF16()) ||
      llvm::any_of(reduced, [&](int axis) { return axis != unit && axis != columns(); }))
    return false;
  auto [known, isNew] = axes.try_emplace(nest, *loops);
  if (!isNew)
    return known->second == *loops;
  sums.insert(nest);
  return addInputs(nest);
}

bool Scores::addRoot(exec::NestOp nest, const Axes &loops, unsigned input) {
  auto [known, isNew] = axes.try_emplace(nest, loops);
  auto factors = factorsOf(nest);
  if (!isNew || !factors || !getElementTypeOrSelf(nest.getOutputs()[0]).isF32())
    return false;
  int64_t lanes = pointsOfOwn(nest, loops);
  if (lanes == 0 || lanes > mostDepth)
    return false;
  auto parallel = llvm::ArrayRef(loops).take_front(nest.getParallel());
  int x = has(parallel, rows()) ? rows() : columns(), y = rows() + columns() - x;
  unsigned other = factors->a == input ? factors->b : factors->a;
  bool lanesFollow = false;
  for (auto [l, axis] : llvm::enumerate(loops)) {
    if (axis == unit)
      continue;
    bool isParallel = l < nest.getParallel();
    if (isParallel == (axis == y) || (axis == own && (lanesFollow || !isParallel)))
      return false;
    if (lanesFollow && isParallel)
      return false; // lanes are last
    lanesFollow |= axis == own;
    if (moves(nest, other, l) == (axis == x))
      return false;
  }
  if (nest.getInputs()[other].getDefiningOp() &&
      members.contains(nest.getInputs()[other].getDefiningOp()))
    return false;
  roots.push_back({nest, x});
  return true;
}

Axes Scores::axesOfInput(exec::NestOp reader, llvm::ArrayRef<int> loops, unsigned input) const {
  Axes result;
  AffineMap map = accessMap(reader, input);
  Dims dims = dimsOf(reader.getInputs()[input]);
  for (auto [extent, expr] : llvm::zip(dims, map.getResults())) {
    auto loop = llvm::dyn_cast<AffineDimExpr>(expr);
    int axis = loop ? loops[loop.getPosition()] : own;
    result.push_back(isConstant(extent, 1)                  ? unit
                     : axis >= 0 && extents[axis] == extent ? axis
                                                            : own);
  }
  return result;
}

/// Products of scores among what a member or sum reads belong to it: those of the gradient.
bool Scores::addInputs(exec::NestOp nest) {
  const Axes loops = axes.lookup(nest);
  if (members.contains(nest) && !isMap(nest))
    return true;
  for (unsigned i = 0; i < nest.getInputs().size(); ++i) {
    auto maker = nest.getInputs()[i].getDefiningOp<exec::NestOp>();
    if (!maker || !accessMap(nest, i) || axes.contains(maker) || !factorsOf(maker))
      continue;
    Axes made = axesOfInput(nest, loops, i);
    if (has(made, own))
      continue;
    made.resize(loopDims(maker).size(), own);
    for (auto [axis, extent] : llvm::zip(made, loopDims(maker)))
      if (isConstant(extent, 1))
        axis = unit;
    if (isProductOfScores(maker, made) && !addMember(maker, made))
      return false;
  }
  return true;
}

bool Scores::isReadInside(Value value) const {
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    return members.contains(user) || sums.contains(user) || isRoot(user);
  });
}

/// Maps over all axes that only what is here reads (masks, random numbers) are computed here.
bool Scores::addMapsReadInside() {
  llvm::SmallVector<Operation *> readers(members.begin(), members.end());
  llvm::append_range(readers, sums);
  for (Operation *op : readers) {
    auto reader = llvm::cast<exec::NestOp>(op);
    if (members.contains(op) && !isMap(reader))
      continue;
    for (unsigned i = 0; i < reader.getInputs().size(); ++i) {
      auto maker = reader.getInputs()[i].getDefiningOp<exec::NestOp>();
      if (!maker || !accessMap(reader, i) || axes.contains(maker) || maker->getBlock() != &block ||
          !isMap(maker) || hasChecks(maker) || maker->getNumResults() != 1)
        continue;
      Axes made = axesOfInput(reader, axesOf(reader), i);
      if (has(made, own) || !has(made, rows()) || !has(made, columns()) ||
          !isReadInside(maker.getOutputs()[0]) || made.size() != loopDims(maker).size())
        continue;
      if (!addMember(maker, made))
        return false;
    }
  }
  return true;
}

bool Scores::grow() {
  while (!work.empty()) {
    while (!work.empty()) {
      exec::NestOp nest = work.pop_back_val();
      Axes made = axes.lookup(nest);
      made.truncate(nest.getParallel());
      for (OpOperand &use : nest.getOutputs()[0].getUses())
        if (!addReader(use, made))
          return false;
      if (!addInputs(nest))
        return false;
    }
    if (!addMapsReadInside())
      return false;
  }
  return true;
}

bool Scores::isMadeOfSums(exec::NestOp nest) const {
  if (!nest || !isMap(nest) || hasChecks(nest) || nest->getNumResults() != 1 ||
      members.contains(nest))
    return false;
  return llvm::any_of(nest.getInputs(), [&](Value input) {
    Operation *maker = input.getDefiningOp();
    return maker && (sums.contains(maker) || isMadeOfSums(llvm::dyn_cast<exec::NestOp>(maker)));
  });
}

} // namespace ingot
