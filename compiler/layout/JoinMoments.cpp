// See JoinMoments.h.
#include "compiler/layout/JoinMoments.h"
#include "compiler/fusion/Structure.h"

using namespace mlir;

namespace ingot {
namespace {

/// A value in a nest's body, at the nest's loops as functions of those of a reduction.
struct Element {
  exec::NestOp nest;
  Value value;
  AffineMap loops;
};

/// A tensor's element, likewise.
struct Place {
  Value tensor;
  AffineMap at;
  bool operator==(const Place &other) const { return tensor == other.tensor && at == other.at; }
};

/// Where the element is read, or nothing where it is computed.
std::optional<Place> placeOf(Element element) {
  auto argument = llvm::dyn_cast<BlockArgument>(element.value);
  unsigned loops = element.loops.getNumResults();
  if (!argument || argument.getOwner() != &element.nest.getBody().front() ||
      argument.getArgNumber() < loops)
    return std::nullopt;
  unsigned input = argument.getArgNumber() - loops;
  AffineMap map = accessMap(element.nest, input);
  if (!map)
    return std::nullopt;
  return Place{element.nest.getInputs()[input], simplifyAffineMap(map.compose(element.loops))};
}

/// What a map computes for the place, or nothing.
std::optional<Element> madeAt(const Place &place) {
  auto nest = place.tensor.getDefiningOp<exec::NestOp>();
  if (!nest || !isMap(nest) || nest->getNumResults() != 1 || hasChecks(nest))
    return std::nullopt;
  return Element{nest, nest.getBody().front().getTerminator()->getOperand(0), place.at};
}

/// The operation that computes the element, in whichever nest.
template <class Op> std::pair<Op, Element> computedBy(Element element) {
  for (std::optional<Place> place; (place = placeOf(element));) {
    auto made = madeAt(*place);
    if (!made)
      return {};
    element = *made;
  }
  return {element.value.getDefiningOp<Op>(), element};
}

/// visit(place) for the places that the element is read at, each made of the next, until it says
/// that one is found.
bool findPlace(Element element, llvm::function_ref<bool(const Place &)> visit) {
  while (auto place = placeOf(element)) {
    if (visit(*place))
      return true;
    auto made = madeAt(*place);
    if (!made)
      return false;
    element = *made;
  }
  return false;
}

bool isSum(exec::NestOp nest) {
  if (nest.getCombiner() != exec::Combiner::Add || nest->getNumResults() != 1 ||
      static_cast<size_t>(nest.getParallel()) == loopDims(nest).size() || hasChecks(nest))
    return false;
  Type element = getElementTypeOrSelf(nest.getOutputs()[0]);
  return element.isF32() || element.isF64();
}

Element summand(exec::NestOp nest) {
  return {nest, nest.getBody().front().getTerminator()->getOperand(0),
          AffineMap::getMultiDimIdentityMap(loopDims(nest).size(), nest.getContext())};
}

/// Whether what a sum reads at `place` is in a multiprocessor's first cache until it is read again.
bool isShortRow(const Place &place, exec::NestOp nest) {
  constexpr int64_t mostElements = 1 << 14;
  Dims loops = loopDims(nest);
  auto strides = linearStrides(place.at, place.tensor.getType(), loops.size());
  int64_t elements = 1;
  for (size_t l = loops.size(); strides && l-- > static_cast<size_t>(nest.getParallel());) {
    if (isConstant(loops[l], 1))
      continue;
    if (!loops[l].isStatic() || !isConstant((*strides)[l], elements))
      return false;
    elements *= loops[l].value();
  }
  return strides && elements <= mostElements;
}

/// A sum of squared deviations, and the sum of the same elements.
struct Moments {
  exec::NestOp squares, sum;
  Place elements, centre; // at the loops of both; at their parallel ones
};

/// A sum before `squares` of the elements at the place.
exec::NestOp sumOf(const Place &place, exec::NestOp squares) {
  for (Operation *user : place.tensor.getUsers()) {
    auto sum = llvm::dyn_cast<exec::NestOp>(user);
    if (sum && sum->getBlock() == squares->getBlock() && sum->isBeforeInBlock(squares) &&
        isSum(sum) && sum.getParallel() == squares.getParallel() &&
        loopDims(sum) == loopDims(squares) && placeOf(summand(sum)) == place)
      return sum;
  }
  return nullptr;
}

std::optional<Moments> match(exec::NestOp nest) {
  if (!isSum(nest))
    return std::nullopt;
  auto [square, at] = computedBy<arith::MulFOp>(summand(nest));
  if (!square)
    return std::nullopt;
  auto [deviation, in] = computedBy<arith::SubFOp>({at.nest, square.getLhs(), at.loops});
  auto [other, otherIn] = computedBy<arith::SubFOp>({at.nest, square.getRhs(), at.loops});
  if (!deviation || deviation != other || in.loops != otherIn.loops)
    return std::nullopt;
  Moments moments{nest, nullptr, {}, {}};
  bool isFound = findPlace({in.nest, deviation.getLhs(), in.loops}, [&](const Place &place) {
    moments.elements = place;
    return (moments.sum = sumOf(place, nest)) != nullptr;
  });
  unsigned parallel = nest.getParallel();
  isFound = isFound && !isShortRow(moments.elements, nest) &&
            findPlace({in.nest, deviation.getRhs(), in.loops}, [&](const Place &place) {
              moments.centre = place;
              return llvm::none_of(llvm::seq(parallel, place.at.getNumDims()),
                                   [&](unsigned l) { return place.at.isFunctionOfDim(l); });
            });
  if (!isFound)
    return std::nullopt;
  return moments;
}

void join(const Moments &moments) {
  exec::NestOp sum = moments.sum, squares = moments.squares;
  OpBuilder b(sum);
  Location loc = sum.getLoc();
  Dims loops = loopDims(sum);
  const int64_t parallel = sum.getParallel();
  auto results = llvm::ArrayRef<Dim>(loops).take_front(parallel);
  Type element = getElementTypeOrSelf(sum.getOutputs()[0]);
  auto made = exec::nest(b, loc, loops, parallel, {{moments.elements.tensor, moments.elements.at}},
                         exec::Combiner::Moments, {element, element, element},
                         [&](OpBuilder &b, ValueRange, ValueRange x) -> llvm::SmallVector<Value> {
                           return {exec::scalarConstant(b, loc, element, 1), x[0],
                                   exec::scalarConstant(b, loc, element, 0)};
                         });
  Value count = made[0], mean = made[1], deviations = made[2];
  auto product = [&](OpBuilder &b, Value x, Value y) -> Value {
    return arith::MulFOp::create(b, loc, x, y);
  };
  Value total = exec::mapNest(b, loc, results, {count, mean}, element,
                              [&](OpBuilder &b, ValueRange x) { return product(b, x[0], x[1]); });

  b.setInsertionPoint(squares);
  auto identity = AffineMap::getMultiDimIdentityMap(parallel, b.getContext());
  AffineMap centre = AffineMap::get(parallel, 0, moments.centre.at.getResults(), b.getContext());
  Value around =
      exec::nest(b, squares.getLoc(), results, parallel,
                 {{count, identity},
                  {mean, identity},
                  {deviations, identity},
                  {moments.centre.tensor, centre}},
                 exec::Combiner::None, element,
                 [&](OpBuilder &b, ValueRange, ValueRange x) -> llvm::SmallVector<Value> {
                   Value distance = arith::SubFOp::create(b, loc, x[1], x[3]);
                   return {arith::AddFOp::create(b, loc, x[2],
                                                 product(b, x[0], product(b, distance, distance)))};
                 })[0];
  // The centre may be the sum.
  sum.getOutputs()[0].replaceAllUsesWith(total);
  squares.getOutputs()[0].replaceAllUsesWith(around);
  squares.erase();
  sum.erase();
}

} // namespace

void joinMoments(func::FuncOp function) {
  llvm::SmallVector<exec::NestOp> nests;
  function.walk([&](exec::NestOp nest) { nests.push_back(nest); });
  // What one joins erases its sum, which no other can have then.
  llvm::DenseSet<Operation *> gone;
  for (exec::NestOp nest : nests) {
    if (gone.contains(nest))
      continue;
    if (auto moments = match(nest)) {
      gone.insert(moments->sum);
      join(*moments);
    }
  }
}

} // namespace ingot
