// Operators that read or write at indices given as tensors.
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;
using ingot::graph::ScatterKind;

namespace ingot::onnx {
namespace {

ScatterKind reductionOf(Node &node) {
  std::string reduction = node.attr("reduction", "none");
  if (reduction == "none")
    return ScatterKind::Set;
  if (reduction == "add")
    return ScatterKind::Add;
  if (reduction == "mul")
    return ScatterKind::Mul;
  if (reduction == "max")
    return ScatterKind::Max;
  if (reduction == "min")
    return ScatterKind::Min;
  node.invalid("attribute `reduction` is `" + reduction + "`");
}

/// The number in a tensor of dimensions `x` of what each element of `indices` means along `axis`,
/// its other indices being its own.
Expr placesAlong(Node &node, llvm::ArrayRef<Dim> x, Value indices, int64_t axis) {
  Dims dims = dimsOf(indices);
  if (dims.size() != x.size())
    node.invalid("indices of shape " + str(dims) + " for a tensor of shape " + str(x) +
                 "; as many dimensions are expected");
  Type integer = node.integerType();
  Expr along = fromStart(node, node.cast(indices, integer), x[axis]);
  llvm::SmallVector<Expr> all;
  for (int64_t d = 0; d < static_cast<int64_t>(x.size()); ++d) {
    bool tooLarge = x[d].isStatic() && dims[d].isStatic() && dims[d].value() > x[d].value();
    if (d != axis && tooLarge)
      node.invalid("indices of shape " + str(dims) + " leave a tensor of shape " + str(x));
    all.push_back(d == axis ? along : node.iota(dims, d, integer));
  }
  Expr place = placeOf(node, all, x);
  return graph::select(isInside(node, along, x[axis]), place, place.number(-1));
}

/// The number of the row that each of `indices` (…, k) names in the first dimensions of x, after
/// `batch` of its own: (…).
Expr rowsAt(Node &node, llvm::ArrayRef<Dim> x, Value indices, int64_t batch) {
  Dims dims = dimsOf(indices);
  if (dims.empty() || !dims.back().isStatic())
    node.unsupported("indices of shape " + str(dims) + ", whose last dimension is not fixed",
                     "fix it with --shape");
  int64_t depth = dims.back().value();
  if (batch + depth > static_cast<int64_t>(x.size()) || batch >= static_cast<int64_t>(dims.size()))
    node.invalid("indices of shape " + str(dims) + " name more dimensions than " + str(x) + " has");
  Type integer = node.integerType();
  Dims rows(dims.begin(), dims.end() - 1);
  llvm::SmallVector<Expr> all;
  for (int64_t d = 0; d < batch; ++d)
    all.push_back(node.iota(rows, d, integer));
  for (int64_t i = 0; i < depth; ++i)
    all.push_back(node.cast(component(node, indices, i), integer));
  if (all.empty())
    return node.splat(integer, rows, 0);
  return checkedPlaceOf(node, all, llvm::ArrayRef<Dim>(x).take_front(batch + depth));
}

/// The first `count` dimensions as one.
Expr asRows(Node &node, Value x, int64_t count) {
  Dims dims = dimsOf(x);
  llvm::ArrayRef<Dim> all(dims);
  Dims rows = {numElements(node.context(), all.take_front(count))};
  llvm::append_range(rows, all.drop_front(count));
  return node.reshape(x, rows);
}

} // namespace

void gatherElements(Node &node) {
  int64_t axis = node.axis(node.attr("axis", int64_t(0)), node.inputRank(0));
  node.set(0,
           elementsAt(node, node.in(0), placesAlong(node, dimsOf(node.in(0)), node.in(1), axis)));
}

void gatherNd(Node &node) {
  Dims x = dimsOf(node.in(0)), indices = dimsOf(node.in(1));
  int64_t batch = node.attr("batch_dims", int64_t(0));
  if (batch < 0 || batch > static_cast<int64_t>(std::min(x.size(), indices.size())))
    node.invalid("attribute `batch_dims` is " + llvm::Twine(batch));
  Expr rows = rowsAt(node, x, node.in(1), batch);
  node.set(0, gatherAlong(node, asRows(node, node.in(0), batch + indices.back().value()), rows, 0));
}

void scatterElements(Node &node) {
  Dims x = dimsOf(node.in(0));
  int64_t axis = node.axis(node.attr("axis", int64_t(0)), node.inputRank(0));
  Expr places = placesAlong(node, x, node.in(1), axis);
  Expr updates = withDims(node, node.in(2), places.dims(), "its tensor of updates");
  Expr result = scatterRows(node, flat(node, node.in(0)), flat(node, places), flat(node, updates),
                            reductionOf(node));
  node.set(0, node.reshape(result, x));
}

void scatterNd(Node &node) {
  Dims x = dimsOf(node.in(0)), indices = dimsOf(node.in(1));
  // How many dimensions an index names follows from the ranks too.
  int64_t depth = node.inputRank(1) - 1 + node.inputRank(0) - node.inputRank(2);
  if (indices.empty() || depth < 0 || depth > node.inputRank(0))
    node.invalid("indices of shape " + str(indices) + " and updates of shape " +
                 str(dimsOf(node.in(2))) + " for a tensor of shape " + str(x));
  indices.back() = node.dim(depth);
  Expr rows = rowsAt(node, x, withDims(node, node.in(1), indices, "its tensor of indices"), 0);
  Dims wanted = rows.dims();
  wanted.append(x.begin() + depth, x.end());
  Expr updates = withDims(node, node.in(2), wanted, "its tensor of updates");
  Expr result =
      scatterRows(node, asRows(node, node.in(0), depth), rows, updates, reductionOf(node));
  node.set(0, node.reshape(result, x));
}

/// Updates written into a cache from a place of each batch element's own on.
void tensorScatter(Node &node) {
  Dims x = dimsOf(node.in(0)), updates = dimsOf(node.in(1));
  int64_t rank = node.inputRank(0), axis = node.axis(node.attr("axis", int64_t(-2)), rank);
  if (updates.size() != x.size() || axis == 0)
    node.invalid("updates of shape " + str(updates) + " along axis " + llvm::Twine(axis) +
                 " for a cache of shape " + str(x));
  Dims wanted = x;
  wanted[axis] = updates[axis];
  Expr update = withDims(node, node.in(1), wanted, "its tensor of updates");
  Type integer = node.integerType();
  Dims rows(wanted.begin(), wanted.begin() + axis + 1);
  llvm::SmallVector<Expr> all;
  for (int64_t d = 0; d <= axis; ++d)
    all.push_back(node.iota(rows, d, integer));
  if (node.has(2)) {
    Dims first(axis + 1, node.dim(1));
    first[0] = x[0];
    Expr start = node.reshape(node.cast(node.in(2), integer), first);
    all[axis] = all[axis] + node.broadcastTo(start, rows);
  }
  std::string mode = node.attr("mode", "linear");
  if (mode != "linear" && mode != "circular")
    node.invalid("attribute `mode` is `" + mode + "`");
  if (mode == "circular")
    all[axis] = node.binary<graph::FloorModOp>(all[axis], sizeOf(node, x[axis]));
  Expr place = placeOf(node, all, llvm::ArrayRef(x).take_front(axis + 1));
  place = graph::select(isInside(node, all[axis], x[axis]), place, place.number(-1));
  Expr result = scatterRows(node, asRows(node, node.in(0), axis + 1), flat(node, place),
                            asRows(node, update, axis + 1), ScatterKind::Set);
  node.set(0, node.reshape(result, x));
}

/// The number that a scalar input gives a dimension, also as a float.
static Dim scalarSize(Node &node, size_t i) {
  node.expectCount(i, 1);
  if (auto value = node.constant(i)) {
    if (value->numElements() != 1)
      node.invalid("input " + llvm::Twine(i) + " has " + llvm::Twine(value->numElements()) +
                   " elements; one is expected");
    return node.dim(value->isFloat() ? static_cast<int64_t>(value->real(0)) : value->integer(0));
  }
  if (llvm::isa<FloatType>(node.inputElement(i))) {
    std::optional<Dims> fixed = node.fixedPoint(i);
    if (!fixed || fixed->size() != 1)
      node.unsupported("input " + llvm::Twine(i) + " determines a shape and is computed",
                       "make it a constant or an input of the model");
    return nonNegative(node, (*fixed)[0].floorDiv(int64_t(1) << 32));
  }
  Dims size = node.ints(i);
  if (size.size() != 1)
    node.invalid("input " + llvm::Twine(i) + " has " + llvm::Twine(size.size()) +
                 " elements; one is expected");
  return nonNegative(node, size[0]);
}

void oneHot(Node &node) {
  Dim depth = scalarSize(node, 1);
  Dims dims = dimsOf(node.in(0));
  int64_t axis = node.axis(node.attr("axis", int64_t(-1)), static_cast<int64_t>(dims.size()) + 1);
  dims.insert(dims.begin() + axis, node.dim(1));
  Type integer = node.integerType();
  Expr index = node.reshape(fromStart(node, node.cast(node.in(0), integer), depth), dims);
  dims[axis] = depth;
  Expr hit =
      graph::compare(Predicate::EQ, node.broadcastTo(index, dims), node.iota(dims, axis, integer));
  Expr values = withDims(node, node.in(2), {node.dim(2)}, "its tensor of values");
  node.set(0, graph::select(hit, component(node, values, 1), component(node, values, 0)));
}

void eyeLike(Node &node) {
  Dims dims = dimsOf(node.in(0));
  if (dims.size() != 2)
    node.invalid("it has an input of shape " + str(dims) + "; a matrix is expected");
  Type integer = node.integerType();
  Expr row = node.iota(dims, 0, integer), column = node.iota(dims, 1, integer);
  Expr hit =
      graph::compare(Predicate::EQ, column, row + static_cast<double>(node.attr("k", int64_t(0))));
  node.set(0, node.cast(hit, node.typeAttr("dtype", node.inputElement(0))));
}

/// The part of each matrix above or below its diagonal k.
void trilu(Node &node) {
  Dims dims = dimsOf(node.in(0));
  size_t rank = dims.size();
  if (rank < 2)
    node.invalid("it has an input of shape " + str(dims) + "; matrices are expected");
  Type integer = node.integerType();
  Dims matrix = {dims[rank - 2], dims[rank - 1]};
  Expr offset = node.iota(matrix, 1, integer) - node.iota(matrix, 0, integer);
  Expr k =
      node.has(1) ? node.reshape(node.cast(node.in(1), integer), {}) : node.splat(integer, {}, 0);
  bool upper = node.attr("upper", int64_t(1)) != 0;
  Expr kept = graph::compare(upper ? Predicate::GE : Predicate::LE, offset, k);
  Expr x = node.expr(0);
  node.set(0, graph::select(kept, x, node.splat(node.inputElement(0), {}, 0)));
}

/// The first elements of each sequence, as many as it is long, in opposite order.
void reverseSequence(Node &node) {
  Dims dims = dimsOf(node.in(0));
  int64_t time = node.attr("time_axis", int64_t(0)), batch = node.attr("batch_axis", int64_t(1));
  if (dims.size() < 2 || time + batch != 1 || time * batch != 0)
    node.invalid("its time axis is " + llvm::Twine(time) + " and its batch axis " +
                 llvm::Twine(batch) + " for an input of shape " + str(dims));
  Type integer = node.integerType();
  Dims rows = {dims[0], dims[1]}, lengths = {node.dim(1), node.dim(1)};
  lengths[batch] = dims[batch];
  Expr length = node.broadcastTo(node.reshape(node.cast(node.in(1), integer), lengths), rows);
  Expr at = node.iota(rows, time, integer);
  Expr isTurned = graph::compare(Predicate::LT, at, length);
  llvm::SmallVector<Expr> all = {at, at};
  all[batch] = node.iota(rows, batch, integer);
  all[time] = graph::select(isTurned, length - at - 1.0, at);
  node.set(0, gatherAlong(node, asRows(node, node.in(0), 2), placeOf(node, all, rows), 0));
}

/// The columns of x that the indices name.
void arrayFeatureExtractor(Node &node) {
  Dims dims = dimsOf(node.in(0)), indices = dimsOf(node.in(1));
  if (dims.empty())
    node.invalid("it has a scalar as input");
  Expr columns = gatherAlong(node, node.in(0), flat(node, node.in(1)), node.inputRank(0) - 1);
  Dims result = columns.dims();
  if (result.size() == 1)
    result.insert(result.begin(), node.dim(1));
  node.set(0, node.reshape(columns, result));
}

void binarizer(Node &node) {
  Expr x = node.expr(0);
  Expr above = graph::compare(Predicate::GT, x, x.number(node.attr("threshold", 0.0)));
  node.set(0, graph::select(above, x.number(1), x.number(0)));
}

} // namespace ingot::onnx
