// Kernels whose first op is exec.winograd: a block of tiles is transformed, multiplied with the
// kernel point by point, transformed back, and the epilogue's maps run on it while it is in cache.
#pragma once
#include "backends/cpu/KernelEmitter.h"
#include "ir/exec/Winograd.h"

namespace ingot::cpu {

class WinogradEmitter {
public:
  WinogradEmitter(KernelEmitter &emitter, exec::WinogradOp op);
  /// Emits the task function's body and returns the number of tasks.
  Dim emit();

private:
  /// A tile: its image and its first row and column of outputs.
  struct Tile {
    mlir::Value image, row, column;
  };
  Tile tileAt(mlir::Value number);
  void transformInputs(mlir::Value firstTile, mlir::Value tiles);
  mlir::Value patchOf(const Tile &tile, mlir::Value top, mlir::Value left);
  void multiply(mlir::Value filter, mlir::Value tiles);
  void transformOutputs(mlir::Value filter, mlir::Value firstTile, mlir::Value tiles);
  void emitEpilogue(const Tile &tile, mlir::Value filter);
  mlir::Value scratch(int64_t offset);

  KernelEmitter &e;
  CodeBuilder &cb;
  exec::WinogradOp op;
  exec::WinogradMatrices matrices;
  exec::WinogradWorkspace workspace;
  mlir::Type element;
  int64_t height, width, channels, rows, columns, filters; // of the input, of the output
  int64_t tileRows, tileColumns;
  int64_t filterBlock; // filters that are computed together
  mlir::Value base;    // of the task's workspace
};

} // namespace ingot::cpu
