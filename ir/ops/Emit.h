// Pieces of lowerings that several op families share. Inside a nest's body unless said otherwise.
#pragma once
#include "ir/exec/Exec.h"

namespace ingot::exec {

/// Index arithmetic in a nest's body that reads as a formula. Holds the builder by pointer.
struct Index {
  mlir::OpBuilder *b;
  mlir::Location loc;
  mlir::Value v;
  Index with(mlir::Value value) const { return {b, loc, value}; }
  Index constant(int64_t value) const { return with(indexConstant(*b, loc, value)); }
  operator mlir::Value() const { return v; }
};
Index operator+(Index x, Index y);
Index operator-(Index x, Index y);
Index operator*(Index x, Index y);
Index operator+(Index x, int64_t y);
Index operator-(Index x, int64_t y);
Index operator*(Index x, int64_t y);
/// Quotient of non-negative numbers by a positive constant (an unsigned division: a negative x
/// gives a huge number, which `below` then refuses).
Index quotient(Index x, int64_t divisor);
/// 0 <= x < limit as one comparison.
mlir::Value below(Index x, Index limit);
mlir::Value equal(Index x, Index y);
/// Conjunction; a null operand counts as true.
mlir::Value both(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x, mlir::Value y);

/// The value of a dimension.
Index extent(mlir::OpBuilder &b, mlir::Location loc, Dim dim);
/// The row-major number of the element at `loops` in a tensor of these dimensions.
Index linearIndex(mlir::OpBuilder &b, mlir::Location loc, llvm::ArrayRef<Dim> dims,
                  mlir::ValueRange loops);
/// An index as a number of the (signless) element type, and back (`isUnsigned`: of the number).
mlir::Value indexToElement(mlir::OpBuilder &b, mlir::Location loc, mlir::Value index,
                           mlir::Type element);
Index elementToIndex(mlir::OpBuilder &b, mlir::Location loc, mlir::Value number, bool isUnsigned);
mlir::Value read(mlir::OpBuilder &b, mlir::Location loc, mlir::Value tensor,
                 mlir::ValueRange indices, mlir::Value guard = {}, mlir::Value otherwise = {});
mlir::Value multiply(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x, mlir::Value y);
mlir::Value add(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x, mlir::Value y);

/// Outside nests: x with `low` elements before dimension d and `interior` between neighbours,
/// filled with `value` up to the dimensions `result`; negative `low` drops. x itself when nothing
/// changes.
mlir::Value emitPad(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x,
                    llvm::ArrayRef<Dim> result, llvm::ArrayRef<Dim> low,
                    llvm::ArrayRef<int64_t> interior, mlir::TypedAttr value);

} // namespace ingot::exec
