// Products of matrices, convolutions and their gradients: each block computes a tile of the result
// from tiles of the factors in shared memory, and what is behind the sum on the accumulators. What
// is common to tiles is here: how loops are rows, lanes and sums, where pieces of factors are, and
// how an element is finished. Part of DeviceKernelEmitter; how a tile is computed is in
// SimtTiles.cpp and MmaTiles.cpp.
//
// The factors are read through the nest's own maps, element by element, so that a convolution is a
// product whose rows, lanes or reduced loops happen to be several.
#include "backends/gpu/DeviceKernelEmitter.h"
#include "compiler/fusion/FormKernels.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace ingot::gpu {

using cpu::Index;

namespace {

constexpr int64_t leastDepth = 8; // of a sum that is worth tiles
constexpr int64_t pieceBytes = 16;

/// The arguments of the body that the value is made of, and the loops that it moves along.
struct Slice {
  llvm::SetVector<Operation *> ops; // in order
  llvm::SmallBitVector loops, inputs;
};

void collect(exec::NestOp nest, Value value, Slice &slice) {
  auto argument = llvm::dyn_cast<BlockArgument>(value);
  if (!argument) {
    Operation *op = value.getDefiningOp();
    if (slice.ops.contains(op))
      return;
    for (Value operand : op->getOperands())
      collect(nest, operand, slice);
    slice.ops.insert(op);
    return;
  }
  unsigned loops = loopDims(nest).size(), number = argument.getArgNumber();
  if (number < loops) {
    slice.loops.set(number);
    return;
  }
  slice.inputs.set(number - loops);
  if (AffineMap map = accessMap(nest, number - loops))
    for (unsigned loop = 0; loop < loops; ++loop)
      if (map.isFunctionOfDim(loop))
        slice.loops.set(loop);
}

Slice sliceOf(exec::NestOp nest, Value value) {
  Slice slice;
  slice.loops.resize(loopDims(nest).size());
  slice.inputs.resize(nest.getInputs().size());
  collect(nest, value, slice);
  return slice;
}

/// Whether the factor is contiguous along the last of the loops.
bool runsAlong(exec::NestOp nest, const Slice &slice, unsigned loop) {
  for (unsigned input : slice.inputs.set_bits()) {
    AffineMap map = accessMap(nest, input);
    if (!map || map.getNumResults() == 0)
      continue;
    AffineExpr last = map.getResult(map.getNumResults() - 1);
    return last.isFunctionOfDim(loop);
  }
  return false;
}

/// Whether the map is the identity; of a dimension of one element the place may be a number.
bool readsSamePoint(AffineMap map, llvm::ArrayRef<Dim> dims) {
  for (auto [d, expr] : llvm::enumerate(map.getResults()))
    if (expr != getAffineDimExpr(d, map.getContext()) &&
        !(isConstant(dims[d], 1) && llvm::isa<AffineConstantExpr>(expr)))
      return false;
  return map.getNumResults() == dims.size();
}

} // namespace

std::optional<Product> matchProduct(exec::NestOp nest) {
  Block &body = nest.getBody().front();
  if (nest.getCombiner() != exec::Combiner::Add || nest->getNumResults() != 1 || hasChecks(nest))
    return std::nullopt;
  Operation *op = body.getTerminator()->getOperand(0).getDefiningOp();
  if (!op || !llvm::isa<arith::MulFOp, arith::MulIOp>(op))
    return std::nullopt;
  Product product;
  product.nest = nest;
  product.a = op->getOperand(0);
  product.b = op->getOperand(1);
  unsigned parallel = nest.getParallel(), loops = loopDims(nest).size();
  Slice a = sliceOf(nest, product.a), b = sliceOf(nest, product.b);
  // Lanes are neighbours in the result: they are B's.
  for (unsigned loop = parallel; loop-- > 0;)
    if (a.loops[loop] != b.loops[loop]) {
      if (a.loops[loop]) {
        std::swap(a, b);
        std::swap(product.a, product.b);
      }
      break;
    }
  for (unsigned loop = 0; loop < loops; ++loop) {
    bool inA = a.loops[loop], inB = b.loops[loop];
    // One that neither moves along, of one iteration as a rule, is as good as one of both.
    (loop >= parallel ? product.reduced
     : inA == inB     ? product.batch
     : inA            ? product.rows
                      : product.lanes)
        .push_back(loop);
  }
  if (product.reduced.empty() || product.lanes.empty())
    return std::nullopt;
  product.aRunsAlongReduced = runsAlong(nest, a, product.reduced.back());
  product.bRunsAlongReduced =
      !runsAlong(nest, b, product.lanes.back()) && runsAlong(nest, b, product.reduced.back());
  return product;
}

bool DeviceKernelEmitter::emitTiles(DeviceCode &code) {
  std::optional<Product> product;
  for (auto nest : kernel.getBody().getOps<exec::NestOp>())
    if (auto found = matchProduct(nest); found && !product)
      product = found;
  if (!product || product->nest.getParallel() != domain.size())
    return false;
  // What is behind it reads it where it is.
  for (OpOperand &use : product->nest->getUses())
    if (auto reader = llvm::dyn_cast<exec::NestOp>(use.getOwner())) {
      AffineMap map = accessMap(reader, use.getOperandNumber());
      if (!map || !readsSamePoint(map, domain) || loopDims(reader) != domain)
        return false;
    }
  for (exec::NestOp nest : nestsOfPoint())
    if (nest != product->nest && (!isMap(nest) || loopDims(nest) != domain))
      return false;
  Dims loops = loopDims(product->nest);
  int64_t depth = 1, results = 1;
  for (unsigned loop : product->reduced)
    depth *= estimate(loops[loop]);
  for (unsigned loop : llvm::concat<unsigned>(product->rows, product->lanes))
    results *= estimate(loops[loop]);
  if (depth < leastDepth || results < 64 || product->rows.empty())
    return false;
  if (!emitWgmmaTiles(*product, code) && !emitMmaTiles(*product, code))
    emitSimtTiles(*product, code);
  return true;
}

Value DeviceKernelEmitter::privateArray(Type element, int64_t count) {
  return hoist([&] {
    return Value(LLVM::AllocaOp::create(builder, cb.loc, cb.pointer(), cpu::memoryType(element),
                                        cb.integer(count)));
  });
}

void DeviceKernelEmitter::unrolled(int64_t count, llvm::function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(builder, cb.loc, cb.integer(0), cb.integer(count), cb.integer(1));
  loop->setAttr(unrollAttr, builder.getUnitAttr());
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(loop.getBody()->getTerminator());
  body(loop.getInductionVar());
}

Value DeviceKernelEmitter::operandOf(exec::NestOp nest, Value operand,
                                     llvm::ArrayRef<Index> loops) {
  Slice slice = sliceOf(nest, operand);
  return emitPart(nest, operand, slice.ops.getArrayRef(), slice.inputs, loops);
}

Value DeviceKernelEmitter::isBelow(Value x, Dim limit, int64_t step) {
  if (limit.isStatic() && limit.value() % step == 0)
    return {};
  return arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::slt, x, dim(limit));
}

Value DeviceKernelEmitter::both(Value x, Value y) {
  return !x ? y : !y ? x : Value(arith::AndIOp::create(builder, cb.loc, x, y));
}

Value DeviceKernelEmitter::orElse(Value condition, Value otherwise,
                                  llvm::function_ref<Value()> make) {
  if (!condition)
    return make();
  auto branch = scf::IfOp::create(builder, cb.loc, TypeRange{otherwise.getType()}, condition, true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(branch.thenBlock());
  scf::YieldOp::create(builder, cb.loc, make());
  builder.setInsertionPointToEnd(branch.elseBlock());
  scf::YieldOp::create(builder, cb.loc, otherwise);
  return branch.getResult(0);
}

DeviceKernelEmitter::TileSpace DeviceKernelEmitter::tileSpace(const Product &product) {
  Dims bounds = loopDims(product.nest);
  TileSpace space;
  for (auto [loops, dims, extent] :
       {std::tuple(&product.rows, &space.rowDims, &space.rows),
        std::tuple(&product.lanes, &space.laneDims, &space.lanes),
        std::tuple(&product.batch, &space.batchDims, &space.batches),
        std::tuple(&product.reduced, &space.reducedDims, &space.depth)}) {
    for (unsigned loop : *loops)
      dims->push_back(bounds[loop]);
    *extent = numElements(builder.getContext(), *dims);
  }
  return space;
}

void DeviceKernelEmitter::beginTiles(DeviceCode &code, TileSpace &space, int64_t tileRows,
                                     int64_t tileLanes) {
  Dim rowTiles = space.rows.ceilDiv(tileRows), laneTiles = space.lanes.ceilDiv(tileLanes);
  beginBlocks(code, space.batches * rowTiles * laneTiles);
  Value laneTileCount = dim(laneTiles), rowTileCount = dim(rowTiles);
  Value rest = cb.floorDiv(taskIndex, laneTileCount);
  space.firstLane = cb.mul(cb.remainder(taskIndex, laneTileCount), cb.integer(tileLanes));
  space.firstRow = cb.mul(cb.remainder(rest, rowTileCount), cb.integer(tileRows));
  space.batch = delinearize(cb.floorDiv(rest, rowTileCount), space.batchDims);
}

DeviceKernelEmitter::Indices DeviceKernelEmitter::loopsOf(const Product &product,
                                                          const TileSpace &space,
                                                          llvm::ArrayRef<unsigned> own,
                                                          Value position, Value reduced) {
  Indices loops(loopDims(product.nest).size(), cb.constant(0));
  auto place = [&](llvm::ArrayRef<unsigned> numbers, const Indices &values) {
    for (auto [number, value] : llvm::zip_equal(numbers, values))
      loops[number] = value;
  };
  place(product.batch, space.batch);
  place(own,
        delinearize(position, own.data() == product.rows.data() ? space.rowDims : space.laneDims));
  if (reduced)
    place(product.reduced, delinearize(reduced, space.reducedDims));
  return loops;
}

std::optional<DeviceKernelEmitter::Pieces>
DeviceKernelEmitter::piecesOf(exec::NestOp nest, Value factor, unsigned fastLoop) {
  auto argument = llvm::dyn_cast<BlockArgument>(factor);
  Dims bounds = loopDims(nest);
  Type element = cpu::memoryType(factor.getType());
  int64_t count = pieceBytes * 8 / element.getIntOrFloatBitWidth();
  auto isWhole = [&](Dim extent) { return extent.isStatic() && extent.value() % count == 0; };
  if (!argument || argument.getArgNumber() < bounds.size() || !isWhole(bounds[fastLoop]))
    return std::nullopt;
  unsigned input = argument.getArgNumber() - bounds.size();
  Pieces pieces{nest.getInputs()[input], accessMap(nest, input), element, count, {}};
  if (!pieces.map || pieces.map.getNumResults() == 0 ||
      pieces.map.getResults().back() != builder.getAffineDimExpr(fastLoop))
    return std::nullopt;
  if (auto producer = pieces.tensor.getDefiningOp<exec::NestOp>()) {
    pieces.padding = isMade(pieces.tensor) ? std::nullopt : paddingOf(producer);
    if (!pieces.padding || pieces.padding->isChecked.back() ||
        !matchPattern(pieces.padding->value, m_AnyZeroFloat()))
      return std::nullopt;
    pieces.tensor = pieces.padding->source;
  }
  auto outside = llvm::dyn_cast<BlockArgument>(pieces.tensor);
  if (!outside || !isWhole(dimsOf(pieces.tensor).back()) ||
      storageOf(kernel.getInputs()[outside.getArgNumber()]).kind == Storage::Kind::Local)
    return std::nullopt;
  return pieces;
}

/// A piece at the loops: its address, and whether it is inside the tensor (null: it is).
std::pair<Value, Value> DeviceKernelEmitter::placeOfPiece(const Pieces &pieces,
                                                          llvm::ArrayRef<Index> loops) {
  Indices at;
  Value inside;
  Dims dims = dimsOf(pieces.tensor);
  for (auto [d, expr] : llvm::enumerate(pieces.map.getResults())) {
    Index index = evaluate(expr, loops);
    if (pieces.padding && pieces.padding->isChecked[d]) {
      index = cb.add(index, cb.constant(-pieces.padding->low[d]));
      // A negative place is a large unsigned one.
      Value isHere = arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::ult, index.base,
                                           dim(dims[d]));
      inside = both(inside, isHere);
    }
    at.push_back(index);
  }
  Value place = cb.address(baseOf(pieces.tensor), linearize(pieces.tensor.getType(), at).base,
                           pieces.element);
  return {place, inside};
}

void DeviceKernelEmitter::copyPiece(const Pieces &pieces, Value to, llvm::ArrayRef<Index> loops,
                                    Value inside) {
  auto [from, inTensor] = placeOfPiece(pieces, loops);
  Value valid = both(inside, inTensor);
  if (!valid) {
    func::CallOp::create(builder, cb.loc, "k_cp_async16", TypeRange{}, ValueRange{to, from});
    return;
  }
  Value isThere = arith::ExtUIOp::create(builder, cb.loc, builder.getI32Type(), valid);
  func::CallOp::create(builder, cb.loc, "k_cp_async16_or_zero", TypeRange{},
                       ValueRange{to, from, isThere});
}

int64_t DeviceKernelEmitter::mostFinished(const Product &product, int64_t count) {
  unsigned last = product.lanes.back();
  return takesPieces && last == lastLoop() ? std::min(count, lanesAlong(domain[last])) : 1;
}

void DeviceKernelEmitter::finishElements(const Product &product, const TileSpace &space, Value row,
                                         Value lane, int64_t tileRows, int64_t tileLanes,
                                         Value sums, Value first, int64_t count) {
  auto finish = [&] {
    Indices point = loopsOf(product, space, product.rows, row, {});
    Indices lanes = loopsOf(product, space, product.lanes, lane, {});
    for (unsigned loop : product.lanes)
      point[loop] = lanes[loop];
    point[product.lanes.back()].stride = count > 1 ? 1 : 0;
    point.resize(domain.size());
    exec::NestOp nest = product.nest;
    Value output = nest.getOutputs()[0];
    cb.lanes = count;
    finishPoint(output, load(sums, getElementTypeOrSelf(output), {first, count > 1 ? 1 : 0, {}}),
                point);
    cb.lanes = 1;
  };
  Value inside = both(isBelow(row, space.rows, tileRows), isBelow(lane, space.lanes, tileLanes));
  inside ? cb.branch(inside, finish) : finish();
}

} // namespace ingot::gpu
