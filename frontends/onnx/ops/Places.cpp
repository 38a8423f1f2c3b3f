// See Places.h.
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ImportGraph.h"
#include <cmath>
#include <limits>

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;

namespace ingot::onnx {

Dim nonNegative(Node &node, Dim size) {
  return node.importer.isNonNegative(size) ? size : node.importer.let(Dim::max(size, node.dim(0)));
}

std::optional<Dim> quotient(Node &node, Dim a, Dim b) {
  if (auto exact = Dim::exactDiv(a, b))
    return exact;
  if (a.isStatic() && b.isStatic())
    return std::nullopt;
  return node.importer.let(a.floorDiv(node.importer.let(b)));
}

Expr sizeOf(Node &node, Dim size) { return node.extent(size, node.integerType()); }

Expr fromStart(Node &node, Expr index, Dim size) {
  Expr isNegative = graph::compare(Predicate::LT, index, index.number(0));
  return graph::select(isNegative, index + sizeOf(node, size), index);
}

Expr isInside(Node &node, Expr index, Dim size) {
  Expr above = graph::compare(Predicate::GE, index, index.number(0));
  Expr below = graph::compare(Predicate::LT, index, sizeOf(node, size));
  return node.binary<graph::AndOp>(above, below);
}

Expr placeOf(Node &node, llvm::ArrayRef<Expr> indices, llvm::ArrayRef<Dim> dims) {
  Expr place = indices[0];
  for (size_t d = 1; d < indices.size(); ++d)
    place = place * sizeOf(node, dims[d]) + indices[d];
  return place;
}

Expr checkedPlaceOf(Node &node, llvm::ArrayRef<Expr> indices, llvm::ArrayRef<Dim> dims) {
  llvm::SmallVector<Expr> counted;
  std::optional<Expr> inside;
  for (auto [index, size] : llvm::zip(indices, dims)) {
    counted.push_back(fromStart(node, index, size));
    Expr here = isInside(node, counted.back(), size);
    inside = inside ? node.binary<graph::AndOp>(*inside, here) : here;
  }
  Expr place = placeOf(node, counted, dims);
  return graph::select(*inside, place, place.number(-1));
}

Expr flat(Node &node, Value x) { return node.reshape(x, {numElements(node.context(), dimsOf(x))}); }

Expr gatherAlong(Node &node, Value x, Value indices, int64_t axis) {
  return node.expr(node.make<graph::GatherOp>({x, indices}, {node.named("axis", axis)}));
}

Expr elementsAt(Node &node, Value x, Expr places) {
  return gatherAlong(node, flat(node, x), places, 0);
}

Expr scatterRows(Node &node, Value base, Value rows, Value updates, graph::ScatterKind kind) {
  Attribute attribute = graph::ScatterKindAttr::get(node.context(), kind);
  return node.expr(
      node.make<graph::ScatterOp>({base, rows, updates}, {node.named("kind", attribute)}));
}

Expr withDims(Node &node, Value x, llvm::ArrayRef<Dim> dims, const llvm::Twine &what) {
  Dims now = dimsOf(x);
  bool fits = now.size() == dims.size();
  for (size_t d = 0; fits && d < now.size(); ++d)
    fits = !now[d].isStatic() || !dims[d].isStatic() || now[d] == dims[d];
  if (!fits)
    node.invalid(what + " has the shape " + str(now) + "; " + str(dims) + " is expected");
  // One dimension at a time: the numbers of elements agree where the dimension does.
  for (size_t d = 0; d < now.size(); ++d) {
    if (now[d] == dims[d])
      continue;
    now[d] = dims[d];
    x = graph::ReshapeOp::create(node.builder(), node.loc, tensorType(now, graph::elementType(x)),
                                 x, graph::CountCheck::Plan);
  }
  return node.expr(x);
}

Value refusedUnlessZero(Node &node, Value x, Dim wrong) {
  Dim one = node.dim(1), zero = node.dim(0);
  if (wrong == zero)
    return x;
  // A leading dimension that is 1, or negative: refused even where there are no elements.
  Dims dims = dimsOf(x);
  dims.insert(dims.begin(), one + wrong * -2);
  Type element = graph::elementType(x);
  Value wide = graph::ReshapeOp::create(node.builder(), node.loc, tensorType(dims, element), x,
                                        graph::CountCheck::Plan);
  return graph::ReshapeOp::create(node.builder(), node.loc, x.getType(), wide,
                                  graph::CountCheck::Never);
}

Expr component(Node &node, Value x, int64_t i) {
  Dims dims = dimsOf(x), starts(dims.size(), node.dim(0)), sizes = dims;
  starts.back() = node.dim(i);
  sizes.back() = node.dim(1);
  Value part = graph::slice(node.builder(), node.loc, x, starts, sizes);
  sizes.pop_back();
  return node.reshape(part, sizes);
}

double leastOf(Type element) {
  if (llvm::isa<FloatType>(element))
    return -std::numeric_limits<double>::infinity();
  return element.isUnsignedInteger() ? 0 : -std::ldexp(1, element.getIntOrFloatBitWidth() - 1);
}

graph::Values inRegion(Node &node, OpBuilder &region, llvm::function_ref<graph::Values()> make) {
  OpBuilder &b = node.builder();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(region.getInsertionBlock(), region.getInsertionPoint());
  graph::Values values = make();
  region.setInsertionPointToEnd(b.getInsertionBlock());
  return values;
}

} // namespace ingot::onnx
