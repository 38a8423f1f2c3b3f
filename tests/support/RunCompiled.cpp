// See RunCompiled.h.
#include "tests/support/RunCompiled.h"
#include "backends/cpu/CpuTarget.h"
#include "compiler/package/Describe.h"
#include "mlir/IR/Diagnostics.h"
#include <cmath>
#include <unistd.h>

namespace ingot::tests {
namespace {

#if __has_feature(address_sanitizer)
constexpr llvm::StringLiteral programSanitizer = "address";
#elif __has_feature(thread_sanitizer)
constexpr llvm::StringLiteral programSanitizer = "thread";
#else
constexpr llvm::StringLiteral programSanitizer = "";
#endif

Tensor toRuntime(const reference::Tensor &value) {
  Shape shape(value.shape().begin(), value.shape().end());
  auto tensor = Tensor::zeros(static_cast<DType>(dtypeOf(value.element())), shape);
  value.copyTo(tensor->rawData());
  return std::move(*tensor);
}

reference::Tensor fromRuntime(const Tensor &value, mlir::Type element) {
  llvm::SmallVector<int64_t> shape;
  for (int64_t d = 0; d < value.rank(); ++d)
    shape.push_back(value.dim(d));
  reference::Tensor result(element, shape);
  result.copyFrom(value.rawData());
  return result;
}

} // namespace

CompileOptions instrumented(CompileOptions options) {
  options.sanitize = programSanitizer;
  if (programSanitizer == "thread" && options.targetCpu == "host")
    options.targetCpu = "x86-64";
  return options;
}

/// What runs without a pool of the test's own take. Races are seen on several threads only.
static ThreadPool *usualPool() {
  static ThreadPool pool(3);
  return programSanitizer == "thread" ? &pool : nullptr;
}

std::vector<std::string> levelsHere() {
  if (programSanitizer == "thread")
    return {"x86-64"};
  std::vector<std::string> names;
  for (const cpu::CpuTarget &target : cpu::allTargets())
    if (cpu::runsHere(target))
      names.push_back(target.name);
  return names;
}

CompiledModule CompiledModule::onDevice(std::shared_ptr<Device> device) const {
  CompiledModule there;
  auto moved = artifact->onDevice(std::move(device));
  if (!moved.isOk()) {
    there.message = moved.status().message();
    return there;
  }
  there.artifact = *moved;
  there.makeState();
  return there;
}

void CompiledModule::makeState() {
  auto made = State::create(artifact);
  if (made.isOk())
    state = std::move(*made);
  else
    message = made.status().message();
}

CompiledModule::CompiledModule(mlir::ModuleOp module, const CompileOptions &options) {
  mlir::ScopedDiagnosticHandler handler(module.getContext(), [&](mlir::Diagnostic &d) {
    message += (message.empty() ? "" : "\n") + d.str();
    return mlir::success();
  });
  char path[] = "/tmp/ingot-test-XXXXXX";
  int file = mkstemp(path);
  close(file);
  bool compiled = mlir::succeeded(compileToFile(module, instrumented(options), path));
  if (compiled) {
    auto opened = Artifact::open(path);
    if (opened.isOk()) {
      artifact = *opened;
      makeState();
    } else {
      message = opened.status().message();
    }
  }
  unlink(path);
}

bool CompiledModule::isLeftToCpu(const std::string &function) const {
  return artifact->findFunction(function) == nullptr;
}

void CompiledModule::setVariable(const std::string &name, const reference::Tensor &value) {
  Tensor tensor = toRuntime(value);
  Status status = state->set(name, tensor);
  if (!status.isOk())
    message = status.message();
}

reference::Tensor CompiledModule::variable(const std::string &name, mlir::Type element) {
  auto tensor = state->get(name);
  return fromRuntime(*tensor, element);
}

std::vector<reference::Tensor> CompiledModule::run(const std::string &function,
                                                   const std::vector<reference::Tensor> &inputs,
                                                   mlir::TypeRange outputs, ThreadPool *pool) {
  message.clear();
  SessionOptions options;
  options.pool = pool ? pool : usualPool();
  auto session = Session::create(artifact, function, options);
  if (!session.isOk()) {
    message = session.status().message();
    return {};
  }
  std::vector<Tensor> tensors;
  for (const reference::Tensor &input : inputs)
    tensors.push_back(toRuntime(input));
  std::vector<TensorView> views(tensors.begin(), tensors.end());
  Status status = session->run(*state, views);
  if (!status.isOk()) {
    message = status.message();
    return {};
  }
  std::vector<reference::Tensor> results;
  for (auto [i, type] : llvm::enumerate(outputs))
    results.push_back(
        fromRuntime(session->output(i), llvm::cast<mlir::RankedTensorType>(type).getElementType()));
  return results;
}

std::string firstDifference(
    const reference::Tensor &expected, const reference::Tensor &actual,
    llvm::function_ref<bool(const reference::Number &, const reference::Number &)> same) {
  for (int64_t i = 0; i < expected.numElements(); ++i) {
    auto e = expected.get(i), a = actual.get(i);
    if (!same(e, a))
      return "element " + std::to_string(i) + ": expected " +
             (e.isFloat ? std::to_string(e.f) : std::to_string(e.i)) + ", got " +
             (a.isFloat ? std::to_string(a.f) : std::to_string(a.i));
  }
  return {};
}

std::string difference(const reference::Tensor &expected, const reference::Tensor &actual,
                       double rtol, double atol) {
  if (expected.shape() != actual.shape())
    return "shapes differ";
  double scale = 0;
  if (expected.isFloat())
    for (int64_t i = 0; i < expected.numElements(); ++i)
      if (std::isfinite(expected.real(i)))
        scale = std::max(scale, std::fabs(expected.real(i)));
  return firstDifference(expected, actual, [&](const auto &e, const auto &a) {
    return e.isFloat ? e.f == a.f || (std::isnan(e.f) && std::isnan(a.f)) ||
                           std::fabs(e.f - a.f) <= rtol * scale + atol
                     : e.i == a.i;
  });
}

} // namespace ingot::tests
