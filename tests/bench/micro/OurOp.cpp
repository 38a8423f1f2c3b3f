// Ours: a graph module of one op, compiled for this machine and run through the runtime.
#include "compiler/Compile.h"
#include "ingot/Model.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "tests/bench/micro/Micro.h"
#include "llvm/Support/FormatVariadic.h"
#include <stdexcept>
#include <unistd.h>

using namespace mlir;

namespace ingot::bench {
namespace {

std::string typeOf(const std::vector<int64_t> &shape) {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + "f32>";
}

std::string opOf(const Case &what) {
  std::string x = typeOf(what.inputShape()), w = typeOf(what.weightShape()),
              y = typeOf(what.outputShape());
  auto unary = [&](const char *op) { return llvm::formatv("graph.{0} %x : {1}", op, x).str(); };
  switch (what.kind) {
  case Kind::Gemm:
    return llvm::formatv("graph.matmul %x, %w : ({0}, {1}) -> {2}", x, w, y);
  case Kind::Conv:
    return llvm::formatv("graph.conv %x, %w {{dilations = array<i64: 1, 1>, groups = {0} : i64, "
                         "paddingHigh = array<i64: {1}, {1}>, paddingLow = array<i64: {1}, {1}>, "
                         "strides = array<i64: {2}, {2}>} : ({3}, {4}) -> {5}",
                         what.sizes[5], what.sizes[3] / 2, what.sizes[4], x, w, y);
  case Kind::Softmax:
    return llvm::formatv("graph.softmax %x {{axis = 1 : i64} : ({0}) -> {1}", x, y);
  case Kind::LayerNorm:
    return llvm::formatv("graph.layer_norm %x, %w, %shift {{axes = array<i64: 1>, "
                         "epsilon = 1.0e-05 : f64} : ({0}, {1}, {1}) -> {2}",
                         x, w, y);
  case Kind::Relu:
    return unary("relu");
  case Kind::Gelu:
    return llvm::formatv("graph.gelu %x : ({0}) -> {1}", x, y);
  case Kind::Add:
    return llvm::formatv("graph.add %x, %y : {0}", x);
  }
  return "";
}

bool hasWeights(const Case &what) { return elementsOf(what.weightShape()) > 0; }

std::string moduleOf(const Case &what) {
  std::string x = typeOf(what.inputShape()), w = typeOf(what.weightShape()),
              y = typeOf(what.outputShape()), variables, reads;
  auto variable = [&](const char *name) {
    variables += llvm::formatv("graph.variable @{0} {{role = \"trainable\"} : {1}\n", name, w);
    reads += llvm::formatv("  %{0} = graph.read @{0} : {1}\n", name, w);
  };
  if (hasWeights(what))
    variable("w");
  if (what.kind == Kind::LayerNorm)
    variable("shift");
  std::string other = what.kind == Kind::Add ? ", %y: " + x : "";
  return llvm::formatv("{0}func.func @predict(%x: {1}{2}) -> {3} {{\n{4}  %r = {5}\n"
                       "  return %r : {3}\n}\n",
                       variables, x, other, y, reads, opOf(what));
}

void check(const Status &status) {
  if (!status.isOk())
    throw std::runtime_error(std::string(status.message()));
}

std::shared_ptr<const Artifact> compiled(const std::string &text) {
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    message += diagnostic.str() + "\n";
    return success();
  });
  auto module = parseSourceString<ModuleOp>(text, &context);
  char path[] = "/tmp/ingot-micro-XXXXXX";
  close(mkstemp(path));
  std::shared_ptr<const Artifact> artifact;
  if (module && succeeded(compileToFile(*module, {}, path))) {
    auto opened = Artifact::open(path);
    check(opened.status());
    artifact = *opened;
  }
  unlink(path);
  if (!artifact)
    throw std::runtime_error(message + text);
  return artifact;
}

class OurOp final : public Op {
public:
  OurOp(const Case &what, const Data &data) : artifact(compiled(moduleOf(what))) {
    auto made = State::create(artifact);
    check(made.status());
    state = std::move(*made);
    std::vector<int64_t> weights = what.weightShape();
    if (hasWeights(what))
      check(state->set("w", viewOf(weights, data.weights)));
    if (what.kind == Kind::LayerNorm)
      check(state->set("shift", viewOf(weights, data.y)));
    auto created = Session::create(artifact, "predict");
    check(created.status());
    session.emplace(std::move(*created));
    shape = what.inputShape();
    inputs.push_back(viewOf(shape, data.x));
    if (what.kind == Kind::Add)
      inputs.push_back(viewOf(shape, data.y));
  }

  void run() override { check(session->run(*state, inputs)); }
  std::vector<float> result() override {
    const Tensor &output = session->output(0);
    const auto *first = static_cast<const float *>(output.rawData());
    return {first, first + output.elementCount()};
  }

private:
  static TensorView viewOf(const std::vector<int64_t> &shape, const std::vector<float> &values) {
    return {DType::F32, static_cast<int64_t>(shape.size()), shape.data(), values.data()};
  }

  std::shared_ptr<const Artifact> artifact;
  std::unique_ptr<State> state;
  std::optional<Session> session;
  std::vector<int64_t> shape;
  std::vector<TensorView> inputs;
};

} // namespace

std::unique_ptr<Op> ours(const Case &what, const Data &data) {
  return std::make_unique<OurOp>(what, data);
}

} // namespace ingot::bench
