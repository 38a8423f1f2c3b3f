// Tiling, packing and epilogues of contractions in groups. See GroupContractionEmitter.h.
#include "backends/cpu/GroupContractionEmitter.h"
#include "ir/exec/Winograd.h"

using namespace mlir;

namespace ingot::cpu {
namespace {
constexpr int64_t opsPerTask = 800000;
constexpr int64_t bytesOfGroup =
    exec::panelLanes * Contraction::groupBytes; // from a group to the next in B
int64_t ceilDiv(int64_t a, int64_t b) { return llvm::divideCeilSigned(a, b); }
} // namespace

/// Static reductions, which walk B as one contiguous loop over groups.
bool GroupContractionEmitter::supports(exec::NestOp nest, const Contraction &c) {
  Dims loops = loopDims(nest);
  int64_t step = exec::panelLanes * c.groupSize(); // elements of B from a group to the next
  if (c.groupLoop < 0 || !loops[c.lane].isStatic())
    return false;
  if (!loops[c.groupLoop].isStatic() || !isConstant(c.bStrides[c.groupLoop], step))
    return false;
  int64_t stride = step * ceilDiv(loops[c.groupLoop].value(), c.groupSize());
  for (int64_t l = static_cast<int64_t>(loops.size()) - 1,
               parallel = static_cast<int64_t>(nest.getParallel());
       l >= parallel; --l) {
    if (l == c.groupLoop || isConstant(loops[l], 1))
      continue;
    if (!loops[l].isStatic() || !isConstant(c.bStrides[l], stride))
      return false;
    stride *= loops[l].value();
  }
  return true;
}

GroupContractionEmitter::GroupContractionEmitter(KernelEmitter &emitter, exec::NestOp nest,
                                                 const Contraction &contraction)
    : e(emitter), cb(emitter.cb), nest(nest), c(contraction), loops(loopDims(nest)),
      element(memoryType(getElementTypeOrSelf(nest.getInputs()[contraction.b]))),
      groupSize(contraction.groupSize()) {
  cb.lanes = e.context.target.lanes();
  for (int64_t l = 0; l < static_cast<int64_t>(loops.size()); ++l) {
    if (l == c.lane || l == c.groupLoop || isConstant(loops[l], 1))
      continue;
    bool isReduction = l >= static_cast<int64_t>(nest.getParallel());
    (isReduction                    ? outerReductions
     : isConstant(c.bStrides[l], 0) ? rowLoops
                                    : outerLoops)
        .push_back(l);
  }
  inner = loops[c.groupLoop].value();
  innerGroups = ceilDiv(inner, groupSize);
  chooseTile();
  chooseDepthBlocks();
  chooseLaneGroup();
}

Dim GroupContractionEmitter::extentOf(llvm::ArrayRef<int64_t> list) const {
  Dim extent = Dim::constant(cb.b.getContext(), 1);
  for (int64_t l : list)
    extent = extent * loops[l];
  return extent;
}

/// As many rows as registers hold sums of, in blocks of about one height.
void GroupContractionEmitter::chooseTile() {
  Dim rows = extentOf(rowLoops);
  int64_t depth = extentOf(outerReductions).value() * innerGroups;
  format = groupFormat(e.context.target, c, rows, depth);
  RegisterTile tile = registerTile(e.context.target, format.unit, rows);
  vectors = tile.vectors;
  while (vectors > 1 && loops[c.lane].value() <= vectors / 2 * cb.lanes)
    vectors /= 2;
  laneBlocks = ceilDiv(loops[c.lane].value(), blockLanes());
  maxRows = tile.rows;
  if (rows.isStatic()) {
    int64_t count = std::max<int64_t>(1, rows.value());
    maxRows = ceilDiv(count, ceilDiv(count, maxRows));
  }
}

void GroupContractionEmitter::chooseDepthBlocks() {
  chunks = ceilDiv(innerGroups, format.depth);
  segments = extentOf(outerReductions).value() * chunks;
  segmentGroups = std::min(innerGroups, format.depth);
  segmentsAtOnce = chunks > 1 ? 1 : std::clamp<int64_t>(format.depth / segmentGroups, 1, segments);
}

/// Lanes that share packed rows: enough to make packing cheap, not more than a task's work or than
/// stays in the second-level cache.
void GroupContractionEmitter::chooseLaneGroup() {
  constexpr int64_t kLeastLanes = 64;
  int64_t depth = extentOf(outerReductions).value() * innerGroups;
  int64_t bytes = depth * blockLanes() * Contraction::groupBytes;
  int64_t ops = 2 * depth * blockLanes() * groupSize * maxRows;
  int64_t most = std::min(e.context.target.l2Bytes / 2 / bytes, opsPerTask / ops);
  groupBlocks = std::min(laneBlocks, std::max(most, ceilDiv(kLeastLanes, blockLanes())));
}

Dim GroupContractionEmitter::emit() {
  MLIRContext *context = cb.b.getContext();
  Dim units = Dim::constant(context, ceilDiv(laneBlocks, groupBlocks)) * extentOf(outerLoops) *
              extentOf(rowLoops).ceilDiv(maxRows);
  int64_t depth = extentOf(outerReductions).value() * inner;
  int64_t ops = 2 * maxRows * depth * groupBlocks * blockLanes();
  int64_t chunk = std::max<int64_t>(1, opsPerTask / e.context.taskDivisor / ops);
  auto scratch = [&](int64_t words) {
    return e.hoist([&]() -> Value {
      return LLVM::AllocaOp::create(cb.b, cb.loc, cb.pointer(), cb.b.getI32Type(),
                                    cb.integer(words), 64);
    });
  };
  rowScratch = scratch(maxRows * format.rowsEach() * format.depth);
  sumScratch = scratch(tileSize() * (segmentsAtOnce == segments ? 1 : groupBlocks));
  e.chunkLoop(e.taskIndex, chunk, units, [&](Value low, Value high) {
    cb.loop(low, high, 1, [&](Value number) { emitUnit(unitOf(number)); });
  });
  return units.ceilDiv(chunk);
}

/// Units are numbered by lane group, then the outer loops, then blocks of rows.
GroupContractionEmitter::Unit GroupContractionEmitter::unitOf(Value number) {
  Dim rowBlocks = extentOf(rowLoops).ceilDiv(maxRows);
  Unit unit;
  Value blocks = cb.nonZero(e.dim(rowBlocks));
  unit.row = cb.mul(cb.remainder(number, blocks), cb.integer(maxRows));
  unit.rows = cb.minimum(cb.integer(maxRows), cb.sub(e.dim(extentOf(rowLoops)), unit.row));
  number = cb.floorDiv(number, blocks);
  Value outerCount = cb.nonZero(e.dim(extentOf(outerLoops)));
  Dims outerDims;
  for (int64_t l : outerLoops)
    outerDims.push_back(loops[l]);
  unit.outer = e.delinearize(cb.remainder(number, outerCount), outerDims);
  unit.firstBlock = cb.mul(cb.floorDiv(number, outerCount), cb.integer(groupBlocks));
  unit.endBlock =
      cb.minimum(cb.add(unit.firstBlock, cb.integer(groupBlocks)), cb.integer(laneBlocks));
  return unit;
}

/// The point of all loops at the row, at the first lane and the start of the sum.
KernelEmitter::Indices GroupContractionEmitter::pointOf(const Unit &unit, Value row) {
  KernelEmitter::Indices point(loops.size(), cb.constant(0));
  for (auto [l, index] : llvm::zip(outerLoops, unit.outer))
    point[l] = index;
  Dims rowDims;
  for (int64_t l : rowLoops)
    rowDims.push_back(loops[l]);
  for (auto [l, index] : llvm::zip(rowLoops, e.delinearize(row, rowDims)))
    point[l] = index;
  return point;
}

Value GroupContractionEmitter::operandAt(llvm::ArrayRef<Index> point, unsigned input) {
  KernelEmitter::Indices at;
  for (AffineExpr expr : accessMap(nest, input).getResults())
    at.push_back(e.evaluate(expr, point));
  Value tensor = nest.getInputs()[input];
  return cb.address(e.baseOf(tensor), e.linearize(tensor.getType(), at).base, element);
}

void GroupContractionEmitter::emitUnit(const Unit &unit) {
  if (segmentsAtOnce == segments) {
    packRows(unit, cb.integer(0), cb.integer(segments));
    forLaneBlocks(unit, [&](Value block, int64_t vectorCount, int64_t tail) {
      callKernel(unit, block, vectorCount, cb.integer(0), cb.integer(segments * segmentGroups),
                 sumScratch, false);
      emitEpilogue(unit, block, vectorCount, tail, sumScratch);
    });
    return;
  }
  Type i32 = cb.b.getI32Type(); // or an f32, whose zero is the same
  auto sumsOf = [&](Value block) {
    Value number = cb.sub(block, unit.firstBlock);
    return cb.address(sumScratch, cb.mul(number, cb.integer(tileSize())), i32);
  };
  Value zero = arith::ConstantOp::create(cb.b, cb.loc, cb.b.getZeroAttr(cb.vectorOf(i32)));
  cb.loop(cb.integer(0), cb.integer(tileSize() * groupBlocks), cb.lanes, [&](Value i) {
    LLVM::StoreOp::create(cb.b, cb.loc, zero, cb.address(sumScratch, i, i32), 4);
  });
  cb.loop(cb.integer(0), cb.integer(segments), segmentsAtOnce, [&](Value segment) {
    Value end = cb.minimum(cb.add(segment, cb.integer(segmentsAtOnce)), cb.integer(segments));
    packRows(unit, segment, end);
    Value groups = cb.mul(cb.sub(end, segment), cb.integer(segmentGroups));
    if (chunks > 1) // one segment: a chunk of the inner loop
      groups = cb.minimum(
          groups, cb.sub(cb.integer(innerGroups), cb.mul(cb.remainder(segment, cb.integer(chunks)),
                                                         cb.integer(segmentGroups))));
    forLaneBlocks(unit, [&](Value block, int64_t vectorCount, int64_t) {
      callKernel(unit, block, vectorCount, segment, groups, sumsOf(block), true);
    });
  });
  forLaneBlocks(unit, [&](Value block, int64_t vectorCount, int64_t tail) {
    emitEpilogue(unit, block, vectorCount, tail, sumsOf(block));
  });
}

/// Packs the unit's rows of A for the segments.
void GroupContractionEmitter::packRows(const Unit &unit, Value firstSegment, Value endSegment) {
  Type i32 = cb.b.getI32Type();
  cb.loop(cb.integer(0), unit.rows, 1, [&](Value r) {
    Value from = operandAt(pointOf(unit, cb.add(unit.row, r)), c.a);
    Value to = cb.address(rowScratch, cb.mul(r, cb.integer(format.rowsEach() * format.depth)), i32);
    if (chunks == 1 && segmentsAtOnce == segments)
      return packSegments(0, from, cb.integer(0), to);
    cb.loop(firstSegment, endSegment, 1, [&](Value segment) {
      Value place = cb.mul(cb.sub(segment, firstSegment), cb.integer(segmentGroups));
      packSegment(from, segment, cb.address(to, place, i32));
    });
  });
}

/// All segments of a row, the outer reductions from number `next` on: `number` counts those before.
void GroupContractionEmitter::packSegments(size_t next, Value from, Value number, Value to) {
  if (next == outerReductions.size()) {
    Value place = cb.mul(number, cb.integer(segmentGroups));
    return packRun(from, cb.integer(inner), {}, cb.address(to, place, cb.b.getI32Type()));
  }
  Dim extent = loops[outerReductions[next]], stride = c.aStrides[outerReductions[next]];
  cb.loop(cb.integer(0), e.dim(extent), 1, [&](Value i) {
    Value at = cb.address(from, cb.mul(i, e.dim(stride)), element);
    packSegments(next + 1, at, cb.add(cb.mul(number, e.dim(extent)), i), to);
  });
}

/// One segment by its number.
void GroupContractionEmitter::packSegment(Value from, Value segment, Value to) {
  Dims outerDims;
  for (int64_t l : outerReductions)
    outerDims.push_back(loops[l]);
  Value chunk = cb.remainder(segment, cb.integer(chunks)), offset = cb.integer(0);
  auto at = e.delinearize(cb.floorDiv(segment, cb.integer(chunks)), outerDims);
  for (auto [l, index] : llvm::zip(outerReductions, at))
    offset = cb.add(offset, cb.mul(index.base, e.dim(c.aStrides[l])));
  Value first = cb.mul(chunk, cb.integer(segmentGroups * groupSize));
  offset = cb.add(offset, cb.mul(first, e.dim(c.aStrides[c.groupLoop])));
  Value count = cb.integer(inner), isLast;
  if (chunks > 1) {
    count = cb.minimum(cb.integer(segmentGroups * groupSize), cb.sub(count, first));
    isLast = arith::CmpIOp::create(cb.b, cb.loc, arith::CmpIPredicate::eq, chunk,
                                   cb.integer(chunks - 1));
  }
  packRun(cb.address(from, offset, element), count, isLast, to);
}

/// Packs so many elements of the inner loop. The last run of a row (null: each is) ends with a
/// group that is not full, where the loop's extent says so.
void GroupContractionEmitter::packRun(Value from, Value count, Value isLast, Value to) {
  Type i32 = cb.b.getI32Type();
  Value size = cb.integer(groupSize), groups = cb.floorDiv(count, size), done = cb.integer(0);
  unsigned alignment = element.getIntOrFloatBitWidth() / 8;
  if (isConstant(c.aStrides[c.groupLoop], 1)) {
    auto load = [&](Type type, Value group) -> Value {
      return LLVM::LoadOp::create(cb.b, cb.loc, type,
                                  cb.address(from, cb.mul(group, size), element), alignment);
    };
    done = cb.sub(groups, cb.remainder(groups, cb.integer(cb.lanes)));
    cb.loop(cb.integer(0), done, cb.lanes,
            [&](Value g) { storeGroups(load(cb.vectorOf(i32), g), to, g); });
    cb.loop(done, groups, 1,
            [&](Value g) { storeGroups(load(VectorType::get({1}, i32), g), to, g); });
  } else {
    cb.loop(done, groups, 1,
            [&](Value g) { storeGroups(groupOfElements(from, g, groupSize), to, g); });
  }
  int64_t rest = inner % groupSize;
  if (rest == 0)
    return;
  auto end = [&] { storeGroups(lastGroup(from, groups, rest), to, groups); };
  if (isLast)
    cb.branch(isLast, end);
  else
    end();
}

/// The group at the end of the inner loop, which has so many elements.
Value GroupContractionEmitter::lastGroup(Value from, Value group, int64_t count) {
  if (inner < groupSize || chunks > 1 || !isConstant(c.aStrides[c.groupLoop], 1))
    return groupOfElements(from, group, count);
  // The last elements, less those that the group before has.
  auto type = VectorType::get({1}, cb.b.getI32Type());
  unsigned bits = element.getIntOrFloatBitWidth();
  Value last = LLVM::LoadOp::create(
      cb.b, cb.loc, type, cb.address(from, cb.integer(inner - groupSize), element), bits / 8);
  Value places = arith::ConstantOp::create(
      cb.b, cb.loc,
      DenseElementsAttr::get(
          type, cb.b.getI32IntegerAttr(static_cast<int32_t>(bits * (groupSize - count)))));
  return arith::ShRUIOp::create(cb.b, cb.loc, last, places);
}

/// A group of A, element by element; zeros behind the first `count`.
Value GroupContractionEmitter::groupOfElements(Value from, Value group, int64_t count) {
  Type i32 = cb.b.getI32Type();
  unsigned bits = element.getIntOrFloatBitWidth();
  Value all;
  for (int64_t i = 0; i < count; ++i) {
    Value at = cb.mul(cb.add(cb.mul(group, cb.integer(groupSize)), cb.integer(i)),
                      e.dim(c.aStrides[c.groupLoop]));
    Value one =
        LLVM::LoadOp::create(cb.b, cb.loc, element, cb.address(from, at, element), bits / 8);
    Value wide = arith::ExtUIOp::create(cb.b, cb.loc, i32, one);
    Value places = arith::ConstantOp::create(
        cb.b, cb.loc, cb.b.getI32IntegerAttr(static_cast<int32_t>(bits * i)));
    wide = arith::ShLIOp::create(cb.b, cb.loc, wide, places);
    all = all ? Value(arith::OrIOp::create(cb.b, cb.loc, all, wide)) : wide;
  }
  return vector::BroadcastOp::create(cb.b, cb.loc, VectorType::get({1}, i32), all);
}

/// Stores groups (a vector of i32) as the instructions want them.
void GroupContractionEmitter::storeGroups(Value groups, Value to, Value at) {
  Type i32 = cb.b.getI32Type();
  auto put = [&](Value v, int64_t row) {
    Value place = cb.address(cb.address(to, at, i32), cb.integer(row * format.depth), i32);
    LLVM::StoreOp::create(cb.b, cb.loc, v, place, 4);
  };
  if (format.isWhole())
    return put(groups, 0);
  auto type = llvm::cast<VectorType>(groups.getType());
  if (format.isBrain) { // the bits of an f32 begin with those of the bf16
    auto all = [&](int32_t bits) -> Value {
      return arith::ConstantOp::create(cb.b, cb.loc,
                                       DenseElementsAttr::get(type, cb.b.getI32IntegerAttr(bits)));
    };
    put(arith::ShLIOp::create(cb.b, cb.loc, groups, all(16)), 0);
    return put(arith::AndIOp::create(cb.b, cb.loc, groups, all(-0x10000)), 1);
  }
  auto words = VectorType::get({2 * type.getNumElements()}, cb.b.getI16Type());
  Value both = LLVM::BitcastOp::create(cb.b, cb.loc, words, groups);
  Value eight = arith::ConstantOp::create(cb.b, cb.loc,
                                          DenseElementsAttr::get(words, cb.b.getI16IntegerAttr(8)));
  auto high = [&](Value v) -> Value {
    if (c.aUnsigned)
      return arith::ShRUIOp::create(cb.b, cb.loc, v, eight);
    return arith::ShRSIOp::create(cb.b, cb.loc, v, eight);
  };
  Value low = high(arith::ShLIOp::create(cb.b, cb.loc, both, eight));
  put(LLVM::BitcastOp::create(cb.b, cb.loc, type, low), 0);
  put(LLVM::BitcastOp::create(cb.b, cb.loc, type, high(both)), 1);
}

/// body(block, its vectors, valid lanes of the last one, or 0 for all)
void GroupContractionEmitter::forLaneBlocks(
    const Unit &unit, llvm::function_ref<void(Value, int64_t, int64_t)> body) {
  int64_t full = loops[c.lane].value() / blockLanes(), rest = loops[c.lane].value() % blockLanes();
  cb.loop(unit.firstBlock, unit.endBlock, 1, [&](Value block) {
    auto whole = [&] { body(block, vectors, 0); };
    auto partial = [&] { body(block, ceilDiv(rest, cb.lanes), rest % cb.lanes); };
    if (rest == 0)
      return whole();
    if (full == 0)
      return partial();
    Value inside =
        arith::CmpIOp::create(cb.b, cb.loc, arith::CmpIPredicate::slt, block, cb.integer(full));
    cb.branch(inside, whole, partial);
  });
}

void GroupContractionEmitter::callKernel(const Unit &unit, Value block, int64_t vectorCount,
                                         Value segment, Value groups, Value sums,
                                         bool accumulates) {
  KernelEmitter::Indices point = pointOf(unit, unit.row);
  point[c.lane] = cb.uniform(cb.mul(block, cb.integer(blockLanes())));
  // Groups before the segment: of whole iterations, and of chunks in one.
  Value before = cb.mul(cb.floorDiv(segment, cb.integer(chunks)), cb.integer(innerGroups));
  before =
      cb.add(before, cb.mul(cb.remainder(segment, cb.integer(chunks)), cb.integer(segmentGroups)));
  Value b =
      cb.address(operandAt(point, c.b), cb.mul(before, cb.integer(bytesOfGroup)), cb.b.getI8Type());
  int64_t elementBytes = element.getIntOrFloatBitWidth() / 8;
  llvm::SmallVector<Value> arguments{rowScratch, b, sums, groups,
                                     cb.mul(e.dim(c.panelStride), cb.integer(elementBytes))};
  if (format.unit == GroupUnit::Tiles)
    return callTileKernel(unit, vectorCount, accumulates, arguments);
  auto call = [&](int64_t rows) {
    auto kernel = groupKernel(e.context, format, {rows, vectorCount, accumulates});
    func::CallOp::create(cb.b, cb.loc, kernel, arguments);
  };
  Dim all = extentOf(rowLoops);
  if (!all.isStatic())
    return cb.forEachCase(unit.rows, maxRows, call);
  int64_t rest = all.value() % maxRows;
  if (rest == 0)
    return call(maxRows);
  if (all.value() < maxRows)
    return call(rest);
  Value isWhole =
      arith::CmpIOp::create(cb.b, cb.loc, arith::CmpIPredicate::eq, unit.rows, cb.integer(maxRows));
  cb.branch(isWhole, [&] { call(maxRows); }, [&] { call(rest); });
}

/// The rows of the unit are one tile or two.
void GroupContractionEmitter::callTileKernel(const Unit &unit, int64_t vectorCount,
                                             bool accumulates, llvm::ArrayRef<Value> arguments) {
  llvm::SmallVector<Value> all(arguments);
  all.push_back(unit.rows);
  auto call = [&](int64_t tiles) {
    auto kernel = tileKernel(e.context, format, {tiles, vectorCount, accumulates});
    func::CallOp::create(cb.b, cb.loc, kernel, all);
  };
  if (maxRows <= tileRows)
    return call(1);
  Value isOne = arith::CmpIOp::create(cb.b, cb.loc, arith::CmpIPredicate::sle, unit.rows,
                                      cb.integer(tileRows));
  cb.branch(isOne, [&] { call(1); }, [&] { call(2); });
}

/// Stores the sums of a block and runs the maps over them, row by row.
void GroupContractionEmitter::emitEpilogue(const Unit &unit, Value block, int64_t vectorCount,
                                           int64_t tail, Value sums) {
  Type type = format.sums(cb.b);
  Value lane = cb.mul(block, cb.integer(blockLanes()));
  cb.loop(cb.integer(0), unit.rows, 1, [&](Value r) {
    KernelEmitter::Indices point = pointOf(unit, cb.add(unit.row, r));
    point.truncate(nest.getParallel());
    for (int64_t v = 0; v < vectorCount; ++v) {
      point[c.lane] = {cb.add(lane, cb.integer(v * cb.lanes)), 1, {}};
      Value at = cb.add(cb.mul(r, cb.integer(vectorCount * cb.lanes)), cb.integer(v * cb.lanes));
      Value sum =
          LLVM::LoadOp::create(cb.b, cb.loc, cb.vectorOf(type), cb.address(sums, at, type), 4);
      if (tail != 0 && v + 1 == vectorCount)
        e.mask = cb.firstLanes(cb.integer(tail));
      e.finishPoint(nest.getOutputs()[0], sum, point);
      e.mask = {};
    }
  });
}

} // namespace ingot::cpu
