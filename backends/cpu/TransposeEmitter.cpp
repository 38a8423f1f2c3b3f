// See TransposeEmitter.h. A task takes bands of as many rows as a vector has lanes, each with all
// of its columns.
#include "backends/cpu/TransposeEmitter.h"

using namespace mlir;

namespace ingot::cpu {

constexpr int64_t elementsPerTask = 16384;

TransposeEmitter::TransposeEmitter(KernelEmitter &emitter, exec::NestOp nest,
                                   Transposition transposition)
    : e(emitter), cb(emitter.cb), nest(nest), t(std::move(transposition)), loops(loopDims(nest)),
      element(memoryType(getElementTypeOrSelf(nest.getOutputs()[0]))) {}

std::optional<TransposeEmitter> TransposeEmitter::of(KernelEmitter &emitter) {
  auto stored = emitter.madeNests();
  if (stored.size() != 1 || !isMovement(stored.front()))
    return std::nullopt;
  exec::NestOp nest = stored.front();
  AffineMap map = accessMap(nest, 0);
  Value tensor = nest.getInputs()[0];
  for (auto inner = tensor.getDefiningOp<exec::NestOp>(); inner;
       inner = tensor.getDefiningOp<exec::NestOp>()) {
    if (!isMovement(inner))
      return std::nullopt;
    map = accessMap(inner, 0).compose(map);
    tensor = inner.getInputs()[0];
  }
  auto transposition = transpositionOf(nest, tensor, map);
  if (!transposition)
    return std::nullopt;
  return TransposeEmitter(emitter, nest, *transposition);
}

Dim TransposeEmitter::count(llvm::ArrayRef<unsigned> group) {
  Dim points = Dim::constant(cb.b.getContext(), 1);
  for (unsigned loop : group)
    points = points * loops[loop];
  return points;
}

Value TransposeEmitter::place(Value number, llvm::ArrayRef<unsigned> group,
                              llvm::ArrayRef<Dim> strides) {
  Value offset = cb.integer(0);
  for (unsigned loop : llvm::reverse(group)) {
    Value index = number;
    if (loop != group.front()) {
      Value extent = cb.integer(loops[loop].value());
      index = cb.remainder(number, extent);
      number = cb.floorDiv(number, extent);
    }
    if (t.backwards[loop])
      index = cb.sub(cb.integer(loops[loop].value() - 1), index);
    offset = cb.add(offset, cb.mul(index, e.dim(strides[loop])));
  }
  return offset;
}

Dim TransposeEmitter::emit() {
  cb.lanes = e.context.target.lanes();
  Dim rows = count(t.rows), columns = count(t.columns);
  int64_t lanes = cb.lanes;
  Dims bands;
  for (unsigned loop : t.others)
    bands.push_back(loops[loop]);
  bands.push_back(rows.ceilDiv(lanes));
  Dim units = numElements(cb.b.getContext(), bands);
  int64_t chunk =
      std::max<int64_t>(1, elementsPerTask / e.context.taskDivisor / (lanes * estimate(columns)));

  e.chunkLoop(e.taskIndex, chunk, units, [&](Value low, Value high) {
    cb.loop(low, high, 1, [&](Value unit) {
      KernelEmitter::Indices point = e.delinearize(unit, bands);
      Value from = cb.integer(t.start), to = cb.integer(0);
      for (auto [i, loop] : llvm::enumerate(t.others)) {
        from = cb.add(from, cb.mul(point[i].base, e.dim(t.read[loop])));
        to = cb.add(to, cb.mul(point[i].base, e.dim(t.written[loop])));
      }
      from = cb.address(e.baseOf(t.source), from, element);
      to = cb.address(e.baseOf(nest.getOutputs()[0]), to, element);
      Value row = cb.mul(point.back().base, cb.integer(lanes));
      bool isWhole = rows.value() % lanes == 0;
      Value rowCount = isWhole ? Value() : cb.minimum(cb.integer(lanes), cb.sub(e.dim(rows), row));
      Values rowPlaces;
      for (int64_t r = 0; r < lanes; ++r)
        rowPlaces.push_back(place(cb.add(row, cb.integer(r)), t.rows, t.written));
      Value end = e.dim(columns), whole = cb.sub(end, cb.remainder(end, cb.integer(lanes)));
      cb.loop(cb.integer(0), whole, lanes,
              [&](Value column) { emitSquare(from, to, row, rowPlaces, column, rowCount, {}); });
      if (columns.isStatic() && columns.value() % lanes == 0)
        return;
      Value some = arith::CmpIOp::create(cb.b, cb.loc, arith::CmpIPredicate::slt, whole, end);
      cb.branch(some,
                [&] { emitSquare(from, to, row, rowPlaces, whole, rowCount, cb.sub(end, whole)); });
    });
  });
  return units.ceilDiv(chunk);
}

/// Null counts: the square is whole that way.
void TransposeEmitter::emitSquare(Value from, Value to, Value row, const Values &rowPlaces,
                                  Value column, Value rowCount, Value columnCount) {
  Value rowMask = rowCount ? cb.firstLanes(rowCount) : Value(),
        columnMask = columnCount ? cb.firstLanes(columnCount) : Value();
  Value zero = arith::ConstantOp::create(cb.b, cb.loc, cb.b.getZeroAttr(cb.vectorOf(element)));
  Values vectors(cb.lanes, zero);
  for (int64_t c = 0; c < cb.lanes; ++c) {
    // Columns behind the last are read where that is, and not stored.
    Value here = cb.integer(c);
    if (columnCount && c > 0)
      here = cb.minimum(here, cb.sub(columnCount, cb.integer(1)));
    Value at = cb.add(row, place(cb.add(column, here), t.columns, t.read));
    vectors[c] = cb.load(cb.address(from, at, element), element, rowMask);
  }
  vectors = turned(vectors);
  for (auto [r, v] : llvm::enumerate(vectors)) {
    auto store = [&, r = r, v = v] {
      cb.store(v, cb.address(to, cb.add(rowPlaces[r], column), element), columnMask);
    };
    if (!rowCount || r == 0) {
      store();
      continue;
    }
    Value exists = arith::CmpIOp::create(cb.b, cb.loc, arith::CmpIPredicate::slt,
                                         cb.integer(static_cast<int64_t>(r)), rowCount);
    cb.branch(exists, store);
  }
}

/// The square on its other side: quarters off the diagonal change places, then those of the
/// quarters.
TransposeEmitter::Values TransposeEmitter::turned(Values v) {
  for (int64_t half = cb.lanes / 2; half >= 1; half /= 2)
    for (int64_t i = 0; i < cb.lanes; ++i) {
      if (i & half)
        continue;
      llvm::SmallVector<int64_t> upper, lower;
      for (int64_t lane = 0; lane < cb.lanes; ++lane) {
        upper.push_back(lane & half ? cb.lanes + lane - half : lane);
        lower.push_back(lane & half ? cb.lanes + lane : lane + half);
      }
      Value x = v[i], y = v[i + half];
      v[i] = vector::ShuffleOp::create(cb.b, cb.loc, x, y, upper);
      v[i + half] = vector::ShuffleOp::create(cb.b, cb.loc, x, y, lower);
    }
  return v;
}

} // namespace ingot::cpu
