// Views of tensors: how the dimensions of two shapes of one memory belong together, and accesses
// through a view as ones to what is viewed. Used by the passes of layout.
#pragma once
#include "ir/exec/Exec.h"

namespace ingot {

/// The view that makes the value, unless it checks sizes while running; or null.
exec::ViewOp viewOf(mlir::Value value);
/// What such views make the value of, in the end.
mlir::Value withoutViews(mlir::Value value);
/// The tensor in this shape.
mlir::Value viewAs(mlir::OpBuilder &b, mlir::Value tensor, llvm::ArrayRef<Dim> shape);

/// A copy over these loops of what the map reads of the source.
mlir::Value moved(mlir::OpBuilder &b, mlir::Location loc, llvm::ArrayRef<Dim> loops,
                  mlir::Value source, mlir::AffineMap map);
/// What an expression that is linear in the loops is at these indices.
mlir::Value valueOf(mlir::OpBuilder &b, mlir::Location loc, mlir::AffineExpr expr,
                    mlir::ValueRange at);
/// Erases nests and views that nothing uses, from the end; checks stay.
void eraseUnused(mlir::Block &block);

/// Dimensions of two shapes of one memory that cover the same elements, in order, as few as can be:
/// most often one of the one and one or more of the other. Dimensions of one element are in none.
struct DimensionGroup {
  llvm::SmallVector<unsigned> left, right;
};
/// Null where the shapes do not fall into such groups.
std::optional<llvm::SmallVector<DimensionGroup>> groupsOf(llvm::ArrayRef<Dim> left,
                                                          llvm::ArrayRef<Dim> right);

/// The dimensions of `from` by those of `to`, zero where they have one element; null where a
/// dimension is not one alone, or several, of the other shape.
llvm::SmallVector<mlir::AffineExpr> dimensionsBy(llvm::ArrayRef<Dim> from, llvm::ArrayRef<Dim> to,
                                                 mlir::MLIRContext *context);

/// The map of loops of these extents into a view as one into the shape that is viewed; null where
/// that is not a sum of multiples of the loops.
mlir::AffineMap throughView(mlir::AffineMap map, llvm::ArrayRef<Dim> loops,
                            llvm::ArrayRef<Dim> viewed, llvm::ArrayRef<Dim> view);

/// The expression with these loops, the last running fastest, counted as one in place of the first;
/// null where it is no multiple of that.
mlir::AffineExpr joinLoops(mlir::AffineExpr expr, llvm::ArrayRef<Dim> loops,
                           llvm::ArrayRef<unsigned> list);

} // namespace ingot
