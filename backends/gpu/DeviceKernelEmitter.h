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

/// The number of points of the loops, to choose by.
int64_t estimatedPoints(llvm::ArrayRef<Dim> loops);

/// The code of a kernel for the target.
DeviceCode emitKernel(cpu::CodeContext &context, const cpu::Frame &frame, exec::KernelOp kernel,
                      const GpuTarget &target, llvm::StringRef symbol);

class DeviceKernelEmitter : public cpu::KernelEmitter {
public:
  /// `takesPieces`: a thread may take several neighbours, so that the code has vectors.
  DeviceKernelEmitter(cpu::CodeContext &context, const cpu::Frame &frame, exec::KernelOp kernel,
                      const GpuTarget &target, bool takesPieces)
      : KernelEmitter(context, frame, kernel), target(target), takesPieces(takesPieces) {}
  DeviceCode emit(llvm::StringRef symbol);

protected: // for kernels of scores
  /// A thread for each point of the domain, or for several neighbours.
  void emitPoints(DeviceCode &code);
  void emitPoint(const Indices &point);
  int64_t lanesOfPoints();
  /// The last loop of the domain that has more than one point, or its first.
  unsigned lastLoop();
  /// Neighbours of 16 bytes of what the kernel stores, halved until they divide the extent; 1 where
  /// its tensors need not be aligned to that.
  int64_t lanesAlong(Dim extent);

  /// A block for each square of a copy that reads along other loops than it writes
  /// (TransposeTiles.cpp): false where the kernel is something else.
  bool emitTransposition(DeviceCode &code);

  /// Of so many blocks of `threads` threads.
  void beginBlocks(DeviceCode &code, Dim count);

  // Blocks whose threads work on reductions together (BlockReductions.cpp).
  /// A block for each point of the domain: its threads share the work of each nest.
  void emitRows(DeviceCode &code);
  void emitRowNest(exec::NestOp nest, llvm::ArrayRef<cpu::Index> outer);
  /// A block for some neighbours along the last loop of the domain: groups of its threads share the
  /// reductions. False where the kernel does not read along that loop.
  bool emitColumns(DeviceCode &code);
  /// Whether neighbours along the nest's loop are neighbours, or one element, in all that it reads.
  bool readsAlong(exec::NestOp nest, unsigned loop);
  bool isReadAlong(mlir::Value tensor, mlir::AffineMap map, unsigned loop);
  /// body(i) for the numbers below `count`, each by one thread of the block.
  void shareOut(Dim count, llvm::function_ref<void(mlir::Value)> body);
  /// What one point of the nest has, known to all threads; one that `isFirst` says stores it,
  /// or, if it is null, this one.
  void finishTogether(exec::NestOp nest, mlir::ValueRange values, llvm::ArrayRef<cpu::Index> point,
                      mlir::Value isFirst);
  /// Takes the maps of one point out of the nests that no other kind of nest needs: one thread's
  /// work alone, behind all others.
  llvm::SmallVector<exec::NestOp> takeLoneMaps(llvm::SmallVectorImpl<exec::NestOp> &nests);
  void emitLoneMaps(llvm::ArrayRef<exec::NestOp> maps, llvm::ArrayRef<cpu::Index> point,
                    mlir::Value isFirst);
  bool isOnePoint(exec::NestOp nest);
  mlir::Value isFirstThread(); // of the block
  /// A barrier if the nest reads what other threads have written since the last one.
  void awaitInputs(exec::NestOp nest);
  bool readsUnfinished(exec::NestOp nest);
  Values reducePart(exec::NestOp nest, llvm::ArrayRef<cpu::Index> point, mlir::Value first,
                    int64_t step, int64_t lanes);
  Values reduceVectors(exec::NestOp nest, mlir::ValueRange vectors, int64_t lanes);
  /// Neighbours along the nest's loop that a thread takes at a time.
  int64_t lanesOfLoop(exec::NestOp nest, unsigned loop);
  /// The same along its last loop, where that is none of the domain.
  int64_t lanesOfRow(exec::NestOp nest);
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
  /// What is behind the sums at `count` neighbouring elements of the result from (row, lane) on,
  /// where they are elements; the sums stand in the thread's array from `first` on.
  void finishElements(const Product &product, const TileSpace &space, mlir::Value row,
                      mlir::Value lane, int64_t tileRows, int64_t tileLanes, mlir::Value sums,
                      mlir::Value first, int64_t count);
  /// How many of `count` neighbours are finished at a time: a divisor of it, a power of two.
  int64_t mostFinished(const Product &product, int64_t count);
  /// Where a factor is read in pieces of 16 bytes.
  struct Pieces {
    mlir::Value tensor; // the kernel's argument
    mlir::AffineMap map;
    mlir::Type element;
    int64_t count;                  // elements of a piece
    std::optional<Padding> padding; // by zeros, around the tensor
  };
  /// Null where the factor is not contiguous along the loop in whole pieces of a tensor.
  std::optional<Pieces> piecesOf(exec::NestOp nest, mlir::Value factor, unsigned fastLoop);
  std::pair<mlir::Value, mlir::Value> placeOfPiece(const Pieces &pieces,
                                                   llvm::ArrayRef<cpu::Index> loops);
  /// Begins to copy the piece at the loops into shared memory, or zeros where it is not in the
  /// tensor or not `inside` (null: it is).
  void copyPiece(const Pieces &pieces, mlir::Value to, llvm::ArrayRef<cpu::Index> loops,
                 mlir::Value inside);

  /// Whether x, which runs in steps of `step`, is below the limit; null: it is.
  mlir::Value isBelow(mlir::Value x, Dim limit, int64_t step);
  /// Null stands for true.
  mlir::Value both(mlir::Value x, mlir::Value y);
  mlir::Value orElse(mlir::Value condition, mlir::Value otherwise,
                     llvm::function_ref<mlir::Value()> make);
  /// The value of the nest's body at the loops.
  mlir::Value operandOf(exec::NestOp nest, mlir::Value operand, llvm::ArrayRef<cpu::Index> loops);
  mlir::Value privateArray(mlir::Type element, int64_t count);
  void unrolled(int64_t count, llvm::function_ref<void(mlir::Value)> body);

  /// The nest's reduction at the point, by all threads of the block together; all of them have it.
  Values reduceTogether(exec::NestOp nest, llvm::ArrayRef<cpu::Index> point);
  /// Combined with what the threads have whose numbers in the warp differ in that bit.
  Values combineAcross(exec::NestOp nest, mlir::ValueRange parts, int64_t bit);
  Values combineByShuffles(exec::NestOp nest, Values parts);
  Values combineInMemory(exec::NestOp nest, mlir::ValueRange parts);
  /// What the threads of each of `groups` groups have, at `place` in a group, combined in order.
  Values combineGroups(exec::NestOp nest, mlir::ValueRange parts, int64_t groups, int64_t size,
                       mlir::Value isWriter, mlir::Value group, mlir::Value place);
  /// Memory through which threads combine. Two take turns, so that one barrier a time is enough.
  Values exchangeBuffers(mlir::ValueRange parts, int64_t count);
  void put(mlir::ValueRange buffers, mlir::ValueRange values, mlir::Value at);
  Values get(mlir::ValueRange buffers, mlir::ValueRange like, mlir::Value at);
  void barrier();
  /// Bytes of the block's dynamic shared memory.
  mlir::Value dynamicShared(int64_t bytes);
  mlir::Value shared(mlir::Type element, int64_t count);
  mlir::Value keptBuffer(mlir::Type element, int64_t count) override;

  const GpuTarget &target;
  const bool takesPieces;
  mlir::Value thread; // in the block
  int64_t dynamicBytes = 0;
  int64_t threads = 256;
  /// What some threads have written since the last barrier, and others may not read yet.
  llvm::DenseSet<mlir::Value> unfinished;
  /// By element type, number of elements, and place among a nest's results and the two in turn.
  std::map<std::tuple<const void *, int64_t, int64_t>, mlir::Value> exchanges;
  int64_t exchangesMade = 0;
};

} // namespace ingot::gpu
