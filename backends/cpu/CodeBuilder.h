// Small vocabulary for emitting loops: 64-bit integers, bare pointers, scalars and vectors of one
// width, constants folded on the way. Used by every CPU emitter.
#pragma once
#include "backends/cpu/CpuTarget.h"
#include "ir/Dims.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace ingot::cpu {

/// An index that may differ by lane: base + lane * stride, or, when `varying` is set, that vector.
struct Index {
  mlir::Value base;    // i64
  int64_t stride = 0;  // per lane
  mlir::Value varying; // vector<lanes x i64>, or null
  bool uniform() const { return !varying && stride == 0; }
};

class CodeBuilder {
public:
  CodeBuilder(mlir::OpBuilder &b, mlir::Location loc, int64_t lanes)
      : b(b), loc(loc), lanes(lanes) {}

  mlir::OpBuilder &b;
  mlir::Location loc;
  int64_t lanes; // of the vectors in this kernel
  /// Indices fit into 32 bits, with their sign, so that they are divided as such.
  bool narrowDivision = false;

  mlir::Type i64() { return b.getI64Type(); }
  mlir::Type pointer() { return mlir::LLVM::LLVMPointerType::get(b.getContext()); }
  mlir::VectorType vectorOf(mlir::Type element) { return mlir::VectorType::get({lanes}, element); }
  static bool isVector(mlir::Value v) { return llvm::isa<mlir::VectorType>(v.getType()); }

  mlir::Value integer(int64_t value);
  std::optional<int64_t> constantOf(mlir::Value v);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value sub(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value minimum(mlir::Value x, mlir::Value y);
  mlir::Value floorDiv(mlir::Value x, mlir::Value y);  // y > 0
  mlir::Value ceilDiv(mlir::Value x, mlir::Value y);   // y > 0
  mlir::Value remainder(mlir::Value x, mlir::Value y); // x >= 0, y > 0

  /// The value of a dimension expression, given that of each symbol. Whether a sum or product of it
  /// left 64 bits is added to `overflow`, an i1, or null for "no".
  mlir::Value evaluate(Dim d, llvm::function_ref<mlir::Value(llvm::StringRef)> symbol,
                       mlir::Value *overflow = nullptr);
  /// An extent as a divisor: a zero one leaves nothing to compute.
  mlir::Value nonZero(mlir::Value v);

  /// base + offset elements of `element` bytes.
  mlir::Value address(mlir::Value base, mlir::Value offset, mlir::Type element);
  mlir::Value loadI64(mlir::Value base, int64_t index);
  mlir::Value loadPointer(mlir::Value base, int64_t index);

  /// A vector with the scalar in every lane; vectors stay as they are.
  mlir::Value widen(mlir::Value v);
  mlir::Value splat(mlir::TypedAttr value);
  /// 0, 1, …, lanes - 1 as vector of i64.
  mlir::Value laneNumbers();
  /// A vector in memory; only the lanes that the mask has, where there is one, others read as zero.
  mlir::Value load(mlir::Value p, mlir::Type element, mlir::Value mask);
  void store(mlir::Value v, mlir::Value p, mlir::Value mask);
  /// x * y + sum, rounded once where the target can.
  mlir::Value multiplyAdd(const CpuTarget &target, mlir::Value x, mlir::Value y, mlir::Value sum);
  /// Lanes [0, count) hold.
  mlir::Value firstLanes(mlir::Value count);

  Index uniform(mlir::Value v) { return {v, 0, {}}; }
  Index constant(int64_t v) { return {integer(v), 0, {}}; }
  Index add(Index x, Index y);
  Index mul(Index x, Index y);
  /// The index as a scalar (uniform) or a vector.
  mlir::Value materialize(Index x);

  /// if (condition) then(); else otherwise()
  void branch(mlir::Value condition, llvm::function_ref<void()> then,
              llvm::function_ref<void()> otherwise = nullptr);
  /// body(number), a copy of it for each number from 1 to most; nothing for others.
  void forEachCase(mlir::Value number, int64_t most, llvm::function_ref<void(int64_t)> body);
  /// for (i = low; i < high; i += step) body(i)
  void loop(mlir::Value low, mlir::Value high, int64_t step,
            llvm::function_ref<void(mlir::Value)> body);
  /// The same with carried values.
  llvm::SmallVector<mlir::Value>
  loop(mlir::Value low, mlir::Value high, int64_t step, mlir::ValueRange init,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)> body);
};

/// The type an element has in memory: bool is a byte, a 16-bit float its bits (LLVM would convert
/// them through library calls where the CPU does not know the type).
mlir::Type memoryType(mlir::Type element);

} // namespace ingot::cpu
