// How a block of StreamedEmitter multiplies tiles: which rows and columns a thread has, where tiles
// are in shared memory, and the products themselves, in registers or by tensor cores.
#pragma once
#include "backends/gpu/StreamedEmitter.h"

namespace ingot::gpu {

/// What is to be held at once.
struct TileDemands {
  llvm::SmallVector<int64_t> depths; // of products of scores: each has a tile in shared memory
  llvm::SmallVector<int64_t> lanes;  // of other products: each is summed in registers
  int64_t scores = 0;                // tiles of scores and of what is made of them, in registers
};

/// A tile of scores is tileX x tileY; `across` neighbouring threads of a warp share the columns of
/// `rowsOfThread` rows. Sums are tiles of tileX x lanes, laid out likewise.
class TileMath {
public:
  explicit TileMath(StreamedEmitter &emitter) : e(emitter) {}
  virtual ~TileMath() = default;

  int64_t tileX = 0, tileY = 0, across = 0, rowsOfThread = 0;
  int64_t threads() const { return tileX / rowsOfThread * across; }
  /// Where the thread is, which code after this may ask for.
  virtual void begin() = 0;
  /// The place in the tile of a thread's row or column of these numbers.
  virtual mlir::Value rowOf(mlir::Value r) = 0;
  virtual mlir::Value columnOf(mlir::Value c) = 0;
  /// The place in a thread's array.
  virtual mlir::Value elementOf(mlir::Value r, mlir::Value c) = 0;
  mlir::Value laneOfRow() { return laneInRow; }
  /// Columns that a thread has of so many.
  int64_t columnsOfThread(int64_t width) const { return width / across; }

  /// Lines of tiles in shared memory are of `pitch` elements, of which `padded` are filled.
  virtual int64_t padded(int64_t size) const = 0;
  virtual int64_t pitch(int64_t size) const = 0;
  virtual mlir::Value residentMemory(int64_t size) = 0;
  virtual mlir::Value passingMemory() = 0;
  /// The factor as tiles hold it.
  virtual mlir::Value factorOf(mlir::Value factor) = 0;
  /// Elements that one copy may take, and the copy, which waitForFill waits for.
  virtual int64_t pieceOf(exec::NestOp nest, mlir::Value factor, unsigned fastLoop) = 0;
  virtual void copyPiece(mlir::Value to, llvm::ArrayRef<cpu::Index> loops, mlir::Value inside) = 0;
  virtual void waitForFill() = 0;

  void clear(mlir::Value array, int64_t count);
  /// scores += a b^T, of tiles in shared memory with the depth along their lines.
  virtual void multiplyScores(mlir::Value scores, mlir::Value a, mlir::Value b, int64_t depth) = 0;
  /// sums += made b; b in shared memory has the lanes along its lines.
  virtual void multiplyMade(mlir::Value sums, mlir::Value b, int64_t lanes,
                            llvm::function_ref<mlir::Value(mlir::Value r, mlir::Value c)> made) = 0;

protected:
  StreamedEmitter &e;
  mlir::Value laneInRow;
};

/// Products of f32 by threads, with tiles for devices with so many bytes of shared memory.
std::unique_ptr<TileMath> makeRegisterTiles(StreamedEmitter &emitter, const TileDemands &demands,
                                            int64_t sharedBytes);
/// Products of f16 or bf16, summed in f32, by tensor cores.
std::unique_ptr<TileMath> makeMmaScoreTiles(StreamedEmitter &emitter, const TileDemands &demands,
                                            mlir::Type half);

} // namespace ingot::gpu
