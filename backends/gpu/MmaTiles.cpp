// Products of f16 and bf16, and of f32 where its factors may be rounded to TF32, by tensor cores:
// each block computes a tile of the result, each warp a part of it from fragments (mma.sync,
// ldmatrix), with tiles of the factors in several stages of shared memory, which asynchronous
// copies fill while others are computed with. Part of DeviceKernelEmitter; fragments are laid out
// as the PTX ISA says.
//
// A factor that is contiguous along its last loop in whole pieces of 16 bytes is copied so; any
// other is read element by element, as ContractionTiles does.
#include "backends/gpu/DeviceKernelEmitter.h"
#include "compiler/fusion/FormKernels.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace ingot::gpu {

using cpu::Index;

namespace {

constexpr int64_t stages = 3;
constexpr int64_t pieceBytes = 16; // of an asynchronous copy, and of a line of a fragment's quarter
constexpr int64_t stepBytes = 64;  // of the reduced loops at a time
constexpr int64_t warp = 32;

/// What the factors are multiplied as.
struct MmaType {
  Type element;       // in memory
  const char *callee; // the product of fragments, `depth` of the reduced loops at a time
  int64_t bytes() const { return element.getIntOrFloatBitWidth() / 8; }
  int64_t piece() const { return pieceBytes / bytes(); }
  int64_t depth() const { return 2 * piece(); }
  int64_t step() const { return stepBytes / bytes(); }
  bool isTf32() const { return element.isF32(); }
};

/// Of the result: a block's, a warp's; in elements.
struct WarpTiling {
  int64_t rows, lanes, warpRows, warpLanes;
  int64_t threads() const { return rows / warpRows * (lanes / warpLanes) * warp; }
};

WarpTiling chooseTiling(int64_t rows, int64_t lanes, int64_t batches) {
  constexpr int64_t enoughBlocks = 96;
  int64_t large = batches * llvm::divideCeil(rows, 128) * llvm::divideCeil(lanes, 128);
  if (rows >= 128 && lanes >= 128 && large >= enoughBlocks)
    return {128, 128, 64, 32};
  return {64, 64, 32, 32};
}

MmaType mmaType(Type element) {
  return {element, element.isF16() ? "k_mma_f16" : element.isBF16() ? "k_mma_bf16" : "k_mma_tf32"};
}

/// The factors as tensor cores take them; nothing where they do not.
std::optional<std::pair<Value, Value>> mmaFactors(const Product &product, bool mayRound) {
  Value a = halfOf(product.a), b = halfOf(product.b);
  if (a && b && a.getType() == b.getType())
    return std::pair(a, b);
  if (mayRound && product.a.getType().isF32() && product.b.getType().isF32())
    return std::pair(product.a, product.b);
  return std::nullopt;
}

} // namespace

Value halfOf(Value factor) {
  auto extend = factor.getDefiningOp<arith::ExtFOp>();
  Type type = extend ? extend.getIn().getType() : Type();
  return type && (type.isF16() || type.isBF16()) ? extend.getIn() : Value();
}

bool DeviceKernelEmitter::emitMmaTiles(const Product &product, DeviceCode &code) {
  exec::NestOp nest = product.nest;
  Type sum = getElementTypeOrSelf(nest.getOutputs()[0]);
  auto factors = mmaFactors(product, context.options.gpuTf32);
  if (!target.mma || !factors || !sum.isF32())
    return false;
  auto [aFactor, bFactor] = *factors;
  const MmaType type = mmaType(aFactor.getType());
  TileSpace space = tileSpace(product);
  const WarpTiling tile =
      chooseTiling(estimatedPoints(space.rowDims), estimatedPoints(space.laneDims),
                   estimatedPoints(space.batchDims));
  threads = tile.threads();
  beginTiles(code, space, tile.rows, tile.lanes);
  Value warpNumber = cb.floorDiv(thread, cb.integer(warp));
  Value lane = cb.remainder(thread, cb.integer(warp));
  int64_t across = tile.lanes / tile.warpLanes;
  Value warpRow = cb.mul(cb.floorDiv(warpNumber, cb.integer(across)), cb.integer(tile.warpRows));
  Value warpLane = cb.mul(cb.remainder(warpNumber, cb.integer(across)), cb.integer(tile.warpLanes));

  // One factor: its stages in shared memory, lines along the reduced loops or across them.
  struct Factor {
    Value value, memory;
    llvm::ArrayRef<unsigned> own;
    Value first;
    Dim limit;
    int64_t width;
    bool alongReduced;
    int64_t pitch, stageSize;
    std::optional<Pieces> pieces;
  };
  auto makeFactor = [&](Value value, llvm::ArrayRef<unsigned> own, Value first, Dim limit,
                        int64_t width, bool alongReduced) {
    Factor f{value, {}, own, first, limit, width, alongReduced, 0, 0, {}};
    // Lines that are read together are in other banks.
    int64_t padding = !alongReduced && type.isTf32() ? 2 * type.piece() : type.piece();
    f.pitch = (alongReduced ? type.step() : width) + padding;
    f.stageSize = (alongReduced ? width : type.step()) * f.pitch;
    f.memory = dynamicShared(stages * f.stageSize * type.bytes());
    f.pieces = piecesOf(nest, value, alongReduced ? product.reduced.back() : own.back());
    return f;
  };
  Factor a = makeFactor(aFactor, product.rows, space.firstRow, space.rows, tile.rows,
                        product.aRunsAlongReduced);
  Factor b = makeFactor(bFactor, product.lanes, space.firstLane, space.lanes, tile.lanes,
                        product.bRunsAlongReduced);
  auto place = [&](const Factor &f, Value stage, Value own, Value reduced) {
    Value line = f.alongReduced ? own : reduced, inLine = f.alongReduced ? reduced : own;
    Value at = cb.add(cb.mul(line, cb.integer(f.pitch)), inLine);
    at = cb.add(cb.mul(stage, cb.integer(f.stageSize)), at);
    return cb.address(f.memory, at, cpu::memoryType(type.element));
  };
  Value zero = arith::ConstantOp::create(builder, cb.loc, builder.getZeroAttr(type.element));
  auto fill = [&](const Factor &f, Value stage, Value step) {
    int64_t perLine = (f.alongReduced ? type.step() : f.width) / type.piece();
    for (int64_t i = 0; i < f.width * type.step() / type.piece() / threads; ++i) {
      Value number = cb.add(thread, cb.integer(i * threads));
      Value line = cb.floorDiv(number, cb.integer(perLine));
      Value inLine = cb.mul(cb.remainder(number, cb.integer(perLine)), cb.integer(type.piece()));
      Value own = f.alongReduced ? line : inLine, reduced = f.alongReduced ? inLine : line;
      Value to = place(f, stage, own, reduced);
      auto loopsAt = [&](Value own, Value reduced) {
        return loopsOf(product, space, f.own, cb.add(f.first, own), cb.add(step, reduced));
      };
      auto isInside = [&](Value own, Value reduced) -> Value {
        return both(isBelow(cb.add(f.first, own), f.limit, f.width),
                    isBelow(cb.add(step, reduced), space.depth, type.step()));
      };
      if (f.pieces) {
        copyPiece(*f.pieces, to, loopsAt(own, reduced), isInside(own, reduced));
        continue;
      }
      unrolled(type.piece(), [&](Value e) {
        Value ownE = f.alongReduced ? own : cb.add(own, e),
              reducedE = f.alongReduced ? cb.add(reduced, e) : reduced;
        Value value = orElse(isInside(ownE, reducedE), zero,
                             [&] { return operandOf(nest, f.value, loopsAt(ownE, reducedE)); });
        storeTo(to, type.element, cb.uniform(e), value);
      });
    }
  };
  auto fillBoth = [&](Value stage, Value number) {
    Value step = cb.mul(number, cb.integer(type.step()));
    fill(a, stage, step);
    fill(b, stage, step);
  };
  auto commit = [&] { func::CallOp::create(builder, cb.loc, "k_cp_async_commit", TypeRange{}); };

  int64_t rowFragments = tile.warpRows / 16, laneFragments = tile.warpLanes / 8;
  Type word = builder.getI32Type();
  Value sums = privateArray(sum, rowFragments * laneFragments * 4),
        aFragments = privateArray(word, rowFragments * 4),
        bFragments = privateArray(word, laneFragments * 2);
  Value none = arith::ConstantOp::create(builder, cb.loc, builder.getZeroAttr(sum));
  unrolled(rowFragments * laneFragments * 4,
           [&](Value i) { storeTo(sums, sum, cb.uniform(i), none); });
  Value steps = dim(space.depth.ceilDiv(type.step()));
  auto whileThereAre = [&](Value number, Value stage) {
    Value isThere =
        arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::slt, number, steps);
    cb.branch(isThere, [&] { fillBoth(stage, number); });
    commit();
  };
  for (int64_t stage = 0; stage + 1 < stages; ++stage)
    whileThereAre(cb.integer(stage), cb.integer(stage));

  Value inEight = cb.remainder(lane, cb.integer(8));
  Value quad = cb.floorDiv(lane, cb.integer(4)), inQuad = cb.remainder(lane, cb.integer(4));
  auto bit = [&](int64_t n, int64_t times) { // of the lane's number
    Value shifted = cb.floorDiv(lane, cb.integer(n));
    return cb.mul(cb.remainder(shifted, cb.integer(2)), cb.integer(times));
  };
  /// Four matrices of 8 lines of 16 bytes from the place on; of each the lanes of a group give the
  /// lines.
  auto loadMatrix = [&](const Factor &f, Value stage, Value own, Value reduced, Value to) {
    func::CallOp::create(builder, cb.loc, f.alongReduced ? "k_ldmatrix_x4" : "k_ldmatrix_x4_trans",
                         TypeRange{}, ValueRange{to, place(f, stage, own, reduced)});
  };
  /// The same of f32 in lines across the reduced loops, which no instruction turns: 16 of the own
  /// loops from the place on, where the second 8 come before the second half of the sum or behind.
  auto loadTurned = [&](const Factor &f, Value stage, Value own, Value reduced, Value to,
                        bool ownFirst) {
    for (int64_t i = 0; i < 4; ++i) {
      int64_t ownHalf = ownFirst ? i % 2 : i / 2, sumHalf = ownFirst ? i / 2 : i % 2;
      Value from = place(f, stage, cb.add(own, cb.add(quad, cb.integer(ownHalf * 8))),
                         cb.add(reduced, cb.add(inQuad, cb.integer(sumHalf * type.piece()))));
      Value loaded = LLVM::LoadOp::create(builder, cb.loc, word, from);
      LLVM::StoreOp::create(builder, cb.loc, loaded, cb.address(to, cb.integer(i), word));
    }
  };
  auto roundToTf32 = [&](Value fragments, int64_t count) {
    unrolled(count, [&](Value i) {
      Value at = cb.address(fragments, i, word);
      Value bits = LLVM::LoadOp::create(builder, cb.loc, word, at);
      Value exact = arith::BitcastOp::create(builder, cb.loc, builder.getF32Type(), bits);
      Value rounded =
          func::CallOp::create(builder, cb.loc, "k_f32_to_tf32", word, exact).getResult(0);
      LLVM::StoreOp::create(builder, cb.loc, rounded, at);
    });
  };
  cb.loop(cb.integer(0), steps, 1, [&](Value number) {
    func::CallOp::create(builder, cb.loc, "k_cp_async_wait", TypeRange{},
                         ValueRange{cb.integer(stages - 2)});
    barrier(); // this step's are there, and nobody reads the stage that is filled next
    Value next = cb.add(number, cb.integer(stages - 1));
    whileThereAre(next, cb.remainder(next, cb.integer(stages)));
    Value stage = cb.remainder(number, cb.integer(stages));
    unrolled(type.step() / type.depth(), [&](Value part) {
      Value reduced = cb.mul(part, cb.integer(type.depth()));
      int64_t half = type.piece(); // of the sum
      unrolled(rowFragments, [&](Value i) {
        // Rows 0-7 and 8-15 of the first half of the sum, then those of the second.
        Value own = cb.add(warpRow, cb.mul(i, cb.integer(16)));
        Value to = cb.address(aFragments, cb.mul(i, cb.integer(4)), word);
        if (a.alongReduced)
          loadMatrix(a, stage, cb.add(own, cb.add(inEight, bit(8, 8))),
                     cb.add(reduced, bit(16, half)), to);
        else if (type.isTf32())
          loadTurned(a, stage, own, reduced, to, /*ownFirst=*/true);
        else
          loadMatrix(a, stage, cb.add(own, bit(8, 8)),
                     cb.add(reduced, cb.add(inEight, bit(16, half))), to);
      });
      unrolled(laneFragments / 2, [&](Value j) {
        // Both halves of the sum of lanes 0-7, then of lanes 8-15.
        Value own = cb.add(warpLane, cb.mul(j, cb.integer(16)));
        Value to = cb.address(bFragments, cb.mul(j, cb.integer(4)), word);
        if (b.alongReduced)
          loadMatrix(b, stage, cb.add(own, cb.add(inEight, bit(16, 8))),
                     cb.add(reduced, bit(8, half)), to);
        else if (type.isTf32())
          loadTurned(b, stage, own, reduced, to, /*ownFirst=*/false);
        else
          loadMatrix(b, stage, cb.add(own, bit(16, 8)),
                     cb.add(reduced, cb.add(inEight, bit(8, half))), to);
      });
      if (type.isTf32()) {
        roundToTf32(aFragments, rowFragments * 4);
        roundToTf32(bFragments, laneFragments * 2);
      }
      unrolled(rowFragments, [&](Value i) {
        unrolled(laneFragments, [&](Value j) {
          Value at = cb.add(cb.mul(i, cb.integer(laneFragments)), j);
          func::CallOp::create(builder, cb.loc, type.callee, TypeRange{},
                               ValueRange{cb.address(sums, cb.mul(at, cb.integer(4)), sum),
                                          cb.address(aFragments, cb.mul(i, cb.integer(4)), word),
                                          cb.address(bFragments, cb.mul(j, cb.integer(2)), word)});
        });
      });
    });
  });

  // Each thread has, of a fragment, two neighbours in a row, and two 8 rows below.
  const int64_t finished = mostFinished(product, 2);
  unrolled(rowFragments * 2, [&](Value i) {
    Value inWarp = cb.add(cb.mul(i, cb.integer(8)), quad);
    Value row = cb.add(cb.add(space.firstRow, warpRow), inWarp);
    Value fragment = cb.floorDiv(i, cb.integer(2)), lower = cb.remainder(i, cb.integer(2));
    unrolled(laneFragments, [&](Value j) {
      Value pair = cb.add(cb.mul(j, cb.integer(8)), cb.mul(inQuad, cb.integer(2)));
      Value at = cb.add(cb.mul(fragment, cb.integer(laneFragments)), j);
      at = cb.add(cb.mul(at, cb.integer(4)), cb.mul(lower, cb.integer(2)));
      unrolled(2 / finished, [&](Value number) {
        Value second = cb.mul(number, cb.integer(finished));
        finishElements(product, space, row,
                       cb.add(cb.add(space.firstLane, warpLane), cb.add(pair, second)), tile.rows,
                       tile.lanes, sums, cb.add(at, second), finished);
      });
    });
  });
  return true;
}

} // namespace ingot::gpu
