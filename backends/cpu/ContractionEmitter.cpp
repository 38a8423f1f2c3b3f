// Tiling of contractions and their epilogues. See ContractionEmitter.h.
//
// The unit of work is a tile: one point of the outer loops, a block of rows, a block of lanes. A
// result element is always the same chain of multiply-adds, whatever the tile it falls into.
#include "backends/cpu/ContractionEmitter.h"

using namespace mlir;

namespace ingot::cpu {
namespace {
constexpr int64_t flopsPerTask = 400000;
constexpr int64_t tasksOfBlocked = 8;      // of a contraction that walks its operands in blocks
constexpr int64_t scratchElements = 16384; // on the task's stack
} // namespace

llvm::SmallVector<ContractionEmitter::ReductionLoop>
ContractionEmitter::reductionLoops(exec::NestOp nest, const Contraction &c) {
  Dims loops = loopDims(nest);
  llvm::SmallVector<ReductionLoop> result;
  for (size_t l = nest.getParallel(); l < loops.size(); ++l) {
    if (isConstant(loops[l], 1))
      continue;
    ReductionLoop inner{loops[l], c.aStrides[l], c.bStrides[l]};
    // Two loops that walk both operands like one are one.
    if (!result.empty() && result.back().aStride == inner.aStride * inner.extent &&
        result.back().bStride == inner.bStride * inner.extent)
      result.back() = {result.back().extent * inner.extent, inner.aStride, inner.bStride};
    else
      result.push_back(inner);
  }
  return result;
}

bool ContractionEmitter::supports(exec::NestOp nest, const Contraction &c) {
  Type element = getElementTypeOrSelf(nest.getOutputs()[0]);
  return (element.isF32() || element.isF64()) && !c.isBrain && reductionLoops(nest, c).size() <= 4;
}

ContractionEmitter::ContractionEmitter(KernelEmitter &emitter, exec::NestOp nest,
                                       const Contraction &contraction)
    : e(emitter), cb(emitter.cb), nest(nest), c(contraction),
      element(getElementTypeOrSelf(nest.getOutputs()[0])), loops(loopDims(nest)) {
  cb.lanes = e.context.target.vectorBytes * 8 / element.getIntOrFloatBitWidth();
  Dim lane = loops[c.lane];
  bool registersAreMany = e.context.target.vectorRegisters >= 32;
  vectors = !lane.isStatic() || lane.value() <= cb.lanes ? 1 : 2;
  if (lane.isStatic() && (lane.value() + cb.lanes - 1) / cb.lanes == 3)
    vectors = 3; // all lanes at once, instead of two vectors and one
  maxRows = registersAreMany ? (vectors == 3 ? 8 : 14) : vectors == 3 ? 4 : vectors == 2 ? 6 : 8;
  if (c.row < 0) {
    maxRows = 1;
    while (lane.isStatic() && vectors < 4 && lane.value() > vectors * cb.lanes)
      ++vectors;
  } else if (loops[c.row].isStatic()) {
    joinRows();
    int64_t extent = std::max<int64_t>(1, rowCount().value());
    int64_t blocks = (extent + maxRows - 1) / maxRows;
    maxRows = (extent + blocks - 1) / blocks;
  }
  reductions = reductionLoops(nest, c);
  laneGroup = chooseLaneGroup();
  hasEpilogue = llvm::any_of(e.madeNests(), [&](exec::NestOp other) { return other != nest; });
}

/// Joins the loop before the rows with them where that makes fewer tiles: 7 rows of 7 are 9 tiles
/// of up to 6, not 14.
void ContractionEmitter::joinRows() {
  int64_t before = c.row - 1;
  if (before < 0 || before == c.lane || !loops[before].isStatic() ||
      !isConstant(c.bStrides[before], 0))
    return;
  int64_t rows = loops[c.row].value(), outer = loops[before].value();
  int64_t apart = outer * ((rows + maxRows - 1) / maxRows),
          together = (outer * rows + maxRows - 1) / maxRows;
  constexpr int64_t kWorth = 20; // one tile in so many pays for finding each row's place
  if (together + apart / kWorth < apart)
    outerRow = before;
}

Dim ContractionEmitter::rowCount() const {
  return outerRow < 0 ? loops[c.row] : loops[outerRow] * loops[c.row];
}

void ContractionEmitter::setRow(KernelEmitter::Indices &point, Value row) {
  if (outerRow < 0) {
    point[c.row] = cb.uniform(row);
    return;
  }
  auto [outer, inner] = splitRow(row);
  point[outerRow] = cb.uniform(outer);
  point[c.row] = cb.uniform(inner);
}

/// The points of outerRow and of c.row that the row is.
std::pair<Value, Value> ContractionEmitter::splitRow(Value row) {
  Value extent = cb.integer(loops[c.row].value());
  return {cb.floorDiv(row, extent), cb.remainder(row, extent)};
}

/// The place in A of the i-th row from `row` on, in elements from that of `row`.
Value ContractionEmitter::rowPlace(Value row, int64_t i) {
  if (outerRow < 0)
    return cb.mul(e.dim(c.aStrides[c.row]), cb.integer(i));
  auto absolute = [&](Value at) {
    auto [outer, inner] = splitRow(at);
    return cb.add(cb.mul(outer, e.dim(c.aStrides[outerRow])),
                  cb.mul(inner, e.dim(c.aStrides[c.row])));
  };
  return cb.sub(absolute(cb.add(row, cb.integer(i))), absolute(row));
}

/// The array of the rows' places.
Value ContractionEmitter::rowPlaces(Value row, int64_t rows) {
  auto fill = [&](int64_t count) {
    for (int64_t i = 1; i < count; ++i)
      LLVM::StoreOp::create(cb.b, cb.loc, rowPlace(row, i),
                            cb.address(places, cb.integer(i), cb.i64()), 8);
  };
  if (!places)
    (void)e.hoist([&] {
      places = LLVM::AllocaOp::create(cb.b, cb.loc, cb.pointer(), cb.i64(), cb.integer(maxRows), 8);
      if (outerRow < 0) // the same for every tile
        fill(maxRows);
      return places;
    });
  if (outerRow >= 0)
    fill(rows);
  return places;
}

/// How many blocks of lanes are taken through all rows before the next ones: as much of B as stays
/// in the cache meanwhile, so that it is read from memory once and A not more often than that
/// takes.
int64_t ContractionEmitter::chooseLaneGroup() {
  if (c.row < 0)
    return 0;
  int64_t bytes = element.getIntOrFloatBitWidth() / 8, depth = 1;
  for (const ReductionLoop &loop : reductions)
    depth *= estimate(loop.extent);
  int64_t cache = e.context.target.l2Bytes / 2, panel = depth * vectors * cb.lanes * bytes;
  bool canBlock = reductions.size() > 1; // long sums advance by blocks instead
  if (estimate(laneBlocks()) * panel <= cache || (panel > cache && canBlock))
    return 0;
  return std::max<int64_t>(1, cache / panel);
}

/// The outermost reduction loop and the number of its iterations for which what all blocks of lanes
/// read of B stays in the second-level cache, where each block of rows reads it again.
ContractionEmitter::Blocking ContractionEmitter::chooseBlocking(Dim units) {
  if (!units.isStatic() || units.value() < 2 || reductions.size() < 2 || laneGroup != 0)
    return {};
  double cache = static_cast<double>(e.context.target.l2Bytes) / 2;
  double bytes = element.isF64() ? 8 : 4;
  bytes *= static_cast<double>(estimate(loops[c.lane]));
  for (const ReductionLoop &loop : reductions)
    bytes *= static_cast<double>(estimate(loop.extent));
  if (bytes <= cache)
    return {};
  for (size_t l = 0;; ++l) {
    bytes /= static_cast<double>(estimate(reductions[l].extent));
    if (bytes <= cache || l + 2 == reductions.size())
      return {l, std::max<int64_t>(1, static_cast<int64_t>(cache / bytes))};
  }
}

/// Whether sums are so short that a call and a way through memory would take as long as they do.
/// Then the code of the register tile stands in the task, if an epilogue is short, too.
bool ContractionEmitter::chooseInPlace() {
  constexpr int64_t kShort = 400;   // products a sum
  constexpr int64_t kMostOps = 500; // of the epilogue of a tile
  int64_t depth = 1, ops = 1;
  for (const ReductionLoop &loop : reductions) {
    if (!loop.extent.isStatic() || !loop.aStride.isStatic() || !loop.bStride.isStatic())
      return false;
    depth *= loop.extent.value();
  }
  if (depth > kShort || (c.row >= 0 && !loops[c.row].isStatic()))
    return false;
  constexpr int64_t kFunction = 40; // ops of exp, tanh, …
  for (exec::NestOp other : e.kernel.getBody().getOps<exec::NestOp>())
    if (other != nest)
      for (Operation &op : other.getBody().front().without_terminator())
        ops += op.getDialect()->getNamespace() == "math" ? kFunction : 1;
  return ops * maxRows * vectors <= kMostOps;
}

Dim ContractionEmitter::emit() {
  MLIRContext *context = cb.b.getContext();
  Dim units = Dim::constant(context, 1);
  int64_t flops = 2 * maxRows * vectors * cb.lanes;
  for (auto [l, extent] : llvm::enumerate(loops)) {
    int64_t loop = l;
    if (loop >= static_cast<int64_t>(nest.getParallel()))
      flops *= estimate(extent);
    else if (loop == c.lane)
      units = units * extent.ceilDiv(vectors * cb.lanes);
    else if (loop == c.row)
      units = units * rowCount().ceilDiv(maxRows);
    else if (loop != outerRow)
      units = units * extent;
  }
  Blocking blocking = chooseBlocking(units);
  bool block = blocking.count != 0;
  int64_t chunk = std::max<int64_t>(1, flopsPerTask / e.context.taskDivisor / flops), tiles = 1;
  if (block) {
    // Enough tasks for the processors, each with as many tiles as share its operands.
    int64_t most = std::max<int64_t>(1, scratchElements / tileSize());
    tiles = chunk = std::min(most, (units.value() + tasksOfBlocked - 1) / tasksOfBlocked);
  }
  inPlace = !block && chooseInPlace();
  if ((hasEpilogue && !inPlace) || block)
    scratch = e.hoist([&] {
      return Value(LLVM::AllocaOp::create(cb.b, cb.loc, cb.pointer(), element,
                                          cb.integer(tiles * tileSize()), 64));
    });
  e.chunkLoop(e.taskIndex, chunk, units, [&](Value low, Value high) {
    if (block)
      return emitBlocked(low, high, blocking);
    cb.loop(low, high, 1,
            [&](Value unit) { forTile(unit, [&](const Tile &tile) { emitTile(tile); }); });
  });
  return units.ceilDiv(chunk);
}

/// All tiles of the task advance together through blocks of a reduction loop, their sums kept in
/// scratch. Each sum is still one chain in loop order.
void ContractionEmitter::emitBlocked(Value low, Value high, Blocking blocking) {
  auto sumsOf = [&](Value unit) {
    return cb.address(scratch, cb.mul(cb.sub(unit, low), cb.integer(tileSize())), element);
  };
  Value zero = arith::ConstantOp::create(cb.b, cb.loc, cb.b.getZeroAttr(cb.vectorOf(element)));
  Value all = cb.mul(cb.sub(high, low), cb.integer(tileSize()));
  cb.loop(cb.integer(0), all, cb.lanes, [&](Value i) {
    LLVM::StoreOp::create(cb.b, cb.loc, zero, cb.address(scratch, i, element),
                          element.getIntOrFloatBitWidth() / 8);
  });
  forSpans(blocking, {}, [&](const Span &span) {
    cb.loop(low, high, 1, [&](Value unit) {
      forTile(unit,
              [&](const Tile &tile) { callMicroKernel(tile, sumsOf(unit), tileStride(), &span); });
    });
  });
  cb.loop(low, high, 1, [&](Value unit) {
    forTile(unit, [&](const Tile &tile) { emitEpilogue(tile, sumsOf(unit)); });
  });
}

void ContractionEmitter::forSpans(Blocking blocking, llvm::SmallVector<Value> outer,
                                  llvm::function_ref<void(const Span &)> body) {
  bool isBlocked = outer.size() == blocking.loop;
  Value extent = e.dim(reductions[outer.size()].extent);
  cb.loop(cb.integer(0), extent, isBlocked ? blocking.count : 1, [&](Value i) {
    if (isBlocked)
      return body({outer, i, cb.minimum(cb.integer(blocking.count), cb.sub(extent, i))});
    llvm::SmallVector<Value> inner = outer;
    inner.push_back(i);
    forSpans(blocking, inner, body);
  });
}

void ContractionEmitter::forTile(Value unit, TileBody body) {
  Dims blocks(loops.begin(), loops.begin() + nest.getParallel());
  Dim one = Dim::constant(cb.b.getContext(), 1);
  Dim rowBlocks = c.row >= 0 ? rowCount().ceilDiv(maxRows) : one;
  blocks[c.lane] = rowBlocks;
  for (int64_t loop : {c.row, outerRow})
    if (loop >= 0)
      blocks[loop] = one;
  // The number of the unit: the group of lane blocks, then the rows, then the block in its group.
  Value lanesHere = e.dim(laneBlocks()), laneBlock = cb.integer(0);
  if (laneGroup != 0) {
    Value group = cb.integer(laneGroup),
          ofGroup = cb.mul(e.dim(numElements(cb.b.getContext(), blocks)), group);
    Value number = cb.floorDiv(unit, cb.nonZero(ofGroup));
    unit = cb.sub(unit, cb.mul(number, ofGroup));
    laneBlock = cb.mul(number, group);
    lanesHere = cb.minimum(group, cb.sub(lanesHere, laneBlock));
  }
  lanesHere = cb.nonZero(lanesHere);
  laneBlock = cb.add(laneBlock, cb.remainder(unit, lanesHere));
  KernelEmitter::Indices point = e.delinearize(cb.floorDiv(unit, lanesHere), blocks);
  Value rowBlock = point[c.lane].base;
  point.resize(loops.size(), cb.constant(0));

  forLaneBlock(laneBlock, [&](Value lane, int64_t vectorCount, Value tail, bool masked) {
    auto tile = [&](Value row, int64_t rows) {
      Tile made{point, row, lane, tail, rows, vectorCount, masked};
      made.point[c.lane] = cb.uniform(lane);
      if (c.row >= 0)
        setRow(made.point, row);
      body(made);
    };
    if (c.row < 0)
      return tile(cb.integer(0), 1);
    // Balanced blocks: 15 rows are 8 + 7, not 14 + 1.
    Dim extent = rowCount();
    if (extent.isStatic()) {
      int64_t count = rowBlocks.value(), high = extent.value() - count * (maxRows - 1);
      Value row = cb.mul(rowBlock, cb.integer(maxRows));
      if (high == count)
        return tile(row, maxRows);
      Value isHigh = arith::CmpIOp::create(cb.b, cb.loc, arith::CmpIPredicate::slt, rowBlock,
                                           cb.integer(high));
      cb.branch(
          isHigh, [&] { tile(row, maxRows); },
          [&] { tile(cb.sub(row, cb.sub(rowBlock, cb.integer(high))), maxRows - 1); });
      return;
    }
    Value rows = e.dim(extent), count = e.dim(rowBlocks);
    Value height = cb.ceilDiv(rows, count), row = cb.mul(rowBlock, height);
    Value here = cb.minimum(height, cb.sub(rows, row));
    cb.forEachCase(here, maxRows, [&](int64_t n) { tile(row, n); });
  });
}

void ContractionEmitter::forLaneBlock(Value block,
                                      llvm::function_ref<void(Value, int64_t, Value, bool)> body) {
  Dim extent = loops[c.lane];
  int64_t width = vectors * cb.lanes;
  Value lane = cb.mul(block, cb.integer(width));
  Value none = cb.integer(cb.lanes);
  if (!extent.isStatic()) {
    Value tail = cb.minimum(none, cb.sub(e.dim(extent), lane));
    return body(lane, vectors, tail, true);
  }
  int64_t full = extent.value() / width, rest = extent.value() % width;
  auto partial = [&] {
    int64_t restVectors = (rest + cb.lanes - 1) / cb.lanes,
            tail = rest - (restVectors - 1) * cb.lanes;
    body(lane, restVectors, cb.integer(tail), tail != cb.lanes);
  };
  if (rest == 0)
    return body(lane, vectors, none, false);
  if (full == 0)
    return partial();
  Value inside =
      arith::CmpIOp::create(cb.b, cb.loc, arith::CmpIPredicate::slt, block, cb.integer(full));
  cb.branch(inside, [&] { body(lane, vectors, none, false); }, partial);
}

Value ContractionEmitter::operandAt(const Tile &tile, unsigned input) {
  KernelEmitter::Indices at;
  for (AffineExpr expr : accessMap(nest, input).getResults())
    at.push_back(e.evaluate(expr, tile.point));
  Value tensor = nest.getInputs()[input];
  return cb.address(e.baseOf(tensor), e.linearize(tensor.getType(), at).base, element);
}

void ContractionEmitter::callMicroKernel(const Tile &tile, Value to, Value toStride,
                                         const Span *span) {
  auto pointer = [&](unsigned input, Dim ReductionLoop::*stride) {
    Value start = operandAt(tile, input);
    if (!span)
      return start;
    Value offset = cb.mul(span->first, e.dim(reductions[span->outer.size()].*stride));
    for (auto [i, loop] : llvm::zip(span->outer, reductions))
      offset = cb.add(offset, cb.mul(i, e.dim(loop.*stride)));
    return cb.address(start, offset, element);
  };
  Value zero = cb.integer(0);
  size_t blocked = span ? span->outer.size() : 0;
  llvm::SmallVector<Value> arguments{pointer(c.a, &ReductionLoop::aStride),
                                     pointer(c.b, &ReductionLoop::bStride), to,
                                     rowPlaces(tile.row, tile.rows), toStride};
  llvm::ArrayRef<ReductionLoop> inside = llvm::ArrayRef(reductions).drop_front(blocked);
  for (size_t l = inside.size(); l < 4; ++l)
    arguments.append({cb.integer(1), zero, zero});
  for (auto [l, loop] : llvm::enumerate(inside))
    arguments.append({span && l == 0 ? span->count : e.dim(loop.extent), e.dim(loop.aStride),
                      e.dim(loop.bStride)});
  bool crossesPanels = c.panel != 0 && tile.vectors * cb.lanes > c.panel;
  arguments.append({tile.tail, crossesPanels ? e.dim(c.panelStride) : zero});
  auto kernel = microKernel(
      e.context, element,
      {tile.rows, tile.vectors, tile.masked, span != nullptr, crossesPanels ? c.panel : 0});
  func::CallOp::create(cb.b, cb.loc, kernel, arguments);
}

void ContractionEmitter::emitTileInPlace(const Tile &tile) {
  TileOperands operands;
  operands.a = operandAt(tile, c.a);
  operands.b = operandAt(tile, c.b);
  for (int64_t i = 1; i < tile.rows; ++i)
    operands.rowPlaces.push_back(rowPlace(tile.row, i));
  bool crossesPanels = c.panel != 0 && tile.vectors * cb.lanes > c.panel;
  operands.columnPlaces = placesOfVectors(cb, tile.vectors, crossesPanels ? c.panel : 0,
                                          crossesPanels ? e.dim(c.panelStride) : Value());
  for (const ReductionLoop &loop : reductions)
    operands.loops.push_back({e.dim(loop.extent), e.dim(loop.aStride), e.dim(loop.bStride)});
  if (tile.masked)
    operands.tailMask = cb.firstLanes(tile.tail);
  Value zero = arith::ConstantOp::create(cb.b, cb.loc, cb.b.getZeroAttr(cb.vectorOf(element)));
  llvm::SmallVector<Value> sums(tile.rows * tile.vectors, zero);
  sums = sumProducts(cb, e.context.target, element, operands, sums);
  for (int64_t r = 0; r < tile.rows; ++r)
    for (int64_t v = 0; v < tile.vectors; ++v)
      finish(tile, cb.integer(r), v, sums[r * tile.vectors + v]);
}

void ContractionEmitter::emitTile(const Tile &tile) {
  if (inPlace)
    return emitTileInPlace(tile);
  if (hasEpilogue) {
    callMicroKernel(tile, scratch, tileStride(), nullptr);
    return emitEpilogue(tile, scratch);
  }
  Value result = nest.getOutputs()[0];
  auto parallel = llvm::ArrayRef<Index>(tile.point).take_front(nest.getParallel());
  Value to = cb.address(e.baseOf(result), e.linearize(result.getType(), parallel).base, element);
  Value stride = c.row >= 0 ? e.dim(rowMajorStrides(result.getType())[c.row]) : cb.integer(0);
  callMicroKernel(tile, to, stride, nullptr);
}

/// Stores the tile's sums and runs the maps over it, row by row.
void ContractionEmitter::emitEpilogue(const Tile &tile, Value sums) {
  int64_t together = e.hasFormulas() ? kVectorsOfFormulas : 1;
  cb.loop(cb.integer(0), cb.integer(tile.rows), 1, [&](Value r) {
    for (int64_t v = 0, next; v < tile.vectors; v = next) {
      Value at = cb.add(cb.mul(r, tileStride()), cb.integer(v * cb.lanes));
      next = std::min(tile.vectors, v + together);
      auto type = VectorType::get({(next - v) * cb.lanes}, element);
      finish(tile, r, v,
             LLVM::LoadOp::create(cb.b, cb.loc, type, cb.address(sums, at, element),
                                  element.getIntOrFloatBitWidth() / 8));
    }
  });
}

/// Stores what the tile has from its v-th vector on, one vector of it or several, and runs the maps
/// over it.
void ContractionEmitter::finish(const Tile &tile, Value row, int64_t v, Value sum) {
  int64_t lanes = cb.lanes, count = llvm::cast<VectorType>(sum.getType()).getNumElements() / lanes;
  KernelEmitter::Indices point(tile.point.begin(), tile.point.begin() + nest.getParallel());
  if (c.row >= 0)
    setRow(point, cb.add(tile.row, row));
  point[c.lane] = {cb.add(tile.lane, cb.integer(v * lanes)), 1, {}};
  cb.lanes = count * lanes;
  if (tile.masked && v + count == tile.vectors)
    e.mask = cb.firstLanes(cb.add(tile.tail, cb.integer((count - 1) * lanes)));
  e.finishPoint(nest.getOutputs()[0], sum, point);
  e.mask = {};
  cb.lanes = lanes;
}

} // namespace ingot::cpu
