// Places in tensors as numbers that are computed while running: what gathering, scattering and
// resampling rules share. Indices are si64 tensors of one shape, one for each dimension; a tensor
// is read or written by the row-major number of the element.
#pragma once
#include "frontends/onnx/Node.h"

namespace ingot::onnx {

/// A name for the size, 0 where it is negative: sizes that an input gives are what they are.
Dim nonNegative(Node &node, Dim size);
/// a / b where a is known to be a multiple, or may be: then what is reshaped by it lets the plan
/// compare. Nothing where it is not.
std::optional<Dim> quotient(Node &node, Dim a, Dim b);
/// A dimension as a scalar of si64.
graph::Expr sizeOf(Node &node, Dim size);
/// The index; where it is negative it counts from the end.
graph::Expr fromStart(Node &node, graph::Expr index, Dim size);
/// Whether 0 <= index < size.
graph::Expr isInside(Node &node, graph::Expr index, Dim size);
/// The number of the element at these indices in a tensor of dimensions `dims`, of which there is
/// one an index.
graph::Expr placeOf(Node &node, llvm::ArrayRef<graph::Expr> indices, llvm::ArrayRef<Dim> dims);
/// The same where the indices are the model's: from the end where negative, and -1 where one is
/// outside, at which gather and scatter make the run fail.
graph::Expr checkedPlaceOf(Node &node, llvm::ArrayRef<graph::Expr> indices,
                           llvm::ArrayRef<Dim> dims);
/// x as a vector.
graph::Expr flat(Node &node, mlir::Value x);
/// The elements of x whose numbers these are.
graph::Expr elementsAt(Node &node, mlir::Value x, graph::Expr places);
/// Slices of x along the axis.
graph::Expr gatherAlong(Node &node, mlir::Value x, mlir::Value indices, int64_t axis);
/// base (v, d…) with updates (i…, d…) at the rows (i…).
graph::Expr scatterRows(Node &node, mlir::Value base, mlir::Value rows, mlir::Value updates,
                        graph::ScatterKind kind);
/// x, which is to have the dimensions `dims`: invalid where they are known to differ, and refused
/// by the plan where sizes do that only the inputs tell. `what` names x in the message.
graph::Expr withDims(Node &node, mlir::Value x, llvm::ArrayRef<Dim> dims, const llvm::Twine &what);
/// x, which the plan refuses unless `wrong` (never negative) is 0.
mlir::Value refusedUnlessZero(Node &node, mlir::Value x, Dim wrong);
/// Part i of the last dimension, which goes away.
graph::Expr component(Node &node, mlir::Value x, int64_t i);

/// The least value of the type, which takes no part in a maximum.
double leastOf(mlir::Type element);
/// Makes ops through the node in a region that `region` builds.
graph::Values inRegion(Node &node, mlir::OpBuilder &region,
                       llvm::function_ref<graph::Values()> make);

} // namespace ingot::onnx
