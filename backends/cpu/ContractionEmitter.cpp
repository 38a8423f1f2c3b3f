// Tiling of contractions and their epilogues. See ContractionEmitter.h.
//
// The unit of work is a tile: one point of the outer loops, a block of rows, a block of lanes. A
// result element is always the same chain of multiply-adds, whatever the tile it falls into.
#include "backends/cpu/ContractionEmitter.h"

using namespace mlir;

namespace ingot::cpu {
namespace {
constexpr int64_t flopsPerTask = 400000;
bool isOne(Dim d) { return d.isStatic() && d.value() == 1; }
int64_t estimate(Dim d) { return d.isStatic() ? std::max<int64_t>(1, d.value()) : 64; }
} // namespace

llvm::SmallVector<ContractionEmitter::ReductionLoop>
ContractionEmitter::reductionLoops(exec::NestOp nest, const Contraction &c) {
  Dims loops = loopDims(nest);
  llvm::SmallVector<ReductionLoop> result;
  for (size_t l = nest.getParallel(); l < loops.size(); ++l) {
    if (isOne(loops[l]))
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
  return (element.isF32() || element.isF64()) && reductionLoops(nest, c).size() <= 4;
}

ContractionEmitter::ContractionEmitter(KernelEmitter &emitter, exec::NestOp nest,
                                       const Contraction &contraction)
    : e(emitter), cb(emitter.cb), nest(nest), c(contraction),
      element(getElementTypeOrSelf(nest.getOutputs()[0])), loops(loopDims(nest)) {
  cb.lanes = e.context.target.vectorBytes * 8 / element.getIntOrFloatBitWidth();
  Dim lane = loops[c.lane];
  bool registersAreMany = e.context.target.vectorRegisters >= 32;
  vectors = !lane.isStatic() || lane.value() <= cb.lanes ? 1 : 2;
  maxRows = registersAreMany ? 14 : vectors == 2 ? 6 : 8;
  if (c.row < 0) {
    maxRows = 1;
    while (lane.isStatic() && vectors < 4 && lane.value() > vectors * cb.lanes)
      ++vectors;
  } else if (loops[c.row].isStatic()) {
    int64_t extent = std::max<int64_t>(1, loops[c.row].value());
    int64_t blocks = (extent + maxRows - 1) / maxRows;
    maxRows = (extent + blocks - 1) / blocks;
  }
  hasEpilogue = llvm::any_of(e.storedNests(), [&](exec::NestOp other) { return other != nest; });
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
      units = units * extent.ceilDiv(maxRows);
    else
      units = units * extent;
  }
  if (hasEpilogue)
    scratch = e.hoist([&] {
      return Value(LLVM::AllocaOp::create(cb.b, cb.loc, cb.pointer(), element,
                                          cb.integer(maxRows * vectors * cb.lanes), 64));
    });
  int64_t chunk = std::max<int64_t>(1, flopsPerTask / flops);
  e.chunkLoop(e.taskIndex, chunk, units, 1, [&](Value low, Value high) {
    cb.loop(low, high, 1, [&](Value unit) { emitUnit(unit); });
  });
  return units.ceilDiv(chunk);
}

void ContractionEmitter::emitUnit(Value unit) {
  Dims blocks(loops.begin(), loops.begin() + nest.getParallel());
  Dim laneBlocks = loops[c.lane].ceilDiv(vectors * cb.lanes);
  Dim rowBlocks = c.row >= 0 ? loops[c.row].ceilDiv(maxRows) : Dim::constant(cb.b.getContext(), 1);
  blocks[c.lane] = rowBlocks;
  if (c.row >= 0)
    blocks[c.row] = Dim::constant(cb.b.getContext(), 1);
  blocks.push_back(laneBlocks);
  auto at = e.delinearize(unit, blocks);
  Value laneBlock = at.back().base, rowBlock = at[c.lane].base;
  KernelEmitter::Indices point(at.begin(), at.end() - 1);
  point.resize(loops.size(), cb.constant(0));
  point[c.lane] = cb.constant(0);

  forLaneBlock(laneBlock, [&](Value lane, int64_t vectorCount, Value tail, bool masked) {
    auto tile = [&](Value row, int64_t rows) {
      emitTile(point, row, lane, rows, vectorCount, tail, masked);
    };
    if (c.row < 0)
      return tile(cb.integer(0), 1);
    Dim extent = loops[c.row];
    if (extent.isStatic()) {
      int64_t last = extent.value() - (rowBlocks.value() - 1) * maxRows;
      Value row = cb.mul(rowBlock, cb.integer(maxRows));
      if (last == maxRows)
        return tile(row, maxRows);
      if (rowBlocks.value() == 1)
        return tile(cb.integer(0), last);
      Value full = arith::CmpIOp::create(cb.b, cb.loc, arith::CmpIPredicate::slt, rowBlock,
                                         cb.integer(rowBlocks.value() - 1));
      auto branch = scf::IfOp::create(cb.b, cb.loc, full, true);
      OpBuilder::InsertionGuard guard(cb.b);
      cb.b.setInsertionPoint(branch.thenBlock()->getTerminator());
      tile(row, maxRows);
      cb.b.setInsertionPoint(branch.elseBlock()->getTerminator());
      tile(row, last);
      return;
    }
    // Balanced blocks: 15 rows are 8 + 7, not 14 + 1.
    Value rows = e.dim(extent), count = e.dim(rowBlocks);
    Value height = cb.ceilDiv(rows, count), row = cb.mul(rowBlock, height);
    Value here = cb.minimum(height, cb.sub(rows, row));
    Value key = arith::IndexCastOp::create(cb.b, cb.loc, cb.b.getIndexType(), here);
    llvm::SmallVector<int64_t> cases = llvm::to_vector(llvm::seq<int64_t>(1, maxRows + 1));
    auto choice = scf::IndexSwitchOp::create(cb.b, cb.loc, TypeRange{}, key, cases, cases.size());
    OpBuilder::InsertionGuard guard(cb.b);
    for (auto [n, region] : llvm::zip(cases, choice.getCaseRegions())) {
      cb.b.createBlock(&region);
      auto end = scf::YieldOp::create(cb.b, cb.loc);
      cb.b.setInsertionPoint(end);
      tile(row, n);
    }
    cb.b.createBlock(&choice.getDefaultRegion());
    scf::YieldOp::create(cb.b, cb.loc);
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
  auto branch = scf::IfOp::create(cb.b, cb.loc, inside, true);
  OpBuilder::InsertionGuard guard(cb.b);
  cb.b.setInsertionPoint(branch.thenBlock()->getTerminator());
  body(lane, vectors, none, false);
  cb.b.setInsertionPoint(branch.elseBlock()->getTerminator());
  partial();
}

void ContractionEmitter::emitTile(llvm::ArrayRef<Index> outer, Value row, Value lane, int64_t rows,
                                  int64_t vectorCount, Value tail, bool masked) {
  KernelEmitter::Indices point(outer.begin(), outer.end());
  point[c.lane] = cb.uniform(lane);
  if (c.row >= 0)
    point[c.row] = cb.uniform(row);
  auto pointer = [&](unsigned input) {
    KernelEmitter::Indices at;
    for (AffineExpr expr : accessMap(nest, input).getResults())
      at.push_back(e.evaluate(expr, point));
    Value tensor = nest.getInputs()[input];
    return cb.address(e.baseOf(tensor), e.linearize(tensor.getType(), at).base, element);
  };
  Type output = nest.getOutputs()[0].getType();
  Value tile = scratch, tileStride = cb.integer(vectors * cb.lanes);
  if (!hasEpilogue) {
    auto parallel = llvm::ArrayRef<Index>(point).take_front(nest.getParallel());
    tile = cb.address(e.baseOf(nest.getOutputs()[0]), e.linearize(output, parallel).base, element);
    tileStride = c.row >= 0 ? e.dim(rowMajorStrides(output)[c.row]) : cb.integer(0);
  }
  Value zero = cb.integer(0);
  llvm::SmallVector<Value> arguments{pointer(c.a), pointer(c.b), tile,
                                     c.row >= 0 ? e.dim(c.aStrides[c.row]) : zero, tileStride};
  auto reductions = reductionLoops(nest, c);
  for (size_t l = reductions.size(); l < 4; ++l)
    arguments.append({cb.integer(1), zero, zero});
  for (const ReductionLoop &loop : reductions)
    arguments.append({e.dim(loop.extent), e.dim(loop.aStride), e.dim(loop.bStride)});
  arguments.push_back(tail);
  auto kernel = microKernel(e.context, element, {rows, vectorCount, masked});
  func::CallOp::create(cb.b, cb.loc, kernel, arguments);
  if (hasEpilogue)
    emitEpilogue(point, row, lane, rows, vectorCount, tail, masked, tile);
}

/// The maps over the tile, row by row, reading the contraction's result from the scratch tile.
void ContractionEmitter::emitEpilogue(llvm::ArrayRef<Index> outer, Value row, Value lane,
                                      int64_t rows, int64_t vectorCount, Value tail, bool masked,
                                      Value tile) {
  cb.loop(cb.integer(0), cb.integer(rows), 1, [&](Value r) {
    for (int64_t v = 0; v < vectorCount; ++v) {
      KernelEmitter::Indices point(outer.begin(), outer.begin() + nest.getParallel());
      if (c.row >= 0)
        point[c.row] = cb.uniform(cb.add(row, r));
      point[c.lane] = {cb.add(lane, cb.integer(v * cb.lanes)), 1, {}};
      if (masked && v + 1 == vectorCount)
        e.mask = cb.firstLanes(tail);
      Value at = cb.add(cb.mul(r, cb.integer(vectors * cb.lanes)), cb.integer(v * cb.lanes));
      Value sum =
          LLVM::LoadOp::create(cb.b, cb.loc, cb.vectorOf(element), cb.address(tile, at, element),
                               element.getIntOrFloatBitWidth() / 8);
      auto known = [&](exec::NestOp of, ValueRange values) {
        e.store(of, values, point);
        for (auto [output, value] : llvm::zip(of.getOutputs(), values))
          e.providers[output] = [value = value](llvm::ArrayRef<Index>) { return value; };
      };
      known(nest, ValueRange{sum});
      for (exec::NestOp other : e.storedNests())
        if (other != nest)
          known(other, e.emitBody(other, point));
      e.providers.clear();
      e.mask = {};
    }
  });
}

} // namespace ingot::cpu
