// Dimensions of tensors: integer expressions over named symbols, kept in one normal form.
//
// A `Dim` is a sum of products of atoms with integer coefficients; an atom is a symbol ("batch") or
// a floordiv, ceildiv, min or max of two such sums. Two Dims that print alike are the same object,
// so equality is identity. A tensor type with any dynamic dimension carries all its dimensions in
// its encoding, `#graph.dims<[batch, 28, batch * 4]>`; a wholly static one carries none.
#pragma once
#include "ir/Pch.h"
#include <functional>
#include <optional>

namespace ingot {

class Dim {
public:
  enum class Op { Add, Mul, FloorDiv, CeilDiv, Min, Max };

  Dim() = default;
  static Dim constant(mlir::MLIRContext *context, int64_t value);
  static Dim symbol(mlir::MLIRContext *context, llvm::StringRef name);
  /// Wraps an attribute made by this class (the content of #graph.dims).
  explicit Dim(mlir::Attribute attribute) : attribute(attribute) {}

  bool isStatic() const;
  /// Requires isStatic().
  int64_t value() const;
  /// The symbol's name when the expression is one symbol alone.
  std::optional<llvm::StringRef> asSymbol() const;
  mlir::Attribute asAttribute() const { return attribute; }
  mlir::MLIRContext *context() const { return attribute.getContext(); }

  friend Dim operator+(Dim a, Dim b);
  friend Dim operator-(Dim a, Dim b);
  friend Dim operator*(Dim a, Dim b);
  friend Dim operator+(Dim a, int64_t b);
  friend Dim operator-(Dim a, int64_t b);
  friend Dim operator*(Dim a, int64_t b);
  Dim floorDiv(int64_t divisor) const;
  Dim ceilDiv(int64_t divisor) const;
  Dim floorDiv(Dim divisor) const;
  Dim ceilDiv(Dim divisor) const;
  static Dim min(Dim a, Dim b);
  static Dim max(Dim a, Dim b);
  /// a / b when b divides every term of a: `batch * 25` by `batch` is 25.
  static std::optional<Dim> exactDiv(Dim a, Dim b);

  bool operator==(const Dim &other) const { return attribute == other.attribute; }
  explicit operator bool() const { return static_cast<bool>(attribute); }

  /// The value once every symbol has one. Division rounds as named; a zero divisor gives 0.
  int64_t evaluate(const std::function<int64_t(llvm::StringRef)> &symbolValue) const;

  /// Folds the expression bottom-up: one callback a leaf kind, one for operators.
  template <typename T>
  T fold(const std::function<T(int64_t)> &constant, const std::function<T(llvm::StringRef)> &symbol,
         const std::function<T(Op, T, T)> &apply) const;

  void collectSymbols(llvm::function_ref<void(llvm::StringRef)> visit) const;
  /// "batch * 4 + 1"
  std::string str() const;

  /// Takes an expression apart: null op for a leaf. Used by fold and the printer.
  struct Parts {
    Op op;
    mlir::Attribute lhs, rhs;
  };
  std::optional<Parts> parts() const;

private:
  mlir::Attribute attribute;
};

using Dims = llvm::SmallVector<Dim, 4>;

Dim operator+(Dim a, Dim b);
Dim operator*(Dim a, Dim b);

/// The type with these dimensions; adds the encoding when one is not static.
mlir::RankedTensorType tensorType(llvm::ArrayRef<Dim> dims, mlir::Type element);
/// The dimensions of a tensor type. Requires an encoding where a dimension is dynamic.
Dims dimsOf(mlir::Type type);
inline Dims dimsOf(mlir::Value value) { return dimsOf(value.getType()); }
/// The product of the dimensions; 1 for a scalar.
Dim numElements(mlir::MLIRContext *context, llvm::ArrayRef<Dim> dims);
/// "(batch, 28, 28, 1)"
std::string str(llvm::ArrayRef<Dim> dims);
Dims constantDims(mlir::MLIRContext *context, llvm::ArrayRef<int64_t> sizes);
/// Static sizes. Requires all to be static.
llvm::SmallVector<int64_t> staticSizes(llvm::ArrayRef<Dim> dims);

/// Parses and prints one expression in the form `str` gives.
mlir::FailureOr<Dim> parseDim(mlir::AsmParser &parser);

template <typename T>
T Dim::fold(const std::function<T(int64_t)> &constant,
            const std::function<T(llvm::StringRef)> &symbol,
            const std::function<T(Op, T, T)> &apply) const {
  if (isStatic())
    return constant(value());
  if (auto name = asSymbol())
    return symbol(*name);
  Parts p = *parts();
  T lhs = Dim(p.lhs).fold(constant, symbol, apply);
  T rhs = Dim(p.rhs).fold(constant, symbol, apply);
  return apply(p.op, lhs, rhs);
}

} // namespace ingot
