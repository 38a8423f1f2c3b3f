// See TransposeEmitter.h. A task takes bands of as many rows as a vector has lanes, each with all
// of its columns.
#include "backends/cpu/TransposeEmitter.h"

using namespace mlir;

namespace ingot::cpu {

constexpr int64_t elementsPerTask = 16384;

TransposeEmitter::TransposeEmitter(KernelEmitter &emitter, exec::NestOp nest,
                                   Transposition transposition)
    : e(emitter), cb(emitter.cb), nest(nest), t(std::move(transposition)), loops(loopDims(nest)),
      element(memoryType(getElementTypeOrSelf(nest.getOutputs()[0]))) {
  cb.lanes = e.context.target.lanes();
}

std::optional<TransposeEmitter> TransposeEmitter::of(KernelEmitter &emitter) {
  auto stored = emitter.storedNests();
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

int64_t TransposeEmitter::count(llvm::ArrayRef<unsigned> group) {
  int64_t points = 1;
  for (unsigned loop : group)
    points *= extent(loop);
  return points;
}

/// The offset of a group's point of that number.
Value TransposeEmitter::place(Value number, llvm::ArrayRef<unsigned> group,
                              llvm::ArrayRef<int64_t> strides) {
  Value offset = cb.integer(0);
  for (unsigned loop : llvm::reverse(group)) {
    Value index = number;
    if (loop != group.front()) {
      index = cb.remainder(number, cb.integer(extent(loop)));
      number = cb.floorDiv(number, cb.integer(extent(loop)));
    }
    offset = cb.add(offset, cb.mul(index, cb.integer(strides[loop])));
  }
  return offset;
}

Dim TransposeEmitter::emit() {
  MLIRContext *context = cb.b.getContext();
  int64_t rows = count(t.rows), columns = count(t.columns), lanes = cb.lanes;
  Dims bands;
  for (unsigned loop : t.others)
    bands.push_back(loops[loop]);
  bands.push_back(Dim::constant(context, (rows + lanes - 1) / lanes));
  Dim units = numElements(context, bands);
  int64_t chunk = std::max<int64_t>(1, elementsPerTask / e.context.taskDivisor / (lanes * columns));
  int64_t turnedStart = 0; // where the result's rows that run backwards begin
  for (unsigned loop : t.rows)
    turnedStart += t.written[loop] < 0 ? -t.written[loop] * (extent(loop) - 1) : 0;

  e.chunkLoop(e.taskIndex, chunk, units, [&](Value low, Value high) {
    cb.loop(low, high, 1, [&](Value unit) {
      KernelEmitter::Indices point = e.delinearize(unit, bands);
      Value from = cb.integer(t.start), to = cb.integer(turnedStart);
      for (auto [i, loop] : llvm::enumerate(t.others)) {
        from = cb.add(from, cb.mul(point[i].base, cb.integer(t.read[loop])));
        to = cb.add(to, cb.mul(point[i].base, cb.integer(t.written[loop])));
      }
      from = cb.address(e.baseOf(t.source), from, element);
      to = cb.address(e.baseOf(nest.getOutputs()[0]), to, element);
      Value row = cb.mul(point.back().base, cb.integer(lanes));
      Value rowCount = rows % lanes == 0
                           ? Value()
                           : cb.minimum(cb.integer(lanes), cb.sub(cb.integer(rows), row));
      Values rowPlaces;
      for (int64_t r = 0; r < lanes; ++r)
        rowPlaces.push_back(place(cb.add(row, cb.integer(r)), t.rows, t.written));
      int64_t whole = columns / lanes * lanes;
      cb.loop(cb.integer(0), cb.integer(whole), lanes,
              [&](Value column) { emitSquare(from, to, row, rowPlaces, column, rowCount, {}); });
      if (whole < columns)
        emitSquare(from, to, row, rowPlaces, cb.integer(whole), rowCount,
                   cb.integer(columns - whole));
    });
  });
  return units.ceilDiv(chunk);
}

/// Null counts: the square is whole that way.
void TransposeEmitter::emitSquare(Value from, Value to, Value row, const Values &rowPlaces,
                                  Value column, Value rowCount, Value columnCount) {
  Type vector = cb.vectorOf(element);
  Value rowMask = rowCount ? cb.firstLanes(rowCount) : Value(),
        columnMask = columnCount ? cb.firstLanes(columnCount) : Value();
  Value zero = arith::ConstantOp::create(cb.b, cb.loc, cb.b.getZeroAttr(vector));
  int64_t present = columnCount ? *cb.constantOf(columnCount) : cb.lanes;
  Values vectors(cb.lanes, zero);
  for (int64_t c = 0; c < present; ++c) {
    Value at = cb.add(row, place(cb.add(column, cb.integer(c)), t.columns, t.read));
    Value p = cb.address(from, at, element);
    if (rowMask)
      vectors[c] = LLVM::MaskedLoadOp::create(cb.b, cb.loc, vector, p, rowMask, zero,
                                              cb.b.getI32IntegerAttr(4));
    else
      vectors[c] = LLVM::LoadOp::create(cb.b, cb.loc, vector, p, 4);
  }
  vectors = turned(vectors);
  for (auto [r, v] : llvm::enumerate(vectors)) {
    auto store = [&, r = r, v = v] {
      Value p = cb.address(to, cb.add(rowPlaces[r], column), element);
      if (columnMask)
        LLVM::MaskedStoreOp::create(cb.b, cb.loc, v, p, columnMask, 4);
      else
        LLVM::StoreOp::create(cb.b, cb.loc, v, p, 4);
    };
    if (!rowCount || r == 0) {
      store();
      continue;
    }
    Value exists = arith::CmpIOp::create(cb.b, cb.loc, arith::CmpIPredicate::slt,
                                         cb.integer(static_cast<int64_t>(r)), rowCount);
    auto branch = scf::IfOp::create(cb.b, cb.loc, exists, false);
    OpBuilder::InsertionGuard guard(cb.b);
    cb.b.setInsertionPoint(branch.thenBlock()->getTerminator());
    store();
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
