// See StreamedTiles.h. Fragments of tensor cores are laid out as the PTX ISA says (mma.m16n8k16).
#include "backends/gpu/StreamedTiles.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace ingot::gpu {

using cpu::Index;

void TileMath::clear(Value array, int64_t count) {
  Type f32 = e.builder.getF32Type();
  Value zero = arith::ConstantOp::create(e.builder, e.cb.loc, e.builder.getZeroAttr(f32));
  e.unrolled(count, [&](Value i) { e.storeTo(array, f32, e.cb.uniform(i), zero); });
}

/// 8 threads a row, whose columns are 8 apart.
class RegisterTiles : public TileMath {
public:
  RegisterTiles(StreamedEmitter &emitter, const TileDemands &demands, int64_t sharedBytes)
      : TileMath(emitter) {
    across = 8;
    // The largest that there is room for, or the least.
    for (tileY = 32, rowsOfThread = 4;; rowsOfThread > 1 ? rowsOfThread /= 2 : tileY = 16) {
      tileX = groups * rowsOfThread;
      if (bytesFor(demands) <= sharedBytes || (rowsOfThread == 1 && tileY == 16))
        break;
    }
  }

  void begin() override {
    laneInRow = e.cb.remainder(e.thread, e.cb.integer(across));
    firstRow = e.cb.mul(e.cb.floorDiv(e.thread, e.cb.integer(across)), e.cb.integer(rowsOfThread));
  }
  Value rowOf(Value r) override { return e.cb.add(firstRow, r); }
  Value columnOf(Value c) override {
    return e.cb.add(laneInRow, e.cb.mul(c, e.cb.integer(across)));
  }
  Value elementOf(Value r, Value c) override {
    return e.cb.add(e.cb.mul(c, e.cb.integer(rowsOfThread)), r);
  }

  int64_t padded(int64_t size) const override { return llvm::alignTo(size, across); }
  int64_t pitch(int64_t size) const override { return padded(size) + 1; } // odd: other banks
  Value residentMemory(int64_t size) override { return memory(tileX * pitch(size)); }
  Value passingMemory() override { return passing ? passing : passing = memory(passingBytes / 4); }
  Value factorOf(Value factor) override { return factor; }
  int64_t pieceOf(exec::NestOp, Value, unsigned) override { return 1; }
  void copyPiece(Value, llvm::ArrayRef<Index>, Value) override {
    llvm_unreachable("elements are stored one by one");
  }
  void waitForFill() override { e.barrier(); }

  void multiplyScores(Value scores, Value a, Value b, int64_t depth) override {
    e.cb.loop(e.cb.integer(0), e.cb.integer(padded(depth)), 4, [&](Value first) {
      for (int64_t i = 0; i < 4; ++i) {
        Value k = e.cb.add(first, e.cb.integer(i));
        multiply(
            scores, tileY,
            [&](Value r) { return e.cb.add(e.cb.mul(rowOf(r), e.cb.integer(pitch(depth))), k); }, a,
            [&](Value c) { return e.cb.add(e.cb.mul(columnOf(c), e.cb.integer(pitch(depth))), k); },
            b);
      }
    });
  }
  void multiplyMade(Value sums, Value b, int64_t lanes,
                    llvm::function_ref<Value(Value, Value)> made) override {
    if (!madeMemory)
      madeMemory = memory(tileX * (tileY + 1));
    Value line = e.cb.integer(tileY + 1);
    e.forElements(tileY, [&](Value r, Value c) {
      Value at = e.cb.add(e.cb.mul(rowOf(r), line), columnOf(c));
      e.storeTo(madeMemory, f32(), e.cb.uniform(at), made(r, c));
    });
    waitForFill();
    e.cb.loop(e.cb.integer(0), e.cb.integer(tileY), 1, [&](Value y) {
      multiply(
          sums, padded(lanes), [&](Value r) { return e.cb.add(e.cb.mul(rowOf(r), line), y); },
          madeMemory,
          [&](Value c) { return e.cb.add(e.cb.mul(y, e.cb.integer(pitch(lanes))), columnOf(c)); },
          b);
    });
  }

private:
  Type f32() { return e.builder.getF32Type(); }
  Value memory(int64_t count) { return e.shared(f32(), count); }

  /// One step of a product: all of a thread's elements.
  void multiply(Value sums, int64_t width, llvm::function_ref<Value(Value)> aAt, Value a,
                llvm::function_ref<Value(Value)> bAt, Value b) {
    llvm::SmallVector<Value> x, y;
    for (int64_t r = 0; r < rowsOfThread; ++r)
      x.push_back(e.load(a, f32(), e.cb.uniform(aAt(e.cb.integer(r)))));
    for (int64_t c = 0; c < columnsOfThread(width); ++c)
      y.push_back(e.load(b, f32(), e.cb.uniform(bAt(e.cb.integer(c)))));
    for (auto [c, factor] : llvm::enumerate(y))
      for (auto [r, other] : llvm::enumerate(x)) {
        Index at = e.cb.uniform(elementOf(e.cb.integer(r), e.cb.integer(c)));
        Value before = e.load(sums, f32(), at);
        e.storeTo(sums, f32(), at, math::FmaOp::create(e.builder, e.cb.loc, other, factor, before));
      }
  }

  int64_t bytesFor(const TileDemands &demands) {
    passingBytes = 0;
    for (int64_t size : llvm::concat<const int64_t>(demands.depths, demands.lanes))
      passingBytes = std::max(passingBytes, tileY * pitch(size) * 4);
    int64_t bytes = passingBytes + tileX * (tileY + 1) * 4 + tileX * across * 4;
    for (int64_t depth : demands.depths)
      bytes += tileX * pitch(depth) * 4;
    return bytes;
  }

  static constexpr int64_t groups = 16; // of threads that share rows
  int64_t passingBytes = 0;
  Value firstRow, passing, madeMemory;
};

/// A warp has 16 rows and all columns, 4 threads a row: fragments of mma.m16n8k16.
class MmaScoreTiles : public TileMath {
public:
  MmaScoreTiles(StreamedEmitter &emitter, const TileDemands &demands, Type half)
      : TileMath(emitter), half(half) {
    across = 4;
    rowsOfThread = 2;
    tileX = 64;
    int64_t registers = 0;
    for (int64_t lanes : demands.lanes)
      registers += rowsOfThread * padded(lanes) / across;
    tileY = 64;
    while (tileY > 16 && registers + demands.scores * rowsOfThread * tileY / across > mostRegisters)
      tileY /= 2;
    for (int64_t size : llvm::concat<const int64_t>(demands.depths, demands.lanes))
      passingElements = std::max(passingElements, tileY * pitch(size));
  }

  void begin() override {
    lane = e.cb.remainder(e.thread, e.cb.integer(32));
    warpRow = e.cb.mul(e.cb.floorDiv(e.thread, e.cb.integer(32)), e.cb.integer(16));
    laneInRow = e.cb.remainder(lane, e.cb.integer(4));
    quad = e.cb.floorDiv(lane, e.cb.integer(4));
  }
  Value rowOf(Value r) override {
    return e.cb.add(e.cb.add(warpRow, quad), e.cb.mul(r, e.cb.integer(8)));
  }
  Value columnOf(Value c) override {
    Value tile = e.cb.mul(e.cb.floorDiv(c, e.cb.integer(2)), e.cb.integer(8));
    Value pair = e.cb.add(e.cb.mul(laneInRow, e.cb.integer(2)), e.cb.remainder(c, e.cb.integer(2)));
    return e.cb.add(tile, pair);
  }
  Value elementOf(Value r, Value c) override {
    Value tile = e.cb.mul(e.cb.floorDiv(c, e.cb.integer(2)), e.cb.integer(4));
    Value inTile = e.cb.add(e.cb.mul(r, e.cb.integer(2)), e.cb.remainder(c, e.cb.integer(2)));
    return e.cb.add(tile, inTile);
  }

  int64_t padded(int64_t size) const override { return llvm::alignTo(size, 16); }
  int64_t pitch(int64_t size) const override { return padded(size) + 8; } // other banks
  Value residentMemory(int64_t size) override { return e.dynamicShared(tileX * pitch(size) * 2); }
  Value passingMemory() override {
    return passing ? passing : passing = e.dynamicShared(passingElements * 2);
  }
  Value factorOf(Value factor) override { return halfOf(factor); }
  int64_t pieceOf(exec::NestOp nest, Value factor, unsigned fastLoop) override {
    pieces = e.piecesOf(nest, factor, fastLoop);
    return pieces ? pieces->count : 1;
  }
  void copyPiece(Value to, llvm::ArrayRef<Index> loops, Value inside) override {
    e.copyPiece(*pieces, to, loops, inside);
  }
  void waitForFill() override {
    call("k_cp_async_commit", {});
    call("k_cp_async_wait", {e.cb.integer(0)});
    e.barrier();
  }

  void multiplyScores(Value scores, Value a, Value b, int64_t depth) override {
    prepareFragments();
    e.unrolled(padded(depth) / 16, [&](Value part) {
      Value k = e.cb.mul(part, e.cb.integer(16));
      // Rows 0-7 and 8-15 of the first half of the depth, then those of the second.
      Value row = e.cb.add(warpRow, e.cb.add(inEight(), bit(8)));
      loadMatrix("k_ldmatrix_x4", aFragment, a, row, e.cb.add(k, bit(16)), pitch(depth));
      e.unrolled(tileY / 16, [&](Value j) {
        // Both halves of the depth of lanes 0-7, then of lanes 8-15.
        Value line = e.cb.add(e.cb.mul(j, e.cb.integer(16)), e.cb.add(inEight(), bit(16)));
        loadMatrix("k_ldmatrix_x4", bFragment, b, line, e.cb.add(k, bit(8)), pitch(depth));
        multiplyPair(scores, j);
      });
    });
  }
  void multiplyMade(Value sums, Value b, int64_t lanes,
                    llvm::function_ref<Value(Value, Value)> made) override {
    prepareFragments();
    waitForFill();
    e.unrolled(tileY / 16, [&](Value part) {
      // A fragment of the sums is one of the factor: two tiles of 8 columns are its halves.
      e.unrolled(4, [&](Value word) {
        Value r = e.cb.remainder(word, e.cb.integer(2));
        Value tile =
            e.cb.add(e.cb.mul(part, e.cb.integer(2)), e.cb.floorDiv(word, e.cb.integer(2)));
        Value c = e.cb.mul(tile, e.cb.integer(2));
        Value low = bits(made(r, c)), high = bits(made(r, e.cb.add(c, e.cb.integer(1))));
        Value sixteen =
            arith::ConstantOp::create(e.builder, e.cb.loc, e.builder.getI32IntegerAttr(16));
        Value shifted = arith::ShLIOp::create(e.builder, e.cb.loc, high, sixteen);
        e.storeTo(aFragment, e.builder.getI32Type(), e.cb.uniform(word),
                  arith::OrIOp::create(e.builder, e.cb.loc, low, shifted));
      });
      Value y = e.cb.mul(part, e.cb.integer(16));
      e.unrolled(padded(lanes) / 16, [&](Value j) {
        Value line = e.cb.add(y, e.cb.add(inEight(), bit(8)));
        Value first = e.cb.add(e.cb.mul(j, e.cb.integer(16)), bit(16));
        loadMatrix("k_ldmatrix_x4_trans", bFragment, b, line, first, pitch(lanes));
        multiplyPair(sums, j);
      });
    });
  }

private:
  void call(llvm::StringRef name, ValueRange arguments) {
    func::CallOp::create(e.builder, e.cb.loc, name, TypeRange{}, arguments);
  }
  Value inEight() { return e.cb.remainder(lane, e.cb.integer(8)); }
  Value bit(int64_t n) { // of the lane's number, times 8
    Value shifted = e.cb.floorDiv(lane, e.cb.integer(n));
    return e.cb.mul(e.cb.remainder(shifted, e.cb.integer(2)), e.cb.integer(8));
  }
  Value bits(Value value) {
    Type i16 = e.builder.getI16Type(), i32 = e.builder.getI32Type();
    return arith::ExtUIOp::create(e.builder, e.cb.loc, i32,
                                  arith::BitcastOp::create(e.builder, e.cb.loc, i16, value));
  }
  void prepareFragments() {
    if (aFragment)
      return;
    aFragment = e.privateArray(e.builder.getI32Type(), 4);
    bFragment = e.privateArray(e.builder.getI32Type(), 4);
  }
  void loadMatrix(llvm::StringRef how, Value to, Value memory, Value line, Value inLine,
                  int64_t pitch) {
    Value at = e.cb.add(e.cb.mul(line, e.cb.integer(pitch)), inLine);
    call(how, {to, e.cb.address(memory, at, e.builder.getI16Type())});
  }
  /// Tiles 2 j and 2 j + 1 of the sums, by the fragments.
  void multiplyPair(Value sums, Value j) {
    llvm::StringRef mma = half.isF16() ? "k_mma_f16" : "k_mma_bf16";
    for (int64_t i = 0; i < 2; ++i) {
      Value tile = e.cb.add(e.cb.mul(j, e.cb.integer(2)), e.cb.integer(i));
      call(mma, {e.cb.address(sums, e.cb.mul(tile, e.cb.integer(4)), e.builder.getF32Type()),
                 aFragment, e.cb.address(bFragment, e.cb.integer(2 * i), e.builder.getI32Type())});
    }
  }

  /// Of scores and sums, of the 255 that a thread can have.
  static constexpr int64_t mostRegisters = 144;
  Type half;
  int64_t passingElements = 0;
  Value lane, warpRow, quad, passing, aFragment, bFragment;
  std::optional<StreamedEmitter::Pieces> pieces;
};

std::unique_ptr<TileMath> makeRegisterTiles(StreamedEmitter &emitter, const TileDemands &demands,
                                            int64_t sharedBytes) {
  return std::make_unique<RegisterTiles>(emitter, demands, sharedBytes);
}

std::unique_ptr<TileMath> makeMmaScoreTiles(StreamedEmitter &emitter, const TileDemands &demands,
                                            Type half) {
  return std::make_unique<MmaScoreTiles>(emitter, demands, half);
}

} // namespace ingot::gpu
