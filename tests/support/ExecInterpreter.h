// Runs a module after the phases lower, layout or fuse, slowly and obviously, so that what a
// program means can be compared before and after each of them.
//
// Nests run point by point, kernels nest by nest; floats are computed in f64 and rounded to the
// type of each op's result, reductions are rounded at their end. A variable's memory is read when a
// nest uses it, so that an assignment which comes too early shows. An access outside its tensor is
// an error. Used by tests alone; one thread at a time.
#pragma once
#include "ir/exec/Control.h"
#include "ir/exec/Winograd.h"
#include "ir/reference/Tensor.h"
#include <map>
#include <set>
#include <string>

namespace ingot::tests {

/// The same values with a signless element type, as the exec dialect has them.
reference::Tensor signlessTensor(const reference::Tensor &tensor);

class ExecInterpreter {
public:
  using Tensor = reference::Tensor;
  using Number = reference::Number;

  explicit ExecInterpreter(mlir::ModuleOp module) : module(module) {}

  /// Inputs and results have signless elements. On failure error() says what and where.
  mlir::FailureOr<llvm::SmallVector<Tensor>> run(llvm::StringRef function,
                                                 llvm::ArrayRef<Tensor> inputs);
  const std::string &error() const { return message; }

  /// With signless elements.
  std::map<std::string, Tensor, std::less<>> variables;

private:
  using Scalars = llvm::DenseMap<mlir::Value, Number>;

  mlir::LogicalResult fail(mlir::Operation *op, const std::string &text);
  int64_t evaluate(Dim d);
  /// Gives symbols of `lets` their values; what the program has bound stays.
  void evaluateLets();
  mlir::FailureOr<Tensor> tensorOf(mlir::Value value);
  llvm::SmallVector<int64_t> shapeOf(mlir::Value value);
  mlir::LogicalResult runOp(mlir::Operation &op);
  /// Runs the region's ops on these arguments; what its terminator has.
  mlir::FailureOr<llvm::SmallVector<Tensor>> runRegion(mlir::Region &region,
                                                       llvm::ArrayRef<Tensor> arguments);
  mlir::FailureOr<llvm::SmallVector<Tensor>> tensorsOf(mlir::ValueRange values);
  mlir::FailureOr<llvm::SmallVector<Tensor>> runScan(exec::ScanOp op);
  mlir::FailureOr<llvm::SmallVector<Tensor>> runWhile(exec::WhileOp op);
  mlir::LogicalResult runKernel(exec::KernelOp op);
  mlir::LogicalResult runWinograd(exec::WinogradOp op);
  mlir::LogicalResult runScatter(exec::ScatterOp op);
  mlir::LogicalResult runCumulate(exec::CumulateOp op);
  mlir::LogicalResult runSort(exec::SortOp op);
  /// ExecTexts.cpp: the dispatches over text; failure for other ops.
  mlir::LogicalResult runText(mlir::Operation &op);
  mlir::LogicalResult runNest(exec::NestOp op);
  mlir::LogicalResult runPoint(exec::NestOp op, llvm::ArrayRef<int64_t> loops,
                               llvm::ArrayRef<Tensor> inputs, llvm::SmallVector<Number> &yielded);
  mlir::LogicalResult runScalar(mlir::Operation &op, Scalars &scalars,
                                const llvm::DenseMap<mlir::Value, const Tensor *> &whole);

  mlir::ModuleOp module;
  std::string message;
  std::map<std::string, int64_t, std::less<>> symbols;
  mlir::ArrayAttr lets; // of the function being run
  std::set<std::string, std::less<>> bound;
  llvm::DenseMap<mlir::Value, Tensor> values;
};

} // namespace ingot::tests
