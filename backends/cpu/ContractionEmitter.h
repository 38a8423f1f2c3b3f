// Kernels whose first nest is a contraction: tiles of rows x lanes computed by micro-kernels, then
// the epilogue's maps on each tile while it is in cache.
#pragma once
#include "backends/cpu/KernelEmitter.h"
#include "compiler/fusion/Structure.h"

namespace ingot::cpu {

/// The shape of a micro-kernel: rows x (vectors of lanes) accumulators, the last vector masked or
/// not.
struct MicroKernel {
  int64_t rows, vectors;
  bool masked;
  bool accumulates;  // starts from what C holds, which has whole vectors then, instead of zero
  int64_t panel = 0; // lanes after which B's go on at the panel stride; 0: they do not
};

/// The shared function of that shape, made on first use. Arguments: A, B, C, the places of A's rows
/// after the first (elements from A; the array's first entry is not read) and C's row stride, then
/// extent, A stride and B stride of four reduction loops from the outermost, then the number of
/// valid lanes of the last vector and B's panel stride. Adds products in loop order, one chain an
/// element, and stores to C.
mlir::func::FuncOp microKernel(CodeContext &context, mlir::Type element, MicroKernel shape);

class ContractionEmitter {
public:
  ContractionEmitter(KernelEmitter &emitter, exec::NestOp nest, const Contraction &contraction);
  static bool supports(exec::NestOp nest, const Contraction &contraction);
  /// Emits the task function's body and returns the number of tasks.
  Dim emit();

private:
  struct ReductionLoop {
    Dim extent, aStride, bStride;
  };
  static llvm::SmallVector<ReductionLoop> reductionLoops(exec::NestOp nest,
                                                         const Contraction &contraction);
  /// A tile: a point of the outer loops, its first row and lane, its size in rows and vectors, and
  /// the valid lanes of the last vector when that is masked. Rows count through the loops c.row
  /// and, where they are joined, outerRow.
  struct Tile {
    KernelEmitter::Indices point;
    mlir::Value row, lane, tail;
    int64_t rows, vectors;
    bool masked;
  };
  /// Part of the outermost reduction loop.
  struct Span {
    mlir::Value first, count;
  };
  using TileBody = llvm::function_ref<void(const Tile &)>;
  void joinRows();
  bool chooseLanesOutermost();
  int64_t chooseBlock(Dim units);
  Dim rowCount() const;
  void setRow(KernelEmitter::Indices &point, mlir::Value row);
  std::pair<mlir::Value, mlir::Value> splitRow(mlir::Value row);
  mlir::Value rowPlaces(mlir::Value row, int64_t rows);
  void emitBlocked(mlir::Value low, mlir::Value high, int64_t block);
  void forTile(mlir::Value unit, TileBody body);
  void forLaneBlock(
      mlir::Value block,
      llvm::function_ref<void(mlir::Value lane, int64_t vectors, mlir::Value tail, bool masked)>
          body);
  void emitTile(const Tile &tile);
  void callMicroKernel(const Tile &tile, mlir::Value c, mlir::Value cStride,
                       std::optional<Span> span);
  void emitEpilogue(const Tile &tile, mlir::Value sums);
  mlir::Value tileStride() { return cb.integer(vectors * cb.lanes); }
  int64_t tileSize() { return maxRows * vectors * cb.lanes; }

  KernelEmitter &e;
  CodeBuilder &cb;
  exec::NestOp nest;
  Contraction c;
  mlir::Type element;
  Dims loops;
  int64_t maxRows, vectors;
  int64_t outerRow = -1; // the loop before c.row, where tiles go on from its one point to the next
  bool hasEpilogue, lanesOutermost = false;
  llvm::SmallVector<ReductionLoop> reductions;
  mlir::Value scratch, places;
};

} // namespace ingot::cpu
