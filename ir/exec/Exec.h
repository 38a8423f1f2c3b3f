// The exec dialect in C++: include this to work with kernels and nests.
#pragma once
#include "ir/Graph.h"
#include "ir/exec/ExecDialect.h.inc"
#include "ir/exec/ExecEnums.h.inc"
#define GET_OP_CLASSES
#include "ir/exec/ExecOps.h.inc"

namespace ingot::exec {

/// Whether the op makes new memory by running tasks: a kernel, or an algorithm that is no nest.
bool isDispatch(mlir::Operation *op);

/// The same tensor type as the exec dialect has it: with signless integers. What is smaller than a
/// byte, and floats of a byte, are in an i8: integers extended by their sign or zeros, floats as
/// their bits.
mlir::RankedTensorType signless(mlir::Type tensor);
mlir::Type signlessElement(mlir::Type element);
/// A constant of a graph's element type, as one of `signlessElement`; elements of a byte or more
/// that are no floats of a byte stay as they are.
mlir::TypedAttr signlessValue(mlir::Attribute scalar);
mlir::DenseElementsAttr signlessElements(mlir::DenseElementsAttr elements);

/// One input of a nest: by an affine map of the loops, or whole (no map).
struct Access {
  mlir::Value tensor;
  mlir::AffineMap map; // null: whole
};

/// Emits a nest. `body` gets the loop indices and one value an input (an element, or the whole
/// tensor for exec.read) and returns the yielded values; `elements` are the results' element types.
llvm::SmallVector<mlir::Value>
nest(mlir::OpBuilder &b, mlir::Location loc, llvm::ArrayRef<Dim> loops, int64_t parallel,
     llvm::ArrayRef<Access> inputs, Combiner combiner, llvm::ArrayRef<mlir::Type> elements,
     llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::OpBuilder &, mlir::ValueRange loops,
                                                       mlir::ValueRange inputs)>
         body);

/// A map nest over `dims`, one result; inputs with identity access.
mlir::Value mapNest(mlir::OpBuilder &b, mlir::Location loc, llvm::ArrayRef<Dim> dims,
                    mlir::ValueRange inputs, mlir::Type element,
                    llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::ValueRange)> body);

/// A constant of the element type inside a nest's body.
mlir::Value scalarConstant(mlir::OpBuilder &b, mlir::Location loc, mlir::Type element,
                           double value);
mlir::Value indexConstant(mlir::OpBuilder &b, mlir::Location loc, int64_t value);

/// The value that combining starts from: 0, 1, -inf, least integer …
mlir::TypedAttr identityOf(Combiner combiner, mlir::Type element);

} // namespace ingot::exec
