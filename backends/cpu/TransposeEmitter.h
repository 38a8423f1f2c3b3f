// Kernels that are one transposition: squares of rows and columns, a vector each way, turned in
// registers.
#pragma once
#include "backends/cpu/KernelEmitter.h"
#include "compiler/fusion/Transposition.h"

namespace ingot::cpu {

class TransposeEmitter {
public:
  TransposeEmitter(KernelEmitter &emitter, exec::NestOp nest, Transposition transposition);
  /// What the kernel is, where it is a transposition, perhaps of movements computed in place.
  static std::optional<TransposeEmitter> of(KernelEmitter &emitter);
  /// Emits the task function's body and returns the number of tasks.
  Dim emit();

  const Transposition &transposition() const { return t; }
  exec::NestOp movement() const { return nest; }
  /// The number of points of a group of loops.
  Dim count(llvm::ArrayRef<unsigned> group);
  /// The offset of a group's point of that number; from the end on along loops that run backwards.
  mlir::Value place(mlir::Value number, llvm::ArrayRef<unsigned> group,
                    llvm::ArrayRef<Dim> strides);

private:
  using Values = llvm::SmallVector<mlir::Value>;
  void emitSquare(mlir::Value from, mlir::Value to, mlir::Value row, const Values &rowPlaces,
                  mlir::Value column, mlir::Value rowCount, mlir::Value columnCount);
  Values turned(Values vectors);

  KernelEmitter &e;
  CodeBuilder &cb;
  exec::NestOp nest;
  Transposition t;
  Dims loops;
  mlir::Type element;
};

} // namespace ingot::cpu
