// Running compiled code on the interpreter's tensors, so that both can be compared. In a program
// that is built with a sanitizer the generated code is instrumented by the same one.
#pragma once
#include "compiler/Compile.h"
#include "ingot/Device.h"
#include "ingot/Model.h"
#include "ir/reference/Tensor.h"
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ingot::tests {

/// The options with the generated code under the address or thread sanitizer that this program is
/// built with, if it is. The thread sanitizer sees no access of more than 16 bytes: under it "host"
/// is x86-64.
CompileOptions instrumented(CompileOptions options);

/// The CPU levels that this machine runs; x86-64 alone under the thread sanitizer.
std::vector<std::string> levelsHere();

/// A module compiled to a shared library and loaded, with one state. Its file is removed at once.
class CompiledModule {
public:
  /// Compiles every public function, instrumented(); error() says why when the result is not ok.
  CompiledModule(mlir::ModuleOp module, const CompileOptions &options = {});
  /// The same artifact on the device, with a state of its own; error() says why not.
  CompiledModule onDevice(std::shared_ptr<Device> device) const;
  bool ok() const { return state != nullptr; }
  const std::string &error() const { return message; }

  /// Of a module on a device: whether the function is left to the CPU, as text is.
  bool isLeftToCpu(const std::string &function) const;

  void setVariable(const std::string &name, const reference::Tensor &value);
  reference::Tensor variable(const std::string &name, mlir::Type element);

  /// Runs a function; `outputs` gives the graph types of its results. Empty with error() set where
  /// the run fails. Without a pool on this thread, or on three under the thread sanitizer.
  std::vector<reference::Tensor> run(const std::string &function,
                                     const std::vector<reference::Tensor> &inputs,
                                     mlir::TypeRange outputs, ThreadPool *pool = nullptr);

  std::shared_ptr<const Artifact> artifact;
  std::unique_ptr<State> state;

private:
  CompiledModule() = default;
  void makeState();
  std::string message;
};

/// The first element that is not the `same`, or nothing. Of one shape.
std::string firstDifference(
    const reference::Tensor &expected, const reference::Tensor &actual,
    llvm::function_ref<bool(const reference::Number &, const reference::Number &)> same);

/// The first place where they differ by more than rtol * max|expected| + atol (integers: at all,
/// NaN equals NaN), or nothing.
std::string difference(const reference::Tensor &expected, const reference::Tensor &actual,
                       double rtol, double atol);

} // namespace ingot::tests
