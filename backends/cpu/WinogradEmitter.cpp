// See WinogradEmitter.h. A unit of work is a block of tiles and a part of the filters; a task takes
// neighbouring units, and transforms the inputs of a block once for all of them. An output is
// always the same chain of operations, whatever the unit it falls into.
#include "backends/cpu/WinogradEmitter.h"
#include "backends/cpu/WinogradFunctions.h"

using namespace mlir;

namespace ingot::cpu {

WinogradEmitter::WinogradEmitter(KernelEmitter &emitter, exec::WinogradOp op)
    : e(emitter), cb(emitter.cb), op(op), matrices(op.getOutputs()), workspace(op),
      element(getElementTypeOrSelf(op.getResult())) {
  cb.lanes = e.context.target.lanes();
  Dims x = dimsOf(op.getX()), y = dimsOf(op.getResult());
  height = x[1].value();
  width = x[2].value();
  channels = x[3].value();
  rows = y[1].value();
  columns = y[2].value();
  filters = y[3].value();
  tileRows = llvm::divideCeilSigned(rows, matrices.outputs);
  tileColumns = llvm::divideCeilSigned(columns, matrices.outputs);
  bool isEven = llvm::divideCeilSigned(filters, exec::panelLanes) % 2 == 0;
  filterBlock = isEven ? exec::WinogradWorkspace::filters : exec::panelLanes;
}

Value WinogradEmitter::scratch(int64_t offset) {
  return cb.address(base, cb.integer(offset), element);
}

Dim WinogradEmitter::emit() {
  Dims y = dimsOf(op.getResult()), space = dimsOf(op.getWorkspace());
  int64_t blockTiles = op.getBlockTiles(), parts = op.getParts();
  Dim allTiles = y[0] * (tileRows * tileColumns);
  Dim units = allTiles.ceilDiv(blockTiles) * parts;
  int64_t blocksOfFilters = llvm::divideCeilSigned(filters, filterBlock),
          blocksOfPart = llvm::divideCeilSigned(blocksOfFilters, parts);

  base = cb.address(e.baseOf(op.getWorkspace()),
                    cb.mul(e.taskIndex, cb.integer(workspace.elements)), element);
  Value chunk = cb.ceilDiv(e.dim(units), cb.nonZero(e.dim(space[0])));
  Value low = cb.mul(e.taskIndex, chunk), high = cb.minimum(cb.add(low, chunk), e.dim(units));
  // Carried: the block whose inputs are transformed.
  cb.loop(low, high, 1, ValueRange{cb.integer(-1)}, [&](Value unit, ValueRange done) {
    Value block = cb.floorDiv(unit, cb.integer(parts)),
          part = cb.remainder(unit, cb.integer(parts));
    Value firstTile = cb.mul(block, cb.integer(blockTiles));
    Value tiles = cb.minimum(cb.integer(blockTiles), cb.sub(e.dim(allTiles), firstTile));
    Value isNew =
        arith::CmpIOp::create(cb.b, cb.loc, arith::CmpIPredicate::ne, block, done.front());
    cb.branch(isNew, [&] { transformInputs(firstTile, tiles); });
    Value first = cb.mul(part, cb.integer(blocksOfPart));
    Value end = cb.minimum(cb.add(first, cb.integer(blocksOfPart)), cb.integer(blocksOfFilters));
    cb.loop(first, end, 1, [&](Value filterBlockIndex) {
      Value filter = cb.mul(filterBlockIndex, cb.integer(filterBlock));
      multiply(filter, tiles);
      transformOutputs(filter, firstTile, tiles);
    });
    return llvm::SmallVector<Value>{block};
  });
  return space[0];
}

WinogradEmitter::Tile WinogradEmitter::tileAt(Value number) {
  Value line = cb.floorDiv(number, cb.integer(tileColumns)),
        column = cb.remainder(number, cb.integer(tileColumns));
  Value image = cb.floorDiv(line, cb.integer(tileRows)),
        row = cb.remainder(line, cb.integer(tileRows));
  Value side = cb.integer(matrices.outputs);
  return {image, cb.mul(row, side), cb.mul(column, side)};
}

void WinogradEmitter::transformInputs(Value firstTile, Value tiles) {
  auto function = winogradInput(e.context, matrices, channels % cb.lanes != 0);
  cb.loop(cb.integer(0), tiles, 1, [&](Value t) {
    Tile tile = tileAt(cb.add(firstTile, t));
    Value top = cb.sub(tile.row, cb.integer(op.getLow()[0])),
          left = cb.sub(tile.column, cb.integer(op.getLow()[1]));
    Value to = cb.address(base, cb.mul(t, cb.integer(channels)), element);
    auto call = [&](Value from, Value rowStride) {
      func::CallOp::create(cb.b, cb.loc, function,
                           ValueRange{from, rowStride, cb.integer(channels), to,
                                      cb.integer(workspace.inputStride), cb.integer(channels)});
    };
    // One comparison for 0 <= first <= last: as unsigned numbers.
    auto fits = [&](Value first, int64_t last) -> Value {
      if (last < 0)
        return arith::ConstantOp::create(cb.b, cb.loc, cb.b.getBoolAttr(false));
      return arith::CmpIOp::create(cb.b, cb.loc, arith::CmpIPredicate::ule, first,
                                   cb.integer(last));
    };
    Value inside = arith::AndIOp::create(cb.b, cb.loc, fits(top, height - matrices.points),
                                         fits(left, width - matrices.points));
    cb.branch(
        inside,
        [&] {
          Value line = cb.add(cb.mul(tile.image, cb.integer(height)), top);
          Value pixel = cb.add(cb.mul(line, cb.integer(width)), left);
          call(cb.address(e.baseOf(op.getX()), cb.mul(pixel, cb.integer(channels)), element),
               cb.integer(width * channels));
        },
        [&] { call(patchOf(tile, top, left), cb.integer(matrices.points * channels)); });
  });
}

/// A copy of the tile's inputs with zeros where there are none.
Value WinogradEmitter::patchOf(const Tile &tile, Value top, Value left) {
  Value patch = scratch(workspace.patch), none = cb.integer(0);
  auto count = cb.integer(matrices.points), size = cb.integer(channels);
  Value zero = arith::ConstantOp::create(cb.b, cb.loc, cb.b.getZeroAttr(element));
  cb.loop(none, count, 1, [&](Value i) {
    cb.loop(none, count, 1, [&](Value j) {
      Value row = cb.add(top, i), column = cb.add(left, j);
      auto isInside = [&](Value at, int64_t extent) {
        return arith::CmpIOp::create(cb.b, cb.loc, arith::CmpIPredicate::ult, at,
                                     cb.integer(extent));
      };
      Value inside =
          arith::AndIOp::create(cb.b, cb.loc, isInside(row, height), isInside(column, width));
      Value to = cb.address(patch, cb.mul(cb.add(cb.mul(i, count), j), size), element);
      Value line = cb.add(cb.mul(tile.image, cb.integer(height)), row);
      Value pixel = cb.add(cb.mul(line, cb.integer(width)), column);
      using At = ::ingot::cpu::Index;
      cb.branch(
          inside,
          [&] {
            Value from = cb.address(e.baseOf(op.getX()), cb.mul(pixel, size), element);
            e.laneLoop(none, size,
                       [&](At at) { e.storeTo(to, element, at, e.load(from, element, at)); });
          },
          [&] {
            e.laneLoop(none, size, [&](At at) { e.storeTo(to, element, at, cb.widen(zero)); });
          });
    });
  });
  return patch;
}

void WinogradEmitter::multiply(Value filter, Value tiles) {
  int64_t points = matrices.points * matrices.points;
  int64_t vectors = std::min<int64_t>(2, filterBlock / cb.lanes), step = vectors * cb.lanes;
  auto function = winogradProduct(e.context, vectors);
  int64_t ofPoint = channels * exec::panelLanes, ofPanel = points * ofPoint;
  Value panel = cb.floorDiv(filter, cb.integer(exec::panelLanes));
  Value kernel = cb.address(e.baseOf(op.getKernel()), cb.mul(panel, cb.integer(ofPanel)), element);
  cb.loop(cb.integer(0), cb.integer(points), 1, [&](Value point) {
    Value a = cb.address(base, cb.mul(point, cb.integer(workspace.inputStride)), element);
    Value b = cb.address(kernel, cb.mul(point, cb.integer(ofPoint)), element);
    Value c = cb.address(scratch(workspace.sums), cb.mul(point, cb.integer(workspace.sumsStride)),
                         element);
    for (int64_t lane = 0; lane < filterBlock; lane += step) {
      int64_t inKernel = lane / exec::panelLanes * ofPanel + lane % exec::panelLanes;
      func::CallOp::create(cb.b, cb.loc, function,
                           ValueRange{a, cb.integer(channels),
                                      cb.address(b, cb.integer(inKernel), element),
                                      cb.integer(ofPanel), cb.address(c, cb.integer(lane), element),
                                      cb.integer(filterBlock), tiles, cb.integer(channels)});
    }
  });
}

void WinogradEmitter::transformOutputs(Value filter, Value firstTile, Value tiles) {
  auto function = winogradOutput(e.context, matrices);
  cb.loop(cb.integer(0), tiles, 1, [&](Value t) {
    Value from = cb.address(scratch(workspace.sums), cb.mul(t, cb.integer(filterBlock)), element);
    func::CallOp::create(cb.b, cb.loc, function,
                         ValueRange{from, cb.integer(workspace.sumsStride), scratch(workspace.tile),
                                    cb.integer(filterBlock), cb.integer(filterBlock / cb.lanes)});
    emitEpilogue(tileAt(cb.add(firstTile, t)), filter);
  });
}

/// Stores the tile's outputs and runs the maps over them, pixel by pixel.
void WinogradEmitter::emitEpilogue(const Tile &tile, Value filter) {
  Value none = cb.integer(0), side = cb.integer(matrices.outputs);
  Value height = cb.minimum(side, cb.sub(cb.integer(rows), tile.row)),
        width = cb.minimum(side, cb.sub(cb.integer(columns), tile.column));
  cb.loop(none, height, 1, [&](Value i) {
    cb.loop(none, width, 1, [&](Value j) {
      Value pixel = cb.mul(cb.add(cb.mul(i, side), j), cb.integer(filterBlock));
      for (int64_t lane = 0; lane < filterBlock; lane += cb.lanes) {
        Value at = cb.add(filter, cb.integer(lane));
        if (filters % filterBlock != 0)
          e.mask = cb.firstLanes(cb.sub(cb.integer(filters), at));
        Value sum =
            cb.load(cb.address(scratch(workspace.tile), cb.add(pixel, cb.integer(lane)), element),
                    element, {});
        KernelEmitter::Indices point{cb.uniform(tile.image),
                                     cb.uniform(cb.add(tile.row, i)),
                                     cb.uniform(cb.add(tile.column, j)),
                                     {at, 1, {}}};
        e.finishPoint(op.getResult(), sum, point);
        e.mask = {};
      }
    });
  });
}

} // namespace ingot::cpu
