// Products of matrices of f16 and bf16 by warp groups (wgmma, sm_90a): each block computes a tile
// of the result, each group of four warps 64 rows of it, from tiles of the factors in several
// stages of shared memory, which the tensor memory accelerator fills. Part of DeviceKernelEmitter.
// Layouts in shared memory are the canonical ones of the PTX ISA (asynchronous warpgroup level
// matrix instructions), swizzled by 128 bytes, along the depth or across it.
#include "backends/gpu/DeviceKernelEmitter.h"
#include "backends/gpu/StridedOperand.h"

using namespace mlir;

namespace ingot::gpu {

namespace {

constexpr int64_t stages = 4, depth = 64; // of the reduced loops at a time
constexpr int64_t group = 128;            // threads, which have
constexpr int64_t groupRows = 64;
constexpr int64_t lineBytes = 128; // 64 elements

struct GroupTiling {
  int64_t rows, lanes;
  int64_t threads() const { return rows / groupRows * group; }
};

GroupTiling chooseTiling(int64_t rows, int64_t lanes) {
  constexpr int64_t enoughBlocks = 96;
  if (llvm::divideCeil(rows, 128) * llvm::divideCeil(lanes, 128) >= enoughBlocks)
    return {128, 128};
  return {64, lanes > 64 ? 128 : 64};
}

} // namespace

/// A factor as a matrix of its own loops and the reduced ones.
struct DeviceKernelEmitter::Matrix {
  Value tensor;  // in the function
  bool isAcross; // contiguous along its own loops, not along the reduced ones
  Dim stride;    // of the other
};

std::optional<DeviceKernelEmitter::Matrix>
DeviceKernelEmitter::matrixOf(exec::NestOp nest, Value half, llvm::ArrayRef<unsigned> own,
                              llvm::ArrayRef<unsigned> reduced) {
  auto operand = stridedOperand(kernel, nest, half);
  if (!operand || !isConstant(operand->offset, 0) ||
      storageOf(operand->tensor).kind == Storage::Kind::Local)
    return std::nullopt;
  Dims bounds = loopDims(nest);
  llvm::ArrayRef<Dim> strides(operand->strides);
  auto ownLoops = joinedLoops(own, bounds, strides, builder.getContext()),
       reducedLoops = joinedLoops(reduced, bounds, strides, builder.getContext());
  if (!ownLoops || !reducedLoops)
    return std::nullopt;
  Dim ownStep = ownLoops->steps[0], reducedStep = reducedLoops->steps[0];
  Matrix matrix{operand->tensor, !isConstant(reducedStep, 1), {}};
  matrix.stride = matrix.isAcross ? reducedStep : ownStep;
  if (matrix.isAcross && !isConstant(ownStep, 1))
    return std::nullopt;
  // Lines start at multiples of 16 bytes, which the planned memory does.
  if (!matrix.stride.isStatic() || matrix.stride.value() % 8 != 0)
    return std::nullopt;
  return matrix;
}

bool DeviceKernelEmitter::emitWgmmaTiles(const Product &product, DeviceCode &code) {
  exec::NestOp nest = product.nest;
  Value aHalf = halfOf(product.a), bHalf = halfOf(product.b);
  Type sum = getElementTypeOrSelf(nest.getOutputs()[0]);
  if (!target.wgmma || !aHalf || !bHalf || aHalf.getType() != bHalf.getType() || !sum.isF32())
    return false;
  TileSpace space = tileSpace(product);
  const int64_t rows = estimatedPoints(space.rowDims), lanes = estimatedPoints(space.laneDims);
  if (!isConstant(space.batches, 1) || estimatedPoints(space.reducedDims) < depth ||
      rows < groupRows || lanes < groupRows)
    return false;
  auto a = matrixOf(nest, aHalf, product.rows, product.reduced),
       b = matrixOf(nest, bHalf, product.lanes, product.reduced);
  if (!a || !b)
    return false;
  const GroupTiling tile = chooseTiling(rows, lanes);
  threads = tile.threads();
  beginTiles(code, space, tile.rows, tile.lanes);

  // One factor: its stages in shared memory, and how a box of it is asked for.
  struct Factor {
    bool isAcross;
    int64_t width;
    Value memory, map, first;
    int64_t stageBytes() const { return width * lineBytes; }
  };
  auto makeFactor = [&](const Matrix &matrix, Dim own, Value first, int64_t width) {
    Value number = cb.integer(static_cast<int64_t>(code.maps.size()));
    TensorMap map{matrix.tensor, {space.depth, own}, matrix.stride, width};
    if (matrix.isAcross) {
      std::swap(map.extents[0], map.extents[1]);
      map.boxLines = depth;
    }
    code.maps.push_back(map);
    Value pointer =
        func::CallOp::create(builder, cb.loc, intrinsic::tensorMap, TypeRange{cb.pointer()}, number)
            .getResult(0);
    Factor factor{matrix.isAcross, width, {}, pointer, first};
    factor.memory = dynamicShared(stages * factor.stageBytes());
    return factor;
  };
  const Factor left = makeFactor(*a, space.rows, space.firstRow, tile.rows),
               right = makeFactor(*b, space.lanes, space.firstLane, tile.lanes);
  Value barriers = dynamicShared(stages * 8);
  auto call = [&](const llvm::Twine &callee, ValueRange arguments, Type result = {}) -> Value {
    auto made = func::CallOp::create(builder, cb.loc, callee.str(),
                                     result ? TypeRange{result} : TypeRange{}, arguments);
    return result ? made.getResult(0) : Value();
  };
  auto bytesFrom = [&](Value base, Value offset) {
    return cb.address(base, offset, builder.getI8Type());
  };
  auto barrierOf = [&](Value stage) { return bytesFrom(barriers, cb.mul(stage, cb.integer(8))); };
  Value isFirst = isFirstThread();
  cb.branch(isFirst, [&] {
    for (int64_t stage = 0; stage < stages; ++stage)
      call("k_mbar_init", {barrierOf(cb.integer(stage)), cb.integer(1)});
  });
  barrier(); // they are there

  Value steps = dim(space.depth.ceilDiv(depth));
  auto load = [&](const Factor &f, Value stage, Value step) {
    Value to = bytesFrom(f.memory, cb.mul(stage, cb.integer(f.stageBytes())));
    Value reduced = cb.mul(step, cb.integer(depth));
    if (!f.isAcross) {
      call("k_tma_load_2d", {to, f.map, reduced, f.first, barrierOf(stage)});
      return;
    }
    for (int64_t lines = 0; lines < f.width; lines += 64)
      call("k_tma_load_2d", {bytesFrom(to, cb.integer(lines * lineBytes)), f.map,
                             cb.add(f.first, cb.integer(lines)), reduced, barrierOf(stage)});
  };
  /// By one thread, where there is such a step.
  auto loadStep = [&](Value step) {
    Value isThere = arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::slt, step, steps);
    cb.branch(both(isFirst, isThere), [&] {
      Value stage = cb.remainder(step, cb.integer(stages));
      call("k_mbar_expect", {barrierOf(stage), cb.integer(left.stageBytes() + right.stageBytes())});
      load(left, stage, step);
      load(right, stage, step);
    });
  };
  for (int64_t step = 0; step + 1 < stages; ++step)
    loadStep(cb.integer(step));

  Value inGroup = cb.remainder(thread, cb.integer(group));
  Value groupRow = cb.mul(cb.floorDiv(thread, cb.integer(group)), cb.integer(groupRows));
  const int64_t sumsOfThread = tile.lanes / 2;
  Value sums = privateArray(sum, sumsOfThread);
  Value none = arith::ConstantOp::create(builder, cb.loc, builder.getZeroAttr(sum));
  unrolled(sumsOfThread, [&](Value i) { storeTo(sums, sum, cb.uniform(i), none); });
  auto descriptor = [&](const Factor &f, Value stage, Value row) {
    Value at =
        cb.add(cb.mul(stage, cb.integer(f.stageBytes())), cb.mul(row, cb.integer(lineBytes)));
    Value from = bytesFrom(f.memory, at);
    return f.isAcross
               ? call("k_wgmma_descriptor_across", {from, cb.integer(depth * lineBytes)}, cb.i64())
               : call("k_wgmma_descriptor", {from}, cb.i64());
  };
  const std::string suffix =
      left.isAcross || right.isAcross
          ? std::string("_") + (left.isAcross ? "a" : "") + (right.isAcross ? "b" : "")
          : "";
  const std::string multiply = "k_wgmma_m64n" + std::to_string(tile.lanes) + "k16_" +
                               (aHalf.getType().isF16() ? "f16" : "bf16") + suffix;
  cb.loop(cb.integer(0), steps, 1, [&](Value step) {
    // The stage of the step before is free: all groups are behind it.
    loadStep(cb.add(step, cb.integer(stages - 1)));
    Value stage = cb.remainder(step, cb.integer(stages));
    Value turn = cb.remainder(cb.floorDiv(step, cb.integer(stages)), cb.integer(2));
    call("k_mbar_wait", {barrierOf(stage), turn});
    Value a = descriptor(left, stage, groupRow), b = descriptor(right, stage, cb.integer(0));
    call("k_wgmma_fence", {});
    for (int64_t part = 0; part < depth / 16; ++part) {
      auto at = [&](Value first, bool isAcross) { // in units of 16 bytes
        return cb.add(first, cb.integer(part * (isAcross ? 16 * lineBytes / 16 : 2)));
      };
      call(multiply, {sums, at(a, left.isAcross), at(b, right.isAcross)});
    }
    call("k_wgmma_commit", {});
    call("k_wgmma_wait", {cb.integer(0)});
    call("k_wgmma_hold", {sums, cb.integer(sumsOfThread)});
    barrier();
  });

  // Each thread has, of 8 columns, two neighbours in a row, and two 8 rows below.
  Value warpRow = cb.mul(cb.floorDiv(inGroup, cb.integer(32)), cb.integer(16));
  Value lane = cb.remainder(inGroup, cb.integer(32));
  Value firstRow =
      cb.add(cb.add(space.firstRow, groupRow), cb.add(warpRow, cb.floorDiv(lane, cb.integer(4))));
  Value pair = cb.mul(cb.remainder(lane, cb.integer(4)), cb.integer(2));
  const int64_t together = mostFinished(product, 2);
  unrolled(sumsOfThread / together, [&](Value number) {
    Value i = cb.mul(number, cb.integer(together));
    Value lower = cb.remainder(cb.floorDiv(i, cb.integer(2)), cb.integer(2));
    Value row = cb.add(firstRow, cb.mul(lower, cb.integer(8)));
    Value column = cb.add(cb.mul(cb.floorDiv(i, cb.integer(4)), cb.integer(8)),
                          cb.add(pair, cb.remainder(i, cb.integer(2))));
    finishElements(product, space, row, cb.add(space.firstLane, column), tile.rows, tile.lanes,
                   sums, i, together);
  });
  return true;
}

} // namespace ingot::gpu
