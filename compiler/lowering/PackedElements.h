// Elements below a byte where a function meets its caller and its variables: there several share a
// byte, inside a function each has an i8 of its own. Used by LowerToExec.
#pragma once
#include "ir/exec/Exec.h"

namespace ingot {

/// A graph's tensor as functions take, give and store it: bytes of one dimension for elements that
/// share bytes, else exec::signless.
mlir::RankedTensorType storedType(mlir::Type tensor);

/// A tensor of storedType(type) as one of exec::signless(type), and back.
mlir::Value unpackElements(mlir::OpBuilder &b, mlir::Location loc, mlir::Value stored,
                           mlir::Type type);
mlir::Value packElements(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value,
                         mlir::Type type);

} // namespace ingot
