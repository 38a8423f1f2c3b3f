// Products by tiles in registers: each thread has a part of the block's tile, and multiplies
// columns and rows of the factors' tiles, which are in shared memory twice: while a step computes
// with one, the next step's elements are on their way to the other. Part of DeviceKernelEmitter.
//
// A factor that is contiguous in pieces of 16 bytes is read so; any other is read through the
// nest's own maps, element by element.
#include "backends/gpu/DeviceKernelEmitter.h"
#include "mlir/Dialect/Math/IR/Math.h"

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
    return {16, 64, 16, 4, 4};
  if (lanes <= 16)
    return {64, 16, 16, 4, 4};
  if (rows <= 32 || lanes <= 32 || blocks(64, 64) < enoughBlocks)
    return {32, 32, 16, 4, 4};
  return {64, 64, 16, 4, 4};
}

/// Where a thread's part of a tile is along rows or lanes: pieces of up to 16 bytes, as far from
/// each other as all threads' pieces are long, so that neighbours read neighbouring ones.
struct Part {
  int64_t count, piece, distance;
  Value first;
};

/// One factor, and what of each of its tiles a thread reads: an element or a piece at a time.
struct Factor {
  Value operand, memory;
  llvm::ArrayRef<unsigned> loops;
  bool alongReduced;
  int64_t pitch, stageSize; // of a line of a tile, of a tile; in elements
  struct Read {
    Value own, depth; // position along its own loops, and in the tile along the reduced ones
    Value inside;     // whether it is below the limit of its own loops; null: it is
    Value exists;     // whether this thread has it to read; null: it has
    Value at;         // in a tile in shared memory
  };
  llvm::SmallVector<Read> reads;
};

} // namespace

void DeviceKernelEmitter::emitSimtTiles(const Product &product, DeviceCode &code) {
  exec::NestOp nest = product.nest;
  TileSpace space = tileSpace(product);
  Type sum = getElementTypeOrSelf(nest.getOutputs()[0]);
  const Tiling tile = chooseTiling(estimatedPoints(space.rowDims), estimatedPoints(space.laneDims),
                                   estimatedPoints(space.batchDims), sum);
  threads = tile.threads();
  beginTiles(code, space, tile.rows, tile.lanes);
  int64_t across = tile.lanes / tile.threadLanes, down = tile.rows / tile.threadRows;
  const int64_t wide = 128 / sum.getIntOrFloatBitWidth(); // elements of 16 bytes
  auto partOf = [&](Value number, int64_t count, int64_t threadsAlong) {
    int64_t piece = std::min(count, wide);
    return Part{count, piece, threadsAlong * piece, cb.mul(number, cb.integer(piece))};
  };
  const Part lanesPart = partOf(cb.remainder(thread, cb.integer(across)), tile.threadLanes, across);
  const Part rowsPart = partOf(cb.floorDiv(thread, cb.integer(across)), tile.threadRows, down);

  struct ReadFactor : Factor {
    std::optional<Pieces> pieces;
  };
  auto makeFactor = [&](Value operand, llvm::ArrayRef<unsigned> loops, Value first, int64_t width,
                        Dim limit, bool alongReduced) {
    ReadFactor f{{operand, {}, loops, alongReduced, width + (alongReduced ? wide : 0), 0, {}}, {}};
    f.stageSize = tile.depth * f.pitch;
    f.memory = shared(cpu::memoryType(sum), 2 * f.stageSize);
    if (takesPieces && cpu::memoryType(sum) == sum)
      f.pieces = piecesOf(nest, operand, alongReduced ? product.reduced.back() : loops.back());
    int64_t count = f.pieces ? f.pieces->count : 1;
    int64_t perLine = (alongReduced ? tile.depth : width) / count;
    int64_t reads = width * tile.depth / count;
    for (int64_t i = 0; i * threads < reads; ++i) {
      Value number = cb.add(thread, cb.integer(i * threads));
      Value line = cb.floorDiv(number, cb.integer(perLine));
      Value inLine = cb.mul(cb.remainder(number, cb.integer(perLine)), cb.integer(count));
      Value own = alongReduced ? line : inLine, depth = alongReduced ? inLine : line;
      Value position = cb.add(first, own), inside = isBelow(position, limit, width);
      Value exists;
      if (reads < threads)
        exists = arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::slt, number,
                                       cb.integer(reads));
      f.reads.push_back({position, depth, both(inside, exists), exists,
                         cb.add(cb.mul(depth, cb.integer(f.pitch)), own)});
    }
    return f;
  };
  ReadFactor a = makeFactor(product.a, product.rows, space.firstRow, tile.rows, space.rows,
                            product.aRunsAlongReduced);
  ReadFactor b = makeFactor(product.b, product.lanes, space.firstLane, tile.lanes, space.lanes,
                            product.bRunsAlongReduced);
  auto read = [&](const ReadFactor &f, const Factor::Read &each, Value step) {
    Value position = cb.add(step, each.depth);
    // The next step's are read in advance, beyond the last one too.
    Value isThere =
        both(each.inside, arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::slt,
                                                position, dim(space.depth)));
    Indices loops = loopsOf(product, space, f.loops, each.own, position);
    if (!f.pieces) {
      Value zero = arith::ConstantOp::create(builder, cb.loc, builder.getZeroAttr(sum));
      return orElse(isThere, zero, [&] { return operandOf(nest, f.operand, loops); });
    }
    auto type = VectorType::get({f.pieces->count}, sum);
    Value zero = arith::ConstantOp::create(builder, cb.loc, builder.getZeroAttr(type));
    auto [from, inTensor] = placeOfPiece(*f.pieces, loops);
    return orElse(both(isThere, inTensor), zero, [&, from = from]() -> Value {
      return LLVM::LoadOp::create(builder, cb.loc, type, from);
    });
  };
  auto readBoth = [&](Value step) {
    Values values;
    for (const ReadFactor *f : {&a, &b})
      for (const Factor::Read &each : f->reads)
        values.push_back(read(*f, each, step));
    return values;
  };
  auto writeBoth = [&](Value stage, ValueRange values) {
    size_t next = 0;
    for (const ReadFactor *f : {&a, &b})
      for (const Factor::Read &each : f->reads) {
        Value at = cb.add(cb.mul(stage, cb.integer(f->stageSize)), each.at), value = values[next++];
        auto write = [&] {
          if (!cpu::CodeBuilder::isVector(value))
            return storeTo(f->memory, sum, cb.uniform(at), value);
          if (!f->alongReduced) {
            LLVM::StoreOp::create(builder, cb.loc, value, cb.address(f->memory, at, sum));
            return;
          }
          for (int64_t i = 0; i < f->pieces->count; ++i)
            storeTo(f->memory, sum, cb.uniform(cb.add(at, cb.integer(i * f->pitch))),
                    vector::ExtractOp::create(builder, cb.loc, value, i));
        };
        each.exists ? cb.branch(each.exists, write) : write();
      }
  };
  auto multiply = [&](Value x, Value y) -> Value {
    if (llvm::isa<FloatType>(sum))
      return arith::MulFOp::create(builder, cb.loc, x, y);
    return arith::MulIOp::create(builder, cb.loc, x, y);
  };

  Value sums = privateArray(sum, tile.threadRows * tile.threadLanes),
        aPart = privateArray(sum, tile.threadRows), bPart = privateArray(sum, tile.threadLanes);
  Value zero = arith::ConstantOp::create(builder, cb.loc, builder.getZeroAttr(sum));
  unrolled(tile.threadRows * tile.threadLanes,
           [&](Value i) { storeTo(sums, sum, cb.uniform(i), zero); });
  auto loadPart = [&](Value to, const Part &part, const Factor &from, Value stage, Value line) {
    Value base =
        cb.add(cb.mul(stage, cb.integer(from.stageSize)), cb.mul(line, cb.integer(from.pitch)));
    unrolled(part.count / part.piece, [&](Value i) {
      Value at = cb.add(cb.add(base, part.first), cb.mul(i, cb.integer(part.distance)));
      Type element = cpu::memoryType(sum);
      Type type = VectorType::get({part.piece}, element);
      Value piece =
          LLVM::LoadOp::create(builder, cb.loc, type, cb.address(from.memory, at, element));
      LLVM::StoreOp::create(builder, cb.loc, piece,
                            cb.address(to, cb.mul(i, cb.integer(part.piece)), element));
    });
  };
  writeBoth(cb.integer(0), readBoth(cb.integer(0)));
  barrier();
  cb.loop(cb.integer(0), dim(space.depth), tile.depth, [&](Value step) {
    Value stage = cb.remainder(cb.floorDiv(step, cb.integer(tile.depth)), cb.integer(2));
    Values following = readBoth(cb.add(step, cb.integer(tile.depth)));
    unrolled(tile.depth, [&](Value line) {
      loadPart(aPart, rowsPart, a, stage, line);
      loadPart(bPart, lanesPart, b, stage, line);
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
    writeBoth(cb.sub(cb.integer(1), stage), following);
    barrier();
  });

  const int64_t finished = mostFinished(product, lanesPart.piece);
  auto position = [&](const Part &part, Value i) {
    Value piece = cb.mul(cb.floorDiv(i, cb.integer(part.piece)), cb.integer(part.distance));
    return cb.add(cb.add(piece, part.first), cb.remainder(i, cb.integer(part.piece)));
  };
  unrolled(tile.threadRows, [&](Value r) {
    Value row = cb.add(space.firstRow, position(rowsPart, r));
    unrolled(tile.threadLanes / finished, [&](Value number) {
      Value l = cb.mul(number, cb.integer(finished));
      finishElements(product, space, row, cb.add(space.firstLane, position(lanesPart, l)),
                     tile.rows, tile.lanes, sums,
                     cb.add(cb.mul(r, cb.integer(tile.threadLanes)), l), finished);
    });
  });
}

} // namespace ingot::gpu
