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

/// What a register tile reads: A's first row, the other rows' places behind it, B and the places of
/// the vectors in it, the reduction loops from the outermost. In elements.
struct TileOperands {
  struct Loop {
    mlir::Value extent, aStride, bStride;
  };
  mlir::Value a, b;
  llvm::SmallVector<mlir::Value> rowPlaces, columnPlaces;
  llvm::SmallVector<Loop> loops;
  mlir::Value tailMask; // of the last vector; null: all lanes
  mlir::Value
      fetched; // how far ahead in B memory is asked for; null: the processor does as it does
};

/// The code of a register tile: adds the products to the sums (rows x vectors), in loop order, one
/// chain an element.
llvm::SmallVector<mlir::Value> sumProducts(CodeBuilder &cb, const CpuTarget &target,
                                           mlir::Type element, const TileOperands &tile,
                                           mlir::ValueRange sums);
/// Where the vectors are in B whose lanes go on at a panel stride after `panel` (0: they do not).
llvm::SmallVector<mlir::Value> placesOfVectors(CodeBuilder &cb, int64_t vectors, int64_t panel,
                                               mlir::Value panelStride);

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
  /// Part of a reduction loop, for one point of those around it.
  struct Span {
    llvm::SmallVector<mlir::Value> outer;
    mlir::Value first, count;
  };
  /// Sums advance together through so many iterations of a reduction loop, for each point of those
  /// around it.
  struct Blocking {
    size_t loop = 0;
    int64_t count = 0; // 0: one sweep does
  };
  using TileBody = llvm::function_ref<void(const Tile &)>;
  void joinRows();
  int64_t chooseLaneGroup();
  Dim laneBlocks() const { return loops[c.lane].ceilDiv(vectors * cb.lanes); }
  bool chooseInPlace();
  Blocking chooseBlocking(Dim units);
  Dim rowCount() const;
  void setRow(KernelEmitter::Indices &point, mlir::Value row);
  std::pair<mlir::Value, mlir::Value> splitRow(mlir::Value row);
  mlir::Value rowPlace(mlir::Value row, int64_t i);
  mlir::Value rowPlaces(mlir::Value row, int64_t rows);
  void emitBlocked(mlir::Value low, mlir::Value high, Blocking blocking);
  void forSpans(Blocking blocking, llvm::SmallVector<mlir::Value> outer,
                llvm::function_ref<void(const Span &)> body);
  void forTile(mlir::Value unit, TileBody body);
  void forLaneBlock(
      mlir::Value block,
      llvm::function_ref<void(mlir::Value lane, int64_t vectors, mlir::Value tail, bool masked)>
          body);
  mlir::Value operandAt(const Tile &tile, unsigned input);
  void emitTile(const Tile &tile);
  void emitTileInPlace(const Tile &tile);
  void callMicroKernel(const Tile &tile, mlir::Value c, mlir::Value cStride, const Span *span);
  void emitEpilogue(const Tile &tile, mlir::Value sums);
  void finish(const Tile &tile, mlir::Value row, int64_t v, mlir::Value sum);
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
  bool hasEpilogue;
  int64_t laneGroup = 0; // blocks of lanes that are taken through all rows together; 0: all
  bool inPlace = false;  // the register tile's code stands in the task, the epilogue on its sums
  llvm::SmallVector<ReductionLoop> reductions;
  mlir::Value scratch, places;
};

} // namespace ingot::cpu
