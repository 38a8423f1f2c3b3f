// The printer of KernelText.h from inside: what its two files share. KernelText.cpp has the
// structure (functions, memory, loops), KernelExpressions.cpp the expressions.
//
// Every value is a constant of its own name, every region a block of C. An i1 is an int of 0 or 1;
// an i64 is signed, other integers are unsigned, and what may overflow is computed without a sign;
// a 16-bit float is its bits. Pointers are to bytes.
#pragma once
#include "backends/gpu/KernelText.h"

namespace ingot::gpu {

inline unsigned widthOf(mlir::Type type) {
  return type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
}
inline bool isHalf(mlir::Type type) { return type.isF16() || type.isBF16(); }
/// "float", "k_u8": what values of the type are declared as.
std::string typeName(mlir::Type type);
/// "f32", "u16", …: what intrinsics' names end in.
std::string suffix(mlir::Type type);
inline std::string signedName(mlir::Type type) { return "k_i" + std::to_string(widthOf(type)); }
inline std::string unsignedName(mlir::Type type) { return "k_u" + std::to_string(widthOf(type)); }

class Printer {
public:
  explicit Printer(mlir::func::FuncOp function) : function(function) {}

  mlir::FailureOr<KernelText> kernel(Form form, int64_t threads, const FrameWords &frame);
  std::string deviceFunction(llvm::StringRef name);

private:
  enum class Space { Global, Shared, Private };
  Space spaceOf(mlir::Value pointer);
  static std::string pointerType(Space space, llvm::StringRef pointee) {
    return space == Space::Global   ? ("K_GLOBAL " + pointee + " *").str()
           : space == Space::Shared ? ("K_SHARED_POINTER(" + pointee + ")").str()
                                    : (pointee + " *").str();
  }

  llvm::raw_ostream &line() { return out.indent(depth * 2); }
  std::string name(mlir::Value v);
  /// Declares the value.
  void let(mlir::Value v, const llvm::Twine &expression) {
    line() << "const " << typeName(v.getType()) << ' ' << name(v) << " = " << expression << ";\n";
  }
  std::string call(const llvm::Twine &callee, mlir::ValueRange arguments);
  /// The integer as the operand of a signed operation.
  std::string asSigned(mlir::Value v) {
    return v.getType().isInteger(1) ? "-" + name(v) : "(" + signedName(v.getType()) + ")" + name(v);
  }
  std::string asUnsigned(mlir::Value v) {
    return widthOf(v.getType()) < 32 ? "(k_u32)" + name(v)
                                     : "(" + unsignedName(v.getType()) + ")" + name(v);
  }
  /// An unsigned expression of at least 32 bits, made the value's own type.
  std::string wrapped(mlir::Value v, const llvm::Twine &expression) {
    return v.getType().isInteger(1) ? ("(" + expression + ") & 1").str()
                                    : "(" + typeName(v.getType()) + ")(" + expression.str() + ")";
  }
  std::string parameter(int64_t word, KernelText::Parameter::Kind kind);

  void printBlock(mlir::Block &block);
  void print(mlir::Operation &op);
  bool printInteger(mlir::Operation &op);
  bool printFloat(mlir::Operation &op);
  bool printConversion(mlir::Operation &op);
  void printCompare(mlir::arith::CmpIOp op);
  void printCompare(mlir::arith::CmpFOp op);
  void printMemory(mlir::Operation &op);
  void printElement(mlir::vector::ExtractOp op);
  // Neighbours in memory, read or written at once.
  void printPiece(mlir::LLVM::LoadOp load);
  void printPiece(mlir::LLVM::StoreOp store);
  void printLane(mlir::vector::ExtractOp op);
  std::string pieceAccess(mlir::Value pointer, llvm::StringRef access, int64_t bytes);
  std::string place(mlir::Value pointer, mlir::Type element);
  std::string memoryName(mlir::Type element) { return typeName(cpu::memoryType(element)); }
  void printFor(mlir::scf::ForOp op);
  void printIf(mlir::scf::IfOp op);
  void printWhile(mlir::scf::WhileOp op);
  void declare(mlir::ValueRange values);
  void assign(mlir::ValueRange to, mlir::ValueRange from);

  mlir::func::FuncOp function;
  llvm::DenseMap<mlir::Value, std::string> names;
  std::string text;
  llvm::raw_string_ostream out{text};
  int depth = 1, nextName = 0;
  std::vector<KernelText::Parameter> parameters;
  std::set<std::string> calls;
  int64_t tensorMaps = 0;
  std::string tables; // of constants, in front of the function
  llvm::DenseMap<mlir::Attribute, std::string> tableNames;
  bool hasBarriers = false, usesShared = false, usesDynamicShared = false, hasFailed = false;
};

} // namespace ingot::gpu
