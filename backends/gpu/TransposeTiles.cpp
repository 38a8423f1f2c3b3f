// Copies that read along other loops than they write: squares go through shared memory, so that
// neighbouring threads read neighbours and write neighbours. Part of DeviceKernelEmitter.
#include "backends/cpu/TransposeEmitter.h"
#include "backends/gpu/DeviceKernelEmitter.h"

using namespace mlir;

namespace ingot::gpu {

bool DeviceKernelEmitter::emitTransposition(DeviceCode &code) {
  constexpr int64_t side = 32; // of a square
  auto copy = cpu::TransposeEmitter::of(*this);
  if (!copy)
    return false;
  const Transposition &t = copy->transposition();
  exec::NestOp nest = copy->movement();
  Dims loops = loopDims(nest), tiles;
  for (unsigned loop : t.others)
    tiles.push_back(loops[loop]);
  Dim rowCount = copy->count(t.rows), columnCount = copy->count(t.columns);
  tiles.push_back(rowCount.ceilDiv(side));
  tiles.push_back(columnCount.ceilDiv(side));
  beginBlocks(code, numElements(builder.getContext(), tiles));
  Indices point = delinearize(taskIndex, tiles);
  Value from = cb.integer(t.start), to = cb.integer(0);
  for (auto [i, loop] : llvm::enumerate(t.others)) {
    from = cb.add(from, cb.mul(point[i].base, dim(t.read[loop])));
    to = cb.add(to, cb.mul(point[i].base, dim(t.written[loop])));
  }
  Value firstRow = cb.mul(point[t.others.size()].base, cb.integer(side)),
        firstColumn = cb.mul(point.back().base, cb.integer(side));
  Type element = getElementTypeOrSelf(nest.getOutputs()[0]);
  Value square = shared(cpu::memoryType(element), side * (side + 1));
  Value source = baseOf(t.source), result = baseOf(nest.getOutputs()[0]);
  Value fast = cb.remainder(thread, cb.integer(side)), slow = cb.floorDiv(thread, cb.integer(side));
  /// body(row, column, place in the square) where that is an element; rows or columns run fastest.
  auto forEach = [&](bool rowsRunFastest, llvm::function_ref<void(Value, Value, cpu::Index)> body) {
    for (int64_t i = 0; i < side; i += threads / side) {
      Value other = cb.add(slow, cb.integer(i));
      Value r = rowsRunFastest ? fast : other, c = rowsRunFastest ? other : fast;
      Value row = cb.add(firstRow, r), column = cb.add(firstColumn, c);
      cpu::Index at = cb.uniform(cb.add(cb.mul(c, cb.integer(side + 1)), r));
      Value inside = both(isBelow(row, rowCount, side), isBelow(column, columnCount, side));
      inside ? cb.branch(inside, [&] { body(row, column, at); }) : body(row, column, at);
    }
  };
  forEach(true, [&](Value row, Value column, cpu::Index at) {
    Value place = cb.add(cb.add(from, row), copy->place(column, t.columns, t.read));
    storeTo(square, element, at, load(source, element, cb.uniform(place)));
  });
  barrier();
  forEach(false, [&](Value row, Value column, cpu::Index at) {
    Value place = cb.add(cb.add(to, column), copy->place(row, t.rows, t.written));
    storeTo(result, element, cb.uniform(place), load(square, element, at));
  });
  return true;
}

} // namespace ingot::gpu
