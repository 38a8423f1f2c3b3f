// From a planned exec.kernel to code for the threads of a device. What one point of a nest computes
// is the CPU emitter's, with scalars; how points are laid out over threads and blocks is here.
#pragma once
#include "backends/cpu/KernelEmitter.h"
#include "backends/gpu/KernelText.h"

namespace ingot::gpu {

/// The code of one kernel: `count` threads or blocks, as `form` says, of `threads` a block.
struct DeviceCode {
  mlir::func::FuncOp function;
  Form form = Form::Threads;
  Dim count;
  int64_t threads = 256;
};

/// A sum of products whose factors move along loops of their own: C[batch, row, lane] += sum over
/// reduced loops of A[batch, row, reduced] B[batch, reduced, lane].
struct Product {
  exec::NestOp nest;
  mlir::Value a, b;                                          // the factors, in the nest's body
  llvm::SmallVector<unsigned> batch, rows, lanes, reduced;   // loops of the nest
  bool aRunsAlongReduced = false, bRunsAlongReduced = false; // where it is contiguous
};

/// The product that the nest sums, if it sums one.
std::optional<Product> matchProduct(exec::NestOp nest);

class DeviceKernelEmitter : public cpu::KernelEmitter {
public:
  DeviceKernelEmitter(cpu::CodeContext &context, const cpu::Frame &frame, exec::KernelOp kernel)
      : KernelEmitter(context, frame, kernel) {}
  DeviceCode emit(llvm::StringRef symbol);

private:
  bool hasOnePoint(exec::NestOp nest);
  /// A thread for each point of the domain.
  void emitPoints(DeviceCode &code);
  /// A block for each point of the domain: its threads share the work of each nest.
  void emitRows(DeviceCode &code);
  void emitRowNest(exec::NestOp nest, llvm::ArrayRef<cpu::Index> outer);
  /// body(i) for the numbers below `count`, each by one thread of the block.
  void shareOut(Dim count, llvm::function_ref<void(mlir::Value)> body);
  /// A block for each tile of the result of a contraction (ContractionTiles.cpp): false where no
  /// nest of the kernel is one that is worth it.
  bool emitTiles(DeviceCode &code);
  void emitTiles(const Product &product, DeviceCode &code);
  mlir::Value operandOf(const Product &product, mlir::Value operand,
                        llvm::ArrayRef<cpu::Index> loops);
  mlir::Value privateArray(mlir::Type element, int64_t count);
  void unrolled(int64_t count, llvm::function_ref<void(mlir::Value)> body);

  /// The nest's reduction at the point, by all threads of the block together; all of them have it.
  Values reduceTogether(exec::NestOp nest, llvm::ArrayRef<cpu::Index> point);
  void barrier();
  mlir::Value shared(mlir::Type element, int64_t count);
  mlir::Value keptBuffer(mlir::Type element, int64_t count) override;

  mlir::Value thread; // in the block
  int64_t threads = 256;
  /// Memory through which threads combine: by element type, in the order of a nest's results.
  llvm::DenseMap<std::pair<mlir::Type, int64_t>, mlir::Value> exchanges;
};

} // namespace ingot::gpu
