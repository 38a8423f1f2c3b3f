// Reading structure off a nest's access maps. See Structure.h.
#include "compiler/fusion/Structure.h"
#include "compiler/fusion/FormKernels.h"
#include "ir/exec/Custom.h"
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

bool usesIndex(exec::NestOp nest, unsigned loop) {
  return !nest.getBody().getArgument(loop).use_empty();
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

bool mayEndRun(Operation *op) {
  return op
      ->walk([](Operation *inner) {
        return llvm::isa<exec::CheckOp, exec::BindOp, exec::CustomCallOp>(inner)
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      })
      .wasInterrupted();
}

bool isShared(exec::NestOp nest, llvm::ArrayRef<Dim> domain) {
  if (!isMap(nest) || nest->getNumResults() != 1 || nest->hasOneUse() || loopDims(nest) != domain)
    return false;
  // Who reads it may itself be computed where it is read: at its own point, too, then.
  llvm::SmallVector<exec::NestOp> work{nest};
  llvm::DenseSet<Operation *> seen;
  while (!work.empty())
    for (OpOperand &use : work.pop_back_val()->getUses()) {
      auto user = llvm::dyn_cast<exec::NestOp>(use.getOwner());
      AffineMap map = user ? accessMap(user, use.getOperandNumber()) : AffineMap();
      if (!map || !map.isIdentity() || loopDims(user) != domain)
        return false;
      bool isMade = user->hasAttr(kKeptAttr) || llvm::any_of(user->getUsers(), [](Operation *op) {
                      return llvm::isa<exec::YieldOp>(op);
                    });
      if (!isMade && seen.insert(user).second)
        work.push_back(user);
    }
  return true;
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

bool checksIndices(exec::NestOp nest, unsigned input, Dim limit) {
  AffineMap map = accessMap(nest, input);
  Dims loops = loopDims(nest), extents = dimsOf(nest.getInputs()[input]);
  if (!map || !map.isProjectedPermutation())
    return false;
  // It runs for all elements.
  for (auto [l, loop] : llvm::enumerate(loops)) {
    auto place = map.getResultPosition(getAffineDimExpr(l, map.getContext()));
    if (place ? extents[*place] != loop : !loop.isStatic() || loop.value() == 0)
      return false;
  }
  Value element = nest.getBody().front().getArgument(loops.size() + input);
  auto isElement = [&](Value index) {
    while (Operation *cast = index.getDefiningOp()) {
      if (!llvm::isa<arith::ExtSIOp>(cast) &&
          !(llvm::isa<arith::IndexCastOp>(cast) && index.getType().isIndex()))
        return false;
      index = cast->getOperand(0);
    }
    return index == element;
  };
  return llvm::any_of(nest.getBody().getOps<exec::CheckOp>(), [&](exec::CheckOp check) {
    auto compare = check.getCondition().getDefiningOp<arith::CmpIOp>();
    return compare && compare.getPredicate() == arith::CmpIPredicate::ult &&
           isElement(compare.getLhs()) && isExtent(compare.getRhs(), limit);
  });
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
/// An access that is linear but for one loop whose lanes are in panels, (l floordiv p, …, l mod p),
/// and perhaps one whose elements are in groups inside them, (l floordiv p, …, k floordiv g, …,
/// l mod p, k mod g).
struct PanelAccess {
  llvm::SmallVector<Dim> strides; // that of the lanes inside a panel, that from group to group
  int64_t loop = -1, group = -1;  // -1: there are none
  int64_t panel = 0;
  Dim panelStride;
};

/// The loop l and the number n of `l floordiv n` or `l mod n`.
std::optional<std::pair<int64_t, int64_t>> partOf(AffineExpr expr, AffineExprKind kind) {
  auto binary = llvm::dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary || binary.getKind() != kind)
    return std::nullopt;
  auto loop = llvm::dyn_cast<AffineDimExpr>(binary.getLHS());
  auto number = llvm::dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (!loop || !number)
    return std::nullopt;
  return std::pair<int64_t, int64_t>{loop.getPosition(), number.getValue()};
}

std::optional<PanelAccess> panelAccess(AffineMap map, Type tensor, unsigned loops) {
  PanelAccess access;
  if (auto strides = linearStrides(map, tensor, loops)) {
    access.strides = *strides;
    return access;
  }
  Dims dims = dimsOf(tensor);
  if (map.getNumResults() < 2)
    return std::nullopt;
  llvm::SmallVector<AffineExpr> inside(map.getResults());
  AffineExpr zero = getAffineConstantExpr(0, map.getContext());
  /// Where `loop floordiv n` is, of the `loop mod n` at the place; null: nowhere.
  auto numberFor = [&](size_t place) -> AffineExpr * {
    auto part = partOf(inside[place], AffineExprKind::Mod);
    if (!part || !isConstant(dims[place], part->second))
      return nullptr;
    auto *it =
        llvm::find(inside, getAffineDimExpr(part->first, map.getContext()).floorDiv(part->second));
    return it == inside.end() ? nullptr : it;
  };
  size_t lane = inside.size() - 1;
  if (partOf(inside[lane - 1], AffineExprKind::Mod)) {
    auto inGroup = partOf(inside[lane], AffineExprKind::Mod);
    AffineExpr *group = numberFor(lane);
    int64_t bytes = getElementTypeOrSelf(tensor).getIntOrFloatBitWidth() / 8;
    if (!group || inGroup->second * bytes != Contraction::groupBytes)
      return std::nullopt;
    access.group = inGroup->first;
    *group = getAffineDimExpr(access.group, map.getContext());
    inside[lane--] = zero;
  }
  AffineExpr *number = numberFor(lane);
  if (!number)
    return std::nullopt;
  std::tie(access.loop, access.panel) = *partOf(inside[lane], AffineExprKind::Mod);
  access.panelStride = rowMajorStrides(tensor)[number - inside.begin()];
  *number = zero;
  inside[lane] = getAffineDimExpr(access.loop, map.getContext());
  auto strides =
      linearStrides(AffineMap::get(map.getNumDims(), 0, inside, map.getContext()), tensor, loops);
  if (!strides)
    return std::nullopt;
  access.strides = *strides;
  return access;
}

/// What a body multiplies.
struct Product {
  bool isInteger = false, isBrain = false;
  std::array<bool, 2> isUnsigned = {}; // by input
};

/// What a factor of 32 bits is extended from, a byte or a bf16; null: neither.
Value extendedFrom(Value factor) {
  Operation *extension = factor.getDefiningOp();
  if (!llvm::isa_and_nonnull<arith::ExtSIOp, arith::ExtUIOp, arith::ExtFOp>(extension))
    return {};
  Value from = extension->getOperand(0);
  bool isByte = factor.getType().isInteger(32) && from.getType().isInteger(8);
  return isByte || (factor.getType().isF32() && from.getType().isBF16()) ? from : Value();
}

/// The product of its two inputs that the nest's body is: of floats, of bytes extended to 32 bits,
/// or of bf16 extended to f32.
std::optional<Product> productOf(exec::NestOp nest) {
  Block &body = nest.getBody().front();
  auto arguments = body.getArguments().take_back(2);
  Operation *op = body.getTerminator()->getOperand(0).getDefiningOp();
  size_t ops = std::distance(body.begin(), body.end());
  Product product;
  if (!llvm::isa_and_nonnull<arith::MulFOp, arith::MulIOp>(op))
    return std::nullopt;
  product.isInteger = llvm::isa<arith::MulIOp>(op);
  product.isBrain = !product.isInteger && ops == 4;
  if (ops != (product.isInteger || product.isBrain ? 4 : 2))
    return std::nullopt;
  llvm::SmallVector<Value> factors(op->getOperands());
  for (Value &factor : factors) {
    if (ops == 2)
      continue;
    Operation *extension = factor.getDefiningOp();
    factor = extendedFrom(factor);
    if (!factor)
      return std::nullopt;
    product.isUnsigned[factor == arguments[1]] = llvm::isa<arith::ExtUIOp>(extension);
  }
  if (!llvm::is_contained(factors, arguments[0]) || !llvm::is_contained(factors, arguments[1]))
    return std::nullopt;
  return product;
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
  if (nest.getCombiner() != exec::Combiner::Add || nest.getInputs().size() != 2 ||
      !accessMap(nest, 0) || !accessMap(nest, 1))
    return std::nullopt;
  auto product = productOf(nest);
  if (!product)
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
  if (first->loop >= 0 || (second->loop >= 0 && second->loop != c.lane) ||
      (second->group >= 0 && second->group < parallel))
    return std::nullopt;
  c.isInteger = product->isInteger;
  c.isBrain = product->isBrain;
  c.aUnsigned = product->isUnsigned[c.a];
  c.bUnsigned = product->isUnsigned[c.b];
  c.groupLoop = second->group;
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

Value halvesOf(Value value) {
  auto nest = value.getDefiningOp<exec::NestOp>();
  if (!nest || !isMap(nest) || nest.getInputs().size() != 1 || nest->getNumResults() != 1 ||
      !accessMap(nest, 0) || !accessMap(nest, 0).isIdentity() ||
      loopDims(nest) != dimsOf(nest.getInputs()[0]))
    return {};
  Block &body = nest.getBody().front();
  auto extension = body.getTerminator()->getOperand(0).getDefiningOp<arith::ExtFOp>();
  bool isOne = extension && extension.getIn() == body.getArguments().back() &&
               extension.getIn().getType().getIntOrFloatBitWidth() == 16 &&
               extension.getType().isF32();
  return isOne ? nest.getInputs()[0] : Value();
}

Value brainOf(Value value) {
  Value half = halvesOf(value);
  return half && getElementTypeOrSelf(half).isBF16() ? half : Value();
}

static bool readsSums(exec::NestOp nest) {
  return llvm::any_of(nest.getInputs(), [](Value input) {
    auto maker = input.getDefiningOp<exec::NestOp>();
    if (!maker || getElementTypeOrSelf(input).isInteger(8))
      return false;
    return matchContraction(maker) || (isMap(maker) && maker->hasOneUse() && readsSums(maker));
  });
}

bool narrowsSums(exec::NestOp nest) {
  return getElementTypeOrSelf(nest.getOutputs()[0]).isInteger(8) && !isMovement(nest) &&
         readsSums(nest);
}

std::optional<Factors> factorsOf(exec::NestOp nest) {
  Block &body = nest.getBody().front();
  if (nest.getCombiner() != exec::Combiner::Add || nest->getNumResults() != 1)
    return std::nullopt;
  auto product = body.getTerminator()->getOperand(0).getDefiningOp<arith::MulFOp>();
  if (!product)
    return std::nullopt;
  size_t ops = 2, loops = loopDims(nest).size(); // the product and the terminator
  auto inputOf = [&](Value factor) -> std::optional<unsigned> {
    if (auto extend = factor.getDefiningOp<arith::ExtFOp>()) {
      factor = extend.getIn();
      ++ops;
    }
    auto argument = llvm::dyn_cast<BlockArgument>(factor);
    if (!argument || argument.getArgNumber() < loops)
      return std::nullopt;
    unsigned input = argument.getArgNumber() - loops;
    return accessMap(nest, input) ? std::optional(input) : std::nullopt;
  };
  auto a = inputOf(product.getLhs()), b = inputOf(product.getRhs());
  if (!a || !b || a == b || body.getOperations().size() != ops)
    return std::nullopt;
  return Factors{*a, *b};
}

} // namespace ingot
