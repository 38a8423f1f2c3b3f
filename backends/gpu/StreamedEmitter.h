// Kernels of scores (compiler/fusion/FormAttention.h), flash attention and its gradients: a block
// has a tile of positions along x, of one of the batch, and passes along y in tiles of scores,
// which are in registers and nowhere else.
//
// Softmax takes one pass (Milakov & Gimelshein, 2018; Dao et al., 2022): where the largest score of
// a row grows, what has been summed is scaled. Other sums of rows that scores depend on take a pass
// each. Order and tiles are fixed by shapes, so that results are the same in every run.
#pragma once
#include "backends/gpu/DeviceKernelEmitter.h"
#include "backends/gpu/OnlineSoftmax.h"

namespace ingot::gpu {

class TileMath;

class StreamedEmitter : public DeviceKernelEmitter {
public:
  StreamedEmitter(cpu::CodeContext &context, const cpu::Frame &frame, exec::KernelOp kernel,
                  const GpuTarget &target);
  ~StreamedEmitter() override;
  DeviceCode emit(llvm::StringRef symbol);

private:
  friend class TileMath;
  friend class RegisterTiles;
  friend class MmaScoreTiles;

  /// A product of scores or of what is made of them. In both `a` is in [domain, y | …]: the side
  /// that stays, or what is made of scores; `b` passes by with y.
  struct StreamedProduct {
    exec::NestOp nest;
    mlir::Value a, b; // in the nest's body
    int64_t size = 1; // its depth, or lanes
    mlir::Value resident, sums;
  };

  // What the kernel has (the constructor's part).
  void sortNests();
  int64_t levelOf(mlir::Value value);
  int64_t levelOf(exec::NestOp nest);

  void chooseTiles();
  void pass(int64_t level);
  llvm::SetVector<mlir::Operation *> neededFor(int64_t level);
  mlir::Value arrayOf(mlir::Value value, int64_t count);
  void emitScores(StreamedProduct &product, mlir::Value firstY);
  void emitMap(exec::NestOp nest, mlir::Value firstY);
  void emitSum(exec::NestOp nest, mlir::Value array, mlir::Value firstY);
  void emitLargest(mlir::Value firstY);
  void emitRoot(StreamedProduct &product, mlir::Value firstY);
  void finish();

  /// body(r, c) for a thread's rows and columns of a tile of so many.
  void forElements(int64_t width, llvm::function_ref<void(mlir::Value, mlir::Value)> body);
  /// The loops of a nest over [domain, y] at an element, and whether it is one (null: it is).
  std::pair<Indices, mlir::Value> elementAt(mlir::Value firstY, mlir::Value r, mlir::Value c);
  mlir::Value rowPosition(mlir::Value r);
  Indices pointOf(mlir::Value x);
  /// What each of the threads of a row has, combined.
  mlir::Value combineRow(exec::NestOp nest, mlir::Value part, mlir::Value r);
  /// Fills memory[line * pitch + i] with the product's b at y = first + line (or its a at x), i of
  /// its depth or lanes.
  void fill(const StreamedProduct &product, bool isA, mlir::Value memory, mlir::Value first);
  mlir::Value constant(double value);
  mlir::Value widened(mlir::Value value);
  mlir::Value sumOf(exec::NestOp nest, mlir::Value value);
  mlir::Value initial(exec::NestOp nest);
  mlir::Value sumsOfRows(exec::NestOp nest);

  int64_t xLoop;
  Dim xExtent, yExtent;
  llvm::SmallVector<exec::NestOp> sums;
  llvm::SmallVector<StreamedProduct> roots;
  llvm::MapVector<mlir::Operation *, StreamedProduct> scores;
  llvm::DenseSet<mlir::Operation *> madeMaps; // read more than once
  llvm::DenseMap<mlir::Operation *, int64_t> levels;
  std::optional<OnlineSoftmax> softmax; // in one pass

  std::unique_ptr<TileMath> math;
  Indices batch; // the domain's point, but for x
  mlir::Value firstX;
  llvm::DenseMap<mlir::Value, mlir::Value> arrays; // a thread's own: scores, maps, sums
  mlir::Value exchange, column; // where `providers` look: the element that is being made
  mlir::Value row;
};

} // namespace ingot::gpu
