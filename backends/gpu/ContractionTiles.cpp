// Products of matrices, convolutions and their gradients: each block computes a tile of the result
// from tiles of the factors in shared memory, each thread a part of the tile in registers. What is
// behind the sum is computed on the accumulators. Part of DeviceKernelEmitter; tensor cores are in
// MmaTiles.cpp.
//
// The factors are read through the nest's own maps, element by element, so that a convolution is a
// product whose rows, lanes or reduced loops happen to be several.
#include "backends/gpu/DeviceKernelEmitter.h"
#include "compiler/fusion/FormKernels.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace ingot::gpu {

using cpu::Index;

namespace {

/// Of the result: `rows` x `lanes` a block, `threadRows` x `threadLanes` a thread; `depth` of the
/// reduced loops at a time.
struct Tiling {
  int64_t rows, lanes, depth, threadRows, threadLanes;
  int64_t threads() const { return rows / threadRows * (lanes / threadLanes); }
};

constexpr int64_t leastDepth = 8; // of a sum that is worth tiles

Tiling chooseTiling(int64_t rows, int64_t lanes, int64_t batches, Type element) {
  if (element.getIntOrFloatBitWidth() > 32)
    return {32, 32, 16, 2, 2};
  // Large tiles read each factor less often, as long as there are enough of them.
  constexpr int64_t enoughBlocks = 128;
  auto blocks = [&](int64_t r, int64_t l) {
    return batches * llvm::divideCeil(rows, r) * llvm::divideCeil(lanes, l);
  };
  if (rows >= 128 && lanes >= 128 && blocks(128, 128) >= enoughBlocks)
    return {128, 128, 8, 8, 8};
  if (rows <= 16)
    return {16, 64, 16, 2, 4};
  if (lanes <= 16)
    return {64, 16, 16, 4, 2};
  if (rows <= 32 || lanes <= 32 || blocks(64, 64) < enoughBlocks)
    return {32, 32, 16, 2, 2};
  return {64, 64, 16, 4, 4};
}

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
  code.form = Form::Blocks;
  code.threads = threads;
  code.count = space.batches * rowTiles * laneTiles;
  thread =
      func::CallOp::create(builder, cb.loc, intrinsic::thread, TypeRange{cb.i64()}).getResult(0);
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

void DeviceKernelEmitter::finishElement(const Product &product, const TileSpace &space, Value row,
                                        Value lane, int64_t tileRows, int64_t tileLanes,
                                        Value sum) {
  auto finish = [&] {
    Indices point = loopsOf(product, space, product.rows, row, {});
    Indices lanes = loopsOf(product, space, product.lanes, lane, {});
    for (unsigned loop : product.lanes)
      point[loop] = lanes[loop];
    point.resize(domain.size());
    exec::NestOp nest = product.nest;
    finishPoint(nest.getOutputs()[0], sum, point);
  };
  Value inside = both(isBelow(row, space.rows, tileRows), isBelow(lane, space.lanes, tileLanes));
  inside ? cb.branch(inside, finish) : finish();
}

void DeviceKernelEmitter::emitSimtTiles(const Product &product, DeviceCode &code) {
  exec::NestOp nest = product.nest;
  TileSpace space = tileSpace(product);
  Type sum = getElementTypeOrSelf(nest.getOutputs()[0]);
  const Tiling tile =
      chooseTiling(estimate(space.rows), estimate(space.lanes), estimate(space.batches), sum);
  threads = tile.threads();
  beginTiles(code, space, tile.rows, tile.lanes);
  int64_t across = tile.lanes / tile.threadLanes;
  Value threadLane = cb.mul(cb.remainder(thread, cb.integer(across)), cb.integer(tile.threadLanes));
  Value threadRow = cb.mul(cb.floorDiv(thread, cb.integer(across)), cb.integer(tile.threadRows));

  // One factor: where each of a thread's elements of a tile is, along its own loops and the reduced
  // ones, and what it is at a step of these.
  struct Element {
    Value own, inside, depth, at; // at: in shared memory
  };
  struct Factor {
    Value operand, memory;
    llvm::ArrayRef<unsigned> loops;
    int64_t pitch; // of a line of the tile in memory
    llvm::SmallVector<Element> elements;
  };
  auto makeFactor = [&](Value operand, llvm::ArrayRef<unsigned> loops, Value first, int64_t width,
                        Dim limit, bool alongReduced) {
    Factor result{operand, {}, loops, width + (alongReduced ? 4 : 0), {}};
    result.memory = shared(cpu::memoryType(sum), tile.depth * result.pitch);
    for (int64_t i = 0; i < width * tile.depth / threads; ++i) {
      Value number = cb.add(thread, cb.integer(i * threads));
      Value perLine = cb.integer(alongReduced ? tile.depth : width);
      Value inLine = cb.remainder(number, perLine), line = cb.floorDiv(number, perLine);
      Value own = alongReduced ? line : inLine, depth = alongReduced ? inLine : line;
      Value position = cb.add(first, own);
      result.elements.push_back({position, isBelow(position, limit, width), depth,
                                 cb.add(cb.mul(depth, cb.integer(result.pitch)), own)});
    }
    return result;
  };
  Factor a = makeFactor(product.a, product.rows, space.firstRow, tile.rows, space.rows,
                        product.aRunsAlongReduced);
  Factor b = makeFactor(product.b, product.lanes, space.firstLane, tile.lanes, space.lanes,
                        product.bRunsAlongReduced);
  Value zero = arith::ConstantOp::create(builder, cb.loc, builder.getZeroAttr(sum));
  auto readBoth = [&](Value step) {
    Values values;
    for (const Factor *from : {&a, &b})
      for (const Element &element : from->elements) {
        Value position = cb.add(step, element.depth);
        // The next step's are read in advance, beyond the last one too.
        Value isThere = arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::slt, position,
                                              dim(space.depth));
        values.push_back(orElse(both(element.inside, isThere), zero, [&] {
          return operandOf(nest, from->operand,
                           loopsOf(product, space, from->loops, element.own, position));
        }));
      }
    return values;
  };
  auto multiply = [&](Value x, Value y) -> Value {
    if (llvm::isa<FloatType>(sum))
      return arith::MulFOp::create(builder, cb.loc, x, y);
    return arith::MulIOp::create(builder, cb.loc, x, y);
  };

  Value sums = privateArray(sum, tile.threadRows * tile.threadLanes),
        aPart = privateArray(sum, tile.threadRows), bPart = privateArray(sum, tile.threadLanes);
  unrolled(tile.threadRows * tile.threadLanes,
           [&](Value i) { storeTo(sums, sum, cb.uniform(i), zero); });
  auto loadPart = [&](Value part, const Factor &from, Value first, Value line, int64_t count) {
    unrolled(count, [&](Value i) {
      Value at = cb.add(cb.add(cb.mul(line, cb.integer(from.pitch)), first), i);
      storeTo(part, sum, cb.uniform(i), load(from.memory, sum, cb.uniform(at)));
    });
  };
  auto loop = scf::ForOp::create(builder, cb.loc, cb.integer(0), dim(space.depth),
                                 cb.integer(tile.depth), readBoth(cb.integer(0)));
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(loop.getBody());
    size_t next = 0;
    for (const Factor *each : {&a, &b})
      for (const Element &element : each->elements)
        storeTo(each->memory, sum, cb.uniform(element.at), loop.getRegionIterArgs()[next++]);
    barrier();
    Values following = readBoth(cb.add(loop.getInductionVar(), cb.integer(tile.depth)));
    unrolled(tile.depth, [&](Value line) {
      loadPart(aPart, a, threadRow, line, tile.threadRows);
      loadPart(bPart, b, threadLane, line, tile.threadLanes);
      unrolled(tile.threadRows, [&](Value r) {
        unrolled(tile.threadLanes, [&](Value l) {
          Value x = load(aPart, sum, cb.uniform(r)), y = load(bPart, sum, cb.uniform(l));
          Index at = cb.uniform(cb.add(cb.mul(r, cb.integer(tile.threadLanes)), l));
          Value before = load(sums, sum, at);
          Value after = sum.isF32() || sum.isF64()
                            ? Value(math::FmaOp::create(builder, cb.loc, x, y, before))
                            : combine(nest, before, multiply(x, y))[0];
          storeTo(sums, sum, at, after);
        });
      });
    });
    barrier();
    scf::YieldOp::create(builder, cb.loc, following);
  }

  unrolled(tile.threadRows, [&](Value r) {
    Value row = cb.add(cb.add(space.firstRow, threadRow), r);
    unrolled(tile.threadLanes, [&](Value l) {
      Value lane = cb.add(cb.add(space.firstLane, threadLane), l);
      Value at = cb.add(cb.mul(r, cb.integer(tile.threadLanes)), l);
      finishElement(product, space, row, lane, tile.rows, tile.lanes,
                    load(sums, sum, cb.uniform(at)));
    });
  });
}

} // namespace ingot::gpu
