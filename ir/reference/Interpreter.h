// The reference interpreter: the meaning of every graph program, slow and obvious.
//
// Holds variables between runs. Floats are computed in f64 and rounded to the element type after
// each op; in exact mode they are not, which serves gradients and error measurement. Used by tests,
// constant folding and `ingot compare`. One thread at a time.
#pragma once
#include "ir/Graph.h"
#include <map>
#include <set>
#include <string>

namespace ingot::reference {

class Interpreter : public EvalContext {
public:
  /// Variables take the values that the module declares; others start without one.
  explicit Interpreter(mlir::ModuleOp module, bool exact = false);

  /// Runs the function. Dimension symbols get their values from the inputs' shapes.
  /// On failure error() says what and where.
  mlir::FailureOr<llvm::SmallVector<Tensor>> run(llvm::StringRef function,
                                                 llvm::ArrayRef<Tensor> inputs);
  const std::string &error() const { return message; }

  std::map<std::string, Tensor, std::less<>> variables;
  /// Values of dimension symbols; those that no input fixes may be set before run.
  std::map<std::string, int64_t, std::less<>> symbols;

  int64_t symbolValue(llvm::StringRef name) override;
  void bindSymbol(llvm::StringRef name, int64_t value) override;
  const Tensor *readVariable(llvm::StringRef name) override;
  void assignVariable(llvm::StringRef name, Tensor value) override;
  llvm::SmallVector<Tensor> runRegion(mlir::Region &region, llvm::ArrayRef<Tensor> args) override;
  llvm::LogicalResult fail(const std::string &text) override;

  /// The static shape of a tensor type under the current symbol values.
  llvm::SmallVector<int64_t> shapeOf(mlir::Type type);

private:
  llvm::LogicalResult bindSymbols(llvm::ArrayRef<mlir::Type> types, llvm::ArrayRef<Tensor> inputs);
  void bindShapeInputs(mlir::func::FuncOp function, llvm::ArrayRef<Tensor> inputs);
  void evaluateLets();
  llvm::LogicalResult runOp(mlir::Operation *op);

  mlir::ModuleOp module;
  bool exact;
  std::string message;
  mlir::ArrayAttr lets;                     // of the function being run
  std::set<std::string, std::less<>> bound; // symbols that the program gave a value
  llvm::DenseMap<mlir::Value, Tensor> values;
};

} // namespace ingot::reference
