// From a planned exec.kernel to code for the threads of a device. What one point of a nest computes
// is the CPU emitter's, with scalars; how points are laid out over threads and blocks is here.
#pragma once
#include "backends/cpu/KernelEmitter.h"
#include "backends/gpu/GpuTarget.h"
#include "backends/gpu/KernelText.h"

namespace ingot::gpu {

/// A matrix in memory that a kernel loads by boxes of 128 bytes a line (ingot_tensor_map).
struct TensorMap {
  mlir::Value tensor;     // in the function
  Dim extents[2], stride; // elements, the contiguous dimension first
  int64_t boxLines = 0;
};

/// The code of one kernel: `count` threads or blocks, as `form` says, of `threads` a block.
struct DeviceCode {
  mlir::func::FuncOp function;
  Form form = Form::Threads;
  Dim count;
  int64_t threads = 256, sharedBytes = 0; // dynamic shared memory
  llvm::SmallVector<TensorMap, 2> maps;   // what intrinsic::tensorMap counts
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

/// The 16-bit float that a factor is extended from; null where it is no such.
mlir::Value halfOf(mlir::Value factor);

class DeviceKernelEmitter : public cpu::KernelEmitter {
public:
  DeviceKernelEmitter(cpu::CodeContext &context, const cpu::Frame &frame, exec::KernelOp kernel,
                      const GpuTarget &target)
      : KernelEmitter(context, frame, kernel), target(target) {}
  DeviceCode emit(llvm::StringRef symbol);

protected: // for kernels of scores
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
  void emitSimtTiles(const Product &product, DeviceCode &code);
  /// The same by tensor cores (MmaTiles.cpp): false where they have no part in it.
  bool emitMmaTiles(const Product &product, DeviceCode &code);
  /// The same for matrices by warp groups (WgmmaTiles.cpp).
  bool emitWgmmaTiles(const Product &product, DeviceCode &code);
  struct Matrix;
  std::optional<Matrix> matrixOf(exec::NestOp nest, mlir::Value half, llvm::ArrayRef<unsigned> own,
                                 llvm::ArrayRef<unsigned> reduced);

  /// The loops of a product as those of a matrix product, and which tile of it is this block's.
  struct TileSpace {
    Dims rowDims, laneDims, batchDims, reducedDims;
    Dim rows, lanes, batches, depth; // their numbers of points
    mlir::Value firstRow, firstLane;
    Indices batch;
  };
  TileSpace tileSpace(const Product &product);
  void beginTiles(DeviceCode &code, TileSpace &space, int64_t tileRows, int64_t tileLanes);
  /// The nest's loops at a position along the rows or the lanes (`own`) and, where there is one,
  /// along the reduced loops.
  Indices loopsOf(const Product &product, const TileSpace &space, llvm::ArrayRef<unsigned> own,
                  mlir::Value position, mlir::Value reduced);
  /// What is behind the sum at an element of the result, where there is such an element.
  void finishElement(const Product &product, const TileSpace &space, mlir::Value row,
                     mlir::Value lane, int64_t tileRows, int64_t tileLanes, mlir::Value sum);
  /// Where pieces of a factor are copied from.
  struct Pieces {
    mlir::Value tensor; // the kernel's argument
    mlir::AffineMap map;
    std::optional<Padding> padding; // by zeros, around the tensor
  };
  std::optional<Pieces> piecesOf(exec::NestOp nest, mlir::Value half, unsigned fastLoop);
  std::pair<mlir::Value, mlir::Value> placeOfPiece(const Pieces &pieces,
                                                   llvm::ArrayRef<cpu::Index> loops);

  /// Whether x, which runs in steps of `step`, is below the limit; null: it is.
  mlir::Value isBelow(mlir::Value x, Dim limit, int64_t step);
  /// Null stands for true.
  mlir::Value both(mlir::Value x, mlir::Value y);
  mlir::Value orElse(mlir::Value condition, mlir::Value otherwise,
                     llvm::function_ref<mlir::Value()> make);
  mlir::Value operandOf(exec::NestOp nest, mlir::Value operand, llvm::ArrayRef<cpu::Index> loops);
  mlir::Value privateArray(mlir::Type element, int64_t count);
  void unrolled(int64_t count, llvm::function_ref<void(mlir::Value)> body);

  /// The nest's reduction at the point, by all threads of the block together; all of them have it.
  Values reduceTogether(exec::NestOp nest, llvm::ArrayRef<cpu::Index> point);
  void barrier();
  /// Bytes of the block's dynamic shared memory.
  mlir::Value dynamicShared(int64_t bytes);
  mlir::Value shared(mlir::Type element, int64_t count);
  mlir::Value keptBuffer(mlir::Type element, int64_t count) override;

  const GpuTarget &target;
  mlir::Value thread; // in the block
  int64_t dynamicBytes = 0;
  int64_t threads = 256;
  /// Memory through which threads combine: by element type, in the order of a nest's results.
  llvm::DenseMap<std::pair<mlir::Type, int64_t>, mlir::Value> exchanges;
};

} // namespace ingot::gpu
