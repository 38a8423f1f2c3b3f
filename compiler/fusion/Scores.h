// Scores of attention and what is made of them: a part of FormAttention.
#pragma once
#include "compiler/fusion/Structure.h"

namespace ingot {

/// What a loop of a nest, or a dimension of what it makes, is of the space of scores: the number of
/// an axis (the batch's, then rows, then columns), Scores::unit or Scores::own.
using Axes = llvm::SmallVector<int>;

/// Scores and the nests that read them, within one block.
class Scores {
public:
  static constexpr int unit = -1; // one iteration
  static constexpr int own = -2;  // no axis of scores

  explicit Scores(exec::NestOp first) : block(*first->getBlock()) {
    isGood = begin(first) && grow();
  }

  struct Root { // a product that sums along rows or columns of what is made of scores
    exec::NestOp nest;
    int x;
  };

  explicit operator bool() const { return isGood && !roots.empty(); }
  /// Of a nest's loops, where it is in one of the lists below.
  const Axes &axesOf(mlir::Operation *nest) const { return axes.find(nest)->second; }
  int rows() const { return static_cast<int>(extents.size()) - 2; }
  int columns() const { return static_cast<int>(extents.size()) - 1; }
  bool isMember(mlir::Operation *op) const { return members.contains(op); }
  bool isSum(mlir::Operation *op) const { return sums.contains(op); }
  /// Whether nothing but members, sums and roots reads the value.
  bool isReadInside(mlir::Value value) const;
  /// A map of rows that is made of sums: kernels that need it compute it.
  bool isMadeOfSums(exec::NestOp nest) const;
  /// What the dimensions of an input are, seen from the loops of its reader.
  Axes axesOfInput(exec::NestOp reader, llvm::ArrayRef<int> loops, unsigned input) const;

  Dims extents;                               // by axis
  llvm::SetVector<mlir::Operation *> members; // products of scores and maps of all axes
  llvm::SetVector<mlir::Operation *> sums;    // over columns
  llvm::SmallVector<Root> roots;

private:
  bool begin(exec::NestOp nest);
  bool grow();
  bool isProductOfScores(exec::NestOp nest, llvm::ArrayRef<int> loops) const;
  std::optional<Axes> loopsOfReader(exec::NestOp reader, unsigned input,
                                    llvm::ArrayRef<int> tensor) const;
  bool addReader(mlir::OpOperand &use, llvm::ArrayRef<int> tensor);
  bool addMember(exec::NestOp nest, Axes loops);
  bool addRoot(exec::NestOp nest, const Axes &loops, unsigned input);
  bool addInputs(exec::NestOp nest);
  bool addMapsReadInside();
  bool isRoot(mlir::Operation *op) const {
    return llvm::any_of(roots, [&](const Root &root) { return root.nest == op; });
  }

  mlir::Block &block;
  llvm::DenseMap<mlir::Operation *, Axes> axes;
  llvm::SmallVector<exec::NestOp> work; // members whose readers and inputs are to be looked at
  bool isGood = false;
};

} // namespace ingot
