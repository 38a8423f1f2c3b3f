// Products of f16 and bf16 by tensor cores: each block computes a tile of the result, each warp a
// part of it from fragments (mma.sync, ldmatrix), with tiles of the factors in several stages of
// shared memory, which asynchronous copies fill while others are computed with. Part of
// DeviceKernelEmitter; fragments are laid out as the PTX ISA says.
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

constexpr int64_t stages = 3, depth = 32; // of the reduced loops at a time
constexpr int64_t piece = 8;              // elements of an asynchronous copy
constexpr int64_t linePadding = 8;        // so that neighbouring lines are in other banks
constexpr int64_t warp = 32;

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

bool isWhole(Dim extent) { return extent.isStatic() && extent.value() % piece == 0; }

} // namespace

Value halfOf(Value factor) {
  auto extend = factor.getDefiningOp<arith::ExtFOp>();
  Type type = extend ? extend.getIn().getType() : Type();
  return type && (type.isF16() || type.isBF16()) ? extend.getIn() : Value();
}

std::optional<DeviceKernelEmitter::Pieces>
DeviceKernelEmitter::piecesOf(exec::NestOp nest, Value half, unsigned fastLoop) {
  auto argument = llvm::dyn_cast<BlockArgument>(half);
  Dims bounds = loopDims(nest);
  if (!argument || argument.getArgNumber() < bounds.size() || !isWhole(bounds[fastLoop]))
    return std::nullopt;
  unsigned input = argument.getArgNumber() - bounds.size();
  Pieces pieces{nest.getInputs()[input], accessMap(nest, input), {}};
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
      inside = inside ? Value(arith::AndIOp::create(builder, cb.loc, inside, isHere)) : isHere;
    }
    at.push_back(index);
  }
  Value place = cb.address(baseOf(pieces.tensor), linearize(pieces.tensor.getType(), at).base,
                           builder.getI16Type());
  return {place, inside};
}

bool DeviceKernelEmitter::emitMmaTiles(const Product &product, DeviceCode &code) {
  Value aHalf = halfOf(product.a), bHalf = halfOf(product.b);
  exec::NestOp nest = product.nest;
  Type sum = getElementTypeOrSelf(nest.getOutputs()[0]);
  if (!target.mma || !aHalf || !bHalf || aHalf.getType() != bHalf.getType() || !sum.isF32())
    return false;
  Type half = aHalf.getType();
  TileSpace space = tileSpace(product);
  const WarpTiling tile =
      chooseTiling(estimate(space.rows), estimate(space.lanes), estimate(space.batches));
  threads = tile.threads();
  beginTiles(code, space, tile.rows, tile.lanes);
  Value warpNumber = cb.floorDiv(thread, cb.integer(warp));
  Value lane = cb.remainder(thread, cb.integer(warp));
  int64_t across = tile.lanes / tile.warpLanes;
  Value warpRow = cb.mul(cb.floorDiv(warpNumber, cb.integer(across)), cb.integer(tile.warpRows));
  Value warpLane = cb.mul(cb.remainder(warpNumber, cb.integer(across)), cb.integer(tile.warpLanes));

  // One factor: its stages in shared memory, lines along the reduced loops or across them.
  struct Factor {
    Value half, memory;
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
    f.pitch = (alongReduced ? depth : width) + linePadding;
    f.stageSize = (alongReduced ? width : depth) * f.pitch;
    f.memory = dynamicShared(stages * f.stageSize * 2);
    f.pieces = piecesOf(nest, value, alongReduced ? product.reduced.back() : own.back());
    return f;
  };
  Factor a = makeFactor(aHalf, product.rows, space.firstRow, space.rows, tile.rows,
                        product.aRunsAlongReduced);
  Factor b = makeFactor(bHalf, product.lanes, space.firstLane, space.lanes, tile.lanes,
                        product.bRunsAlongReduced);
  auto element = [&](const Factor &f, Value stage, Value own, Value reduced) {
    Value line = f.alongReduced ? own : reduced, inLine = f.alongReduced ? reduced : own;
    Value at = cb.add(cb.mul(line, cb.integer(f.pitch)), inLine);
    return cb.add(cb.mul(stage, cb.integer(f.stageSize)), at);
  };
  Value zero = arith::ConstantOp::create(builder, cb.loc, builder.getZeroAttr(half));
  auto fill = [&](const Factor &f, Value stage, Value step) {
    int64_t perLine = (f.alongReduced ? depth : f.width) / piece;
    for (int64_t i = 0; i < f.width * depth / piece / threads; ++i) {
      Value number = cb.add(thread, cb.integer(i * threads));
      Value line = cb.floorDiv(number, cb.integer(perLine));
      Value inLine = cb.mul(cb.remainder(number, cb.integer(perLine)), cb.integer(piece));
      Value own = f.alongReduced ? line : inLine, reduced = f.alongReduced ? inLine : line;
      Value to = cb.address(f.memory, element(f, stage, own, reduced), builder.getI16Type());
      auto loopsAt = [&](Value own, Value reduced) {
        return loopsOf(product, space, f.own, cb.add(f.first, own), cb.add(step, reduced));
      };
      auto isInside = [&](Value own, Value reduced) -> Value {
        return both(isBelow(cb.add(f.first, own), f.limit, f.width),
                    isBelow(cb.add(step, reduced), space.depth, depth));
      };
      if (f.pieces) {
        auto [from, inTensor] = placeOfPiece(*f.pieces, loopsAt(own, reduced));
        Value valid = both(isInside(own, reduced), inTensor);
        if (valid)
          func::CallOp::create(
              builder, cb.loc, "k_cp_async16_or_zero", TypeRange{},
              ValueRange{to, from,
                         arith::ExtUIOp::create(builder, cb.loc, builder.getI32Type(), valid)});
        else
          func::CallOp::create(builder, cb.loc, "k_cp_async16", TypeRange{}, ValueRange{to, from});
        continue;
      }
      unrolled(piece, [&](Value e) {
        Value ownE = f.alongReduced ? own : cb.add(own, e),
              reducedE = f.alongReduced ? cb.add(reduced, e) : reduced;
        Value value = orElse(isInside(ownE, reducedE), zero,
                             [&] { return operandOf(nest, f.half, loopsAt(ownE, reducedE)); });
        storeTo(to, half, cb.uniform(e), value);
      });
    }
  };
  auto fillBoth = [&](Value stage, Value number) {
    Value step = cb.mul(number, cb.integer(depth));
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
  Value steps = dim(space.depth.ceilDiv(depth));
  auto whileThereAre = [&](Value number, Value stage) {
    Value isThere =
        arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::slt, number, steps);
    cb.branch(isThere, [&] { fillBoth(stage, number); });
    commit();
  };
  for (int64_t stage = 0; stage + 1 < stages; ++stage)
    whileThereAre(cb.integer(stage), cb.integer(stage));

  Value inEight = cb.remainder(lane, cb.integer(8));
  auto bit = [&](int64_t n) { // of the lane's number, times 8
    Value shifted = cb.floorDiv(lane, cb.integer(n));
    return cb.mul(cb.remainder(shifted, cb.integer(2)), cb.integer(8));
  };
  /// Four 8 x 8 matrices from the place on; of each the lanes of a group give the lines.
  auto loadMatrix = [&](const Factor &f, Value stage, Value own, Value reduced, Value to) {
    Value from = cb.address(f.memory, element(f, stage, own, reduced), builder.getI16Type());
    func::CallOp::create(builder, cb.loc, f.alongReduced ? "k_ldmatrix_x4" : "k_ldmatrix_x4_trans",
                         TypeRange{}, ValueRange{to, from});
  };
  cb.loop(cb.integer(0), steps, 1, [&](Value number) {
    func::CallOp::create(builder, cb.loc, "k_cp_async_wait", TypeRange{},
                         ValueRange{cb.integer(stages - 2)});
    barrier(); // this step's are there, and nobody reads the stage that is filled next
    Value next = cb.add(number, cb.integer(stages - 1));
    whileThereAre(next, cb.remainder(next, cb.integer(stages)));
    Value stage = cb.remainder(number, cb.integer(stages));
    unrolled(depth / 16, [&](Value part) {
      Value reduced = cb.mul(part, cb.integer(16));
      unrolled(rowFragments, [&](Value i) {
        // Rows 0-7 and 8-15 of the first half of the sum, then those of the second.
        Value own = cb.add(cb.add(warpRow, cb.mul(i, cb.integer(16))), cb.add(inEight, bit(8)));
        Value along = cb.add(reduced, bit(16));
        if (!a.alongReduced) {
          own = cb.add(cb.add(warpRow, cb.mul(i, cb.integer(16))), bit(8));
          along = cb.add(reduced, cb.add(inEight, bit(16)));
        }
        loadMatrix(a, stage, own, along, cb.address(aFragments, cb.mul(i, cb.integer(4)), word));
      });
      unrolled(laneFragments / 2, [&](Value j) {
        // Both halves of the sum of lanes 0-7, then of lanes 8-15.
        Value first = cb.add(warpLane, cb.mul(j, cb.integer(16)));
        Value own = cb.add(first, cb.add(inEight, bit(16))), along = cb.add(reduced, bit(8));
        if (!b.alongReduced) {
          own = cb.add(first, bit(16));
          along = cb.add(reduced, cb.add(inEight, bit(8)));
        }
        loadMatrix(b, stage, own, along, cb.address(bFragments, cb.mul(j, cb.integer(4)), word));
      });
      unrolled(rowFragments, [&](Value i) {
        unrolled(laneFragments, [&](Value j) {
          Value at = cb.add(cb.mul(i, cb.integer(laneFragments)), j);
          func::CallOp::create(builder, cb.loc, half.isF16() ? "k_mma_f16" : "k_mma_bf16",
                               TypeRange{},
                               ValueRange{cb.address(sums, cb.mul(at, cb.integer(4)), sum),
                                          cb.address(aFragments, cb.mul(i, cb.integer(4)), word),
                                          cb.address(bFragments, cb.mul(j, cb.integer(2)), word)});
        });
      });
    });
  });

  // Each thread has, of a fragment, two neighbours in a row, and two 8 rows below.
  Value quad = cb.floorDiv(lane, cb.integer(4)),
        pair = cb.mul(cb.remainder(lane, cb.integer(4)), cb.integer(2));
  unrolled(rowFragments * 2, [&](Value i) {
    Value inWarp = cb.add(cb.mul(i, cb.integer(8)), quad);
    Value row = cb.add(cb.add(space.firstRow, warpRow), inWarp);
    Value fragment = cb.floorDiv(i, cb.integer(2)), lower = cb.remainder(i, cb.integer(2));
    unrolled(laneFragments * 2, [&](Value j) {
      Value tileOfEight = cb.floorDiv(j, cb.integer(2)), second = cb.remainder(j, cb.integer(2));
      Value across = cb.add(cb.mul(tileOfEight, cb.integer(8)), cb.add(pair, second));
      Value at = cb.add(cb.mul(fragment, cb.integer(laneFragments)), tileOfEight);
      at = cb.add(cb.mul(at, cb.integer(4)), cb.add(cb.mul(lower, cb.integer(2)), second));
      finishElement(product, space, row, cb.add(cb.add(space.firstLane, warpLane), across),
                    tile.rows, tile.lanes, load(sums, sum, cb.uniform(at)));
    });
  });
  return true;
}

} // namespace ingot::gpu
