// What a nest is, seen from its structure alone: strides of its accesses, and whether it is a
// contraction that a micro-kernel can compute. Used by layout, fusion and back ends.
#pragma once
#include "ir/exec/Exec.h"

namespace ingot {

/// Whether the dimension is known and has this value.
inline bool isConstant(Dim d, int64_t value) { return d.isStatic() && d.value() == value; }

/// A size to choose by, at least 1: what an unknown dimension is taken for. Never one to compute
/// with.
inline int64_t estimate(Dim d) { return d.isStatic() ? std::max<int64_t>(1, d.value()) : 64; }

/// The nest's loop extents.
Dims loopDims(exec::NestOp nest);
/// The map of an access; null for a tensor read whole.
mlir::AffineMap accessMap(exec::NestOp nest, unsigned input);
/// Whether the body has side effects (checks) and so must run once, at its place.
bool hasChecks(exec::NestOp nest);
/// Whether the nest checks each element of an input to be an index below the limit.
bool checksIndices(exec::NestOp nest, unsigned input, Dim limit);
/// Whether the op, or one inside it, may end the run, or does what is no computation. Scatters are
/// not counted: mostly a gather has checked their indices (mayFail, compiler/memory/PlanMemory.h).
bool mayEndRun(mlir::Operation *op);
/// Whether the body asks where in the loops it is.
bool usesIndices(exec::NestOp nest);
/// Whether it asks where in this loop.
bool usesIndex(exec::NestOp nest, unsigned loop);
inline bool isMap(exec::NestOp nest) { return nest.getCombiner() == exec::Combiner::None; }
/// Whether the loops have few points, known now: a window of pooling or of a depthwise convolution.
bool isSmallWindow(llvm::ArrayRef<Dim> loops);
/// Whether the map runs over the domain of its kernel and several maps that do read it at their own
/// point: where all of a kernel runs so, back ends compute it once a point, where it stands.
bool isShared(exec::NestOp nest, llvm::ArrayRef<Dim> domain);
/// A map whose body moves one input's element and computes nothing.
bool isMovement(exec::NestOp nest);
/// The nest that makes the value, where it only permutes the dimensions of another tensor; or null.
exec::NestOp permutationOf(mlir::Value value);

/// What a map makes that puts one value around a tensor, or leaves it out at the ends.
struct Padding {
  mlir::Value source;
  llvm::SmallVector<int64_t> low;    // by dimension: where the source begins
  llvm::SmallVector<bool> isChecked; // by dimension: not all of it is inside the source
  mlir::Attribute value;             // what is outside
};
std::optional<Padding> paddingOf(exec::NestOp nest);

/// How far the address moves in `tensor` when each loop advances by one, in elements; nothing where
/// the map is not linear.
std::optional<llvm::SmallVector<Dim>> linearStrides(mlir::AffineMap map, mlir::Type tensor,
                                                    unsigned loops);
/// Row-major strides of a tensor, in elements.
llvm::SmallVector<Dim> rowMajorStrides(mlir::Type tensor);

/// A sum of products of two inputs, in the roles of a matrix product: C[row, lane] += A[row, k]
/// B[k, lane].
struct Contraction {
  unsigned a = 0, b = 1; // input numbers
  int64_t lane = -1;     // parallel loop along which B and the result are contiguous
  int64_t row = -1;      // parallel loop along which B does not move; -1: none
  bool unitLane = false; // B's stride along `lane` is 1 and A's is 0
  llvm::SmallVector<Dim> aStrides, bStrides; // by loop
  /// Where B is packed in panels of so many lanes, each contiguous: the step from one to the next.
  int64_t panel = 0; // 0: it is not
  Dim panelStride = {};
  /// Bytes with sums of 32 bits, extended as these say; else floats.
  bool isInteger = false, aUnsigned = false, bUnsigned = false;
  bool isBrain = false; // bf16, extended to f32
  /// The reduction loop that has groupSize() neighbouring elements together for each lane of B's
  /// panels, whose bStrides is the step from group to group; -1: none.
  int64_t groupLoop = -1;
  static constexpr int64_t groupBytes = 4;
  /// Elements of a group: 4 bytes, 2 bf16.
  int64_t groupSize() const { return isBrain ? 2 : 4; }
};

/// The contraction that the nest is, if it is one: combiner add, body one product of two inputs
/// read by linear maps (B perhaps in panels: lane floordiv 16, …, lane mod 16; bytes and bf16,
/// then, in groups: lane floordiv 16, …, k floordiv 4, …, lane mod 16, k mod 4), floats, extended
/// bytes or extended bf16.
std::optional<Contraction> matchContraction(exec::NestOp nest);

/// A nest's sum of products of two of its inputs, perhaps extended, and nothing else.
struct Factors {
  unsigned a = 0, b = 0; // numbers of inputs
};
std::optional<Factors> factorsOf(exec::NestOp nest);

/// The tensor of f16 or bf16 that the value has the elements of, as f32 and at the same places;
/// null where it is made in another way.
mlir::Value halvesOf(mlir::Value value);
/// The same of bf16 alone.
mlir::Value brainOf(mlir::Value value);

/// Whether the map makes bytes of what a contraction sums: stored by the contraction's kernel they
/// are a quarter of the sums.
bool narrowsSums(exec::NestOp nest);

} // namespace ingot
