// Values of the reference interpreter: floats as f64, integers as 64-bit, exact.
//
// Invariant: after `round`, every element is representable in the element type. Used by the ops'
// `evaluate` and `applyScalar`, the interpreter, constant folding and tests.
#pragma once
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <string>
#include <vector>

namespace ingot::reference {

/// One element. Integers keep their bits in `i` (unsigned 64-bit ones as their bit pattern).
struct Number {
  bool isFloat = true;
  double f = 0;
  int64_t i = 0;
  static Number real(double v) { return {true, v, 0}; }
  static Number integer(int64_t v) { return {false, 0, v}; }
  static Number boolean(bool v) { return {false, 0, v}; }
  bool truth() const { return isFloat ? f != 0 : i != 0; }
};

/// What a number becomes when stored as `element`: floats rounded to nearest even, integers
/// wrapped.
Number roundTo(mlir::Type element, Number value);

class Tensor {
public:
  Tensor() = default;
  Tensor(mlir::Type element, llvm::ArrayRef<int64_t> shape);
  static Tensor scalar(mlir::Type element, Number value);

  mlir::Type element() const { return elementType; }
  llvm::ArrayRef<int64_t> shape() const { return sizes; }
  int64_t rank() const { return sizes.size(); }
  int64_t dim(int64_t axis) const { return sizes[axis]; }
  int64_t numElements() const;
  bool isFloat() const { return llvm::isa<mlir::FloatType>(elementType); }

  Number get(int64_t linear) const;
  void set(int64_t linear, Number value);
  double real(int64_t linear) const { return floats[linear]; }
  int64_t integer(int64_t linear) const { return integers[linear]; }
  Number at(llvm::ArrayRef<int64_t> index) const { return get(linearize(index)); }
  void set(llvm::ArrayRef<int64_t> index, Number value) { set(linearize(index), value); }
  int64_t linearize(llvm::ArrayRef<int64_t> index) const;

  /// Rounds every element to the element type.
  void round();
  /// Copies from or to dense row-major memory of the element type (bool: one byte each; elements
  /// below 8 bits share bytes, the first in the lowest bits).
  void copyFrom(const void *data);
  void copyTo(void *data) const;
  /// Same elements, other shape. Requires the same number of elements.
  Tensor reshaped(llvm::ArrayRef<int64_t> shape) const;

private:
  mlir::Type elementType;
  llvm::SmallVector<int64_t, 4> sizes;
  std::vector<double> floats;
  std::vector<int64_t> integers;
};

/// Bytes of one element in memory (bool: 1). Requires an element of at least a byte.
int64_t elementBytes(mlir::Type element);
/// Bytes of that many elements in memory, where those below 8 bits share bytes.
int64_t storedBytes(mlir::Type element, int64_t count);
/// How many elements share a byte: 1, 2 or 4.
int64_t elementsPerByte(mlir::Type element);

/// Of any float type below f64, exactly.
double toDouble(const llvm::APFloat &v);
/// The bits of an element (bool: 8 of them), and the element that they are.
uint64_t toBits(mlir::Type element, Number value);
Number fromBits(mlir::Type element, uint64_t bits);

/// Calls visit(index) for every index of the shape, in row-major order.
void forEachIndex(llvm::ArrayRef<int64_t> shape,
                  llvm::function_ref<void(llvm::ArrayRef<int64_t>)> visit);

/// What an op's `evaluate` may ask beside its operands.
class EvalContext {
public:
  virtual ~EvalContext() = default;
  /// Value of a dimension symbol in this run.
  virtual int64_t symbolValue(llvm::StringRef name) = 0;
  /// Gives a dimension symbol another value, for the rest of this run.
  virtual void bindSymbol(llvm::StringRef name, int64_t value) = 0;
  /// The current value of a variable, and a new one for it.
  virtual const Tensor *readVariable(llvm::StringRef name) = 0;
  virtual void assignVariable(llvm::StringRef name, Tensor value) = 0;
  /// Evaluates a region of one block on these arguments; empty on failure.
  virtual llvm::SmallVector<Tensor> runRegion(mlir::Region &region,
                                              llvm::ArrayRef<Tensor> args) = 0;
  /// Records what went wrong; the interpreter adds the op's location. Returns failure.
  virtual llvm::LogicalResult fail(const std::string &message) = 0;
};

} // namespace ingot::reference
