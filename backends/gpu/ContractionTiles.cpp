// Products of matrices, convolutions and their gradients: each block computes a tile of the result
// from tiles of the factors in shared memory, each thread a part of the tile in registers. What is
// behind the sum is computed on the accumulators. Part of DeviceKernelEmitter.
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
    if (!inA && !inB)
      return std::nullopt;
    (loop >= parallel ? product.reduced
     : inA && inB     ? product.batch
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
  for (auto nest : madeNests())
    if (auto found = matchProduct(nest); found && !product)
      product = found;
  if (!product || product->nest.getParallel() != domain.size())
    return false;
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
  emitTiles(*product, code);
  return true;
}

Value DeviceKernelEmitter::privateArray(Type element, int64_t count) {
  return hoist([&] {
    return Value(LLVM::AllocaOp::create(builder, cb.loc, cb.pointer(), element, cb.integer(count)));
  });
}

void DeviceKernelEmitter::unrolled(int64_t count, llvm::function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(builder, cb.loc, cb.integer(0), cb.integer(count), cb.integer(1));
  loop->setAttr(unrollAttr, builder.getUnitAttr());
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(loop.getBody()->getTerminator());
  body(loop.getInductionVar());
}

Value DeviceKernelEmitter::operandOf(const Product &product, Value operand,
                                     llvm::ArrayRef<Index> loops) {
  Slice slice = sliceOf(product.nest, operand);
  return emitPart(product.nest, operand, slice.ops.getArrayRef(), slice.inputs, loops);
}

void DeviceKernelEmitter::emitTiles(const Product &product, DeviceCode &code) {
  exec::NestOp nest = product.nest;
  MLIRContext *context = builder.getContext();
  Dims bounds = loopDims(nest);
  auto dimsOfLoops = [&](llvm::ArrayRef<unsigned> numbers) {
    return Dims(llvm::map_range(numbers, [&](unsigned loop) { return bounds[loop]; }));
  };
  Dims rowDims = dimsOfLoops(product.rows), laneDims = dimsOfLoops(product.lanes),
       batchDims = dimsOfLoops(product.batch), reducedDims = dimsOfLoops(product.reduced);
  Dim rows = numElements(context, rowDims), lanes = numElements(context, laneDims),
      batches = numElements(context, batchDims), depth = numElements(context, reducedDims);
  Type sum = getElementTypeOrSelf(nest.getOutputs()[0]);
  const Tiling tile = chooseTiling(estimate(rows), estimate(lanes), estimate(batches), sum);
  threads = tile.threads();
  Dim rowTiles = rows.ceilDiv(tile.rows), laneTiles = lanes.ceilDiv(tile.lanes);
  code.form = Form::Blocks;
  code.threads = threads;
  code.count = batches * rowTiles * laneTiles;
  thread =
      func::CallOp::create(builder, cb.loc, intrinsic::thread, TypeRange{cb.i64()}).getResult(0);

  // Which tile is this block's, and which part of it this thread's.
  Value laneTileCount = dim(laneTiles), rowTileCount = dim(rowTiles);
  Value laneTile = cb.remainder(taskIndex, laneTileCount);
  Value rest = cb.floorDiv(taskIndex, laneTileCount);
  Value firstLane = cb.mul(laneTile, cb.integer(tile.lanes));
  Value firstRow = cb.mul(cb.remainder(rest, rowTileCount), cb.integer(tile.rows));
  Indices batch = delinearize(cb.floorDiv(rest, rowTileCount), batchDims);
  int64_t across = tile.lanes / tile.threadLanes;
  Value threadLane = cb.mul(cb.remainder(thread, cb.integer(across)), cb.integer(tile.threadLanes));
  Value threadRow = cb.mul(cb.floorDiv(thread, cb.integer(across)), cb.integer(tile.threadRows));

  auto place = [&](Indices &loops, llvm::ArrayRef<unsigned> numbers, const Indices &values) {
    for (auto [number, value] : llvm::zip_equal(numbers, values))
      loops[number] = value;
  };
  auto isBelow = [&](Value x, Dim limit, int64_t step) -> Value {
    if (limit.isStatic() && limit.value() % step == 0)
      return {};
    return arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::slt, x, dim(limit));
  };
  auto both = [&](Value x, Value y) -> Value {
    return !x ? y : !y ? x : Value(arith::AndIOp::create(builder, cb.loc, x, y));
  };
  auto onlyIf = [&](Value condition, llvm::function_ref<void()> body) {
    condition ? cb.branch(condition, body) : body();
  };

  // One factor: where each of a thread's elements of a tile is, along its own loops and the reduced
  // ones, and what it is at a step of these.
  struct Element {
    Indices loops; // but the reduced ones
    Value isInside, at, depth;
  };
  struct Factor {
    Value operand, memory;
    int64_t width, pitch; // of a line of the tile in memory
    llvm::SmallVector<Element> elements;
  };
  auto makeFactor = [&](Value operand, llvm::ArrayRef<unsigned> own, const Dims &ownDims,
                        Value first, int64_t width, Dim limit, bool alongReduced) {
    Factor result{operand, {}, width, width + (alongReduced ? 4 : 0), {}};
    result.memory = shared(cpu::memoryType(sum), tile.depth * result.pitch);
    for (int64_t i = 0; i < width * tile.depth / threads; ++i) {
      Value number = cb.add(thread, cb.integer(i * threads));
      int64_t fast = alongReduced ? tile.depth : width;
      Value inLine = cb.remainder(number, cb.integer(fast)),
            line = cb.floorDiv(number, cb.integer(fast));
      Value own1 = alongReduced ? line : inLine;
      Element element;
      element.depth = alongReduced ? inLine : line;
      Value position = cb.add(first, own1);
      element.isInside = isBelow(position, limit, width);
      element.at = cb.add(cb.mul(element.depth, cb.integer(result.pitch)), own1);
      element.loops.resize(bounds.size(), cb.constant(0));
      place(element.loops, product.batch, batch);
      place(element.loops, own, delinearize(position, ownDims));
      result.elements.push_back(std::move(element));
    }
    return result;
  };
  Factor a = makeFactor(product.a, product.rows, rowDims, firstRow, tile.rows, rows,
                        product.aRunsAlongReduced);
  Factor b = makeFactor(product.b, product.lanes, laneDims, firstLane, tile.lanes, lanes,
                        product.bRunsAlongReduced);
  Value zero = arith::ConstantOp::create(builder, cb.loc, builder.getZeroAttr(sum));
  auto read = [&](const Factor &from, Value step, Values &values) {
    for (const Element &element : from.elements) {
      Value position = cb.add(step, element.depth);
      Value inside = isBelow(position, depth, tile.depth);
      // The next step's are read in advance, beyond the last one too.
      if (!inside)
        inside =
            arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::slt, position, dim(depth));
      inside = both(element.isInside, inside);
      auto branch = scf::IfOp::create(builder, cb.loc, TypeRange{sum}, inside, true);
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToEnd(branch.thenBlock());
      Indices loops = element.loops;
      place(loops, product.reduced, delinearize(position, reducedDims));
      scf::YieldOp::create(builder, cb.loc, operandOf(product, from.operand, loops));
      builder.setInsertionPointToEnd(branch.elseBlock());
      scf::YieldOp::create(builder, cb.loc, zero);
      values.push_back(branch.getResult(0));
    }
  };
  auto readBoth = [&](Value step) {
    Values values;
    read(a, step, values);
    read(b, step, values);
    return values;
  };

  auto multiply = [&](Value x, Value y) -> Value {
    if (llvm::isa<FloatType>(sum))
      return arith::MulFOp::create(builder, cb.loc, x, y);
    return arith::MulIOp::create(builder, cb.loc, x, y);
  };

  Value sums = privateArray(cpu::memoryType(sum), tile.threadRows * tile.threadLanes);
  Value aPart = privateArray(cpu::memoryType(sum), tile.threadRows),
        bPart = privateArray(cpu::memoryType(sum), tile.threadLanes);
  unrolled(tile.threadRows * tile.threadLanes,
           [&](Value i) { storeTo(sums, sum, cb.uniform(i), zero); });
  auto loadPart = [&](Value part, const Factor &from, Value first, Value line, int64_t count) {
    unrolled(count, [&](Value i) {
      Value at = cb.add(cb.add(cb.mul(line, cb.integer(from.pitch)), first), i);
      storeTo(part, sum, cb.uniform(i), load(from.memory, sum, cb.uniform(at)));
    });
  };
  Values values = readBoth(cb.integer(0));
  auto loop = scf::ForOp::create(builder, cb.loc, cb.integer(0), dim(depth), cb.integer(tile.depth),
                                 values);
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
    Value row = cb.add(cb.add(firstRow, threadRow), r);
    onlyIf(isBelow(row, rows, tile.rows), [&] {
      Indices point(domain.size(), cb.constant(0));
      place(point, product.batch, batch);
      place(point, product.rows, delinearize(row, rowDims));
      unrolled(tile.threadLanes, [&](Value l) {
        Value lane = cb.add(cb.add(firstLane, threadLane), l);
        onlyIf(isBelow(lane, lanes, tile.lanes), [&] {
          place(point, product.lanes, delinearize(lane, laneDims));
          Value at = cb.add(cb.mul(r, cb.integer(tile.threadLanes)), l);
          finishPoint(nest.getOutputs()[0], load(sums, sum, cb.uniform(at)), point);
        });
      });
    });
  });
}

} // namespace ingot::gpu
