// What a tensor is as integers: which maps that make it cast bytes, take a zero point from them and
// multiply them by a scale, and which only move them. Used by IntegerContractions.
#pragma once
#include "compiler/fusion/Structure.h"

namespace ingot {

/// A scale or zero point of a tensor: a number, or the element of another tensor at map(index).
struct Parameter {
  double number = 0;
  mlir::Value tensor; // null: the number
  mlir::AffineMap map;
  bool isUnsigned = false; // the tensor's integers

  bool isNumber() const { return !tensor; }
  bool isZero() const { return isNumber() && number == 0; }
  bool dependsOn(unsigned dim) const { return tensor && map.isFunctionOfDim(dim); }
  bool dependsOnAny() const {
    for (unsigned d = 0; tensor && d < map.getNumDims(); ++d)
      if (map.isFunctionOfDim(d))
        return true;
    return false;
  }
  /// The parameter of a tensor that has at i what this one has at inner(i).
  Parameter after(mlir::AffineMap inner) const {
    Parameter result = *this;
    if (tensor)
      result.map = map.compose(inner);
    return result;
  }
};

/// A tensor's elements as (integers - zero) * scale.
struct Form {
  mlir::Value integers; // of the tensor's dimensions, i8
  bool isUnsigned = false;
  bool hasScale = false;
  Parameter zero, scale;
};

/// Reads tensors' forms off the maps that make them.
class FormFinder {
public:
  /// The tensor as integers; nothing where it is not made of such. Makes the nests that move them.
  std::optional<Form> formOf(mlir::Value tensor);

private:
  std::optional<Form> find(mlir::Value tensor);
  std::optional<Form> ofView(exec::ViewOp view);
  std::optional<Form> ofPadding(exec::NestOp nest, const Padding &padding);
  std::optional<Form> ofFormula(exec::NestOp nest, mlir::Value value);

  llvm::DenseMap<mlir::Value, std::optional<Form>> forms;
};

/// What the nest pads, as integers, with this number around it; nothing: the zero point.
mlir::Value paddedIntegers(mlir::OpBuilder &b, exec::NestOp nest, const Form &form,
                           std::optional<double> number);

/// The single value that the body of a nest yields.
mlir::Value yielded(exec::NestOp nest);
/// The number of a block's argument among the nest's inputs; nothing where it is none.
std::optional<unsigned> inputOf(exec::NestOp nest, mlir::Value value);
/// A scalar attribute as a number.
std::optional<double> numberOf(mlir::Attribute attribute);

} // namespace ingot
