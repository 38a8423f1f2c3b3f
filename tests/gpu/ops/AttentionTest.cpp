// Attention and its gradients as kernels that store no scores: equal to the reference interpreter,
// on the fake driver under several orders of threads, for families with and without tensor cores,
// and by OpenCL. Lengths are not multiples of tiles; masks leave whole tiles out.
#include "compiler/autodiff/Differentiate.h"
#include "ir/reference/Interpreter.h"
#include "mlir/Parser/Parser.h"
#include "tests/gpu/ops/EveryOrder.h"
#include "tests/gpu/ops/HostImage.h"
#include "llvm/Support/FormatVariadic.h"
#include <gtest/gtest.h>
#include <limits>
#include <random>

namespace ingot::tests {
namespace {

struct Attention {
  const char *name;
  const char *element = "f32";
  int64_t queries = 40, keys = 40, depth = 16, lanes = 16;
  bool isMasked = false;   // by a tensor that is added to scores
  bool hasDropout = false; // of what is made of scores
  bool isSymbolic = false; // lengths
  double rtol = 1e-5;
  int64_t batch = 2, heads = 3;
};

void PrintTo(const Attention &a, std::ostream *out) { *out << a.name; }

class AttentionOnDevices : public gputest::DeviceTest,
                           public testing::WithParamInterface<Attention> {
protected:
  AttentionOnDevices() { context.loadAllAvailableDialects(); }

  /// f(q, k, v, mask, d): the result, and gradients of the sum of result^2 * d for q, k and v,
  /// which need the result.
  void SetUp() override {
    DeviceTest::SetUp();
    const Attention &a = GetParam();
    const std::string l = a.isSymbolic ? "l" : std::to_string(a.queries),
                      s = a.isSymbolic ? "s" : std::to_string(a.keys);
    auto type = [&](int64_t batch, int64_t heads, const std::string &rows,
                    const std::string &columns, const char *element) -> std::string {
      auto extent = [](const std::string &e) { return std::isalpha(e[0]) ? "?" : e; };
      std::string dims = llvm::formatv("{0}x{1}x{2}x{3}x{4}", batch, heads, extent(rows),
                                       extent(columns), element);
      return a.isSymbolic ? llvm::formatv("tensor<{0}, #graph.dims<[{1}, {2}, {3}, {4}]>>", dims,
                                          batch, heads, rows, columns)
                          : "tensor<" + dims + ">";
    };
    const std::string depth = std::to_string(a.depth), lanes = std::to_string(a.lanes);
    struct Pair { // as it is given, and as it is computed with
      std::string outside, inside;
    };
    auto tensor = [&](const std::string &rows, const std::string &columns) -> Pair {
      return {type(a.batch, a.heads, rows, columns, "f32"),
              type(a.batch, a.heads, rows, columns, a.element)};
    };
    Pair q = tensor(l, depth), k = tensor(s, depth), v = tensor(s, lanes), o = tensor(l, lanes),
         scores = tensor(l, s);
    std::string mask = type(1, 1, l, s, "f32");
    std::string text = llvm::formatv(
        "func.func @f(%q: {0}, %k: {1}, %v: {2}, %mask: {3}, %d: {4}, %seed: tensor<ui64>, "
        "%step: tensor<si64>) -> {4} {{\n",
        q.outside, k.outside, v.outside, mask, o.outside);
    auto cast = [&](std::string name, const std::string &from, const std::string &to) {
      if (from == to)
        return name;
      text += llvm::formatv("  {0}_cast = graph.cast {0} : {1} to {2}\n", name, from, to);
      return name + "_cast";
    };
    std::string queries = cast("%q", q.outside, q.inside), keys = cast("%k", k.outside, k.inside),
                values = cast("%v", v.outside, v.inside), of = "%s";
    text +=
        llvm::formatv("  %s = graph.matmul {0}, {1} {{transposeRhs = true} : ({2}, {3}) -> {4}\n",
                      queries, keys, q.inside, k.inside, scores.inside);
    if (a.isMasked) {
      text += llvm::formatv(
          "  %b = graph.broadcast %mask {{axes = array<i64: 0, 1, 2, 3>} : {0} to {1}\n", mask,
          scores.outside);
      std::string added = cast("%b", scores.outside, scores.inside);
      text += llvm::formatv("  %t = graph.add %s, {0} : {1}\n", added, scores.inside);
      of = "%t";
    }
    text += llvm::formatv("  %p = graph.softmax {0} {{axis = 3 : i64} : ({1}) -> {1}\n", of,
                          scores.inside);
    std::string made = "%p";
    if (a.hasDropout) {
      text += llvm::formatv("  %e = graph.dropout %p, %seed, %step {{id = 3 : i64, rate = 0.25 : "
                            "f64} : ({0}, tensor<ui64>, tensor<si64>) -> {0}\n",
                            scores.inside);
      made = "%e";
    }
    text += llvm::formatv("  %o = graph.matmul {0}, {1} : ({2}, {3}) -> {4}\n", made, values,
                          scores.inside, v.inside, o.inside);
    std::string result = cast("%o", o.inside, o.outside);
    text += llvm::formatv("  return {0} : {1}\n}\n", result, o.outside);
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    ASSERT_TRUE(module) << text;
    addGradients();
    inputs = {random({a.batch, a.heads, a.queries, a.depth}),
              random({a.batch, a.heads, a.keys, a.depth}),
              random({a.batch, a.heads, a.keys, a.lanes}),
              causalMask(a.queries, a.keys),
              random({a.batch, a.heads, a.queries, a.lanes}),
              number(mlir::IntegerType::get(&context, 64, mlir::IntegerType::Unsigned), 42),
              number(mlir::IntegerType::get(&context, 64, mlir::IntegerType::Signed), 5)};
    reference::Interpreter interpreter(*module);
    auto results = interpreter.run("f", inputs);
    ASSERT_TRUE(mlir::succeeded(results)) << interpreter.error();
    expected.assign(results->begin(), results->end());
  }

  reference::Tensor random(llvm::ArrayRef<int64_t> shape) {
    reference::Tensor tensor(mlir::Float32Type::get(&context), shape);
    std::normal_distribution<double> normal;
    for (int64_t i = 0; i < tensor.numElements(); ++i)
      tensor.set(i, reference::Number::real(normal(generator)));
    tensor.round();
    return tensor;
  }
  static reference::Tensor number(mlir::Type type, int64_t value) {
    reference::Tensor tensor(type, {});
    tensor.set(0, reference::Number::integer(value));
    return tensor;
  }
  /// What is added to scores: keys behind a query have no part in it, so that tiles have none.
  reference::Tensor causalMask(int64_t queries, int64_t keys) {
    reference::Tensor mask(mlir::Float32Type::get(&context), {1, 1, queries, keys});
    for (int64_t i = 0; i < queries; ++i)
      for (int64_t j = 0; j < keys; ++j)
        mask.set(i * keys + j,
                 reference::Number::real(j > i ? -std::numeric_limits<double>::infinity() : 0));
    return mask;
  }

  void addGradients() {
    auto function = *module->getOps<mlir::func::FuncOp>().begin();
    mlir::Block &body = function.getBody().front();
    mlir::OpBuilder b(body.getTerminator());
    mlir::Value result = body.getTerminator()->getOperand(0);
    mlir::Value square = graph::MulOp::create(b, function.getLoc(), result, result);
    mlir::Value weighted = graph::MulOp::create(b, function.getLoc(), square, body.getArgument(4));
    auto gradients = differentiateAt(
        b, weighted, {body.getArgument(0), body.getArgument(1), body.getArgument(2)});
    ASSERT_TRUE(mlir::succeeded(gradients));
    llvm::SmallVector<mlir::Value> all{result};
    llvm::append_range(all, *gradients);
    body.getTerminator()->setOperands(all);
    function.setType(
        b.getFunctionType(function.getArgumentTypes(), mlir::ValueRange(all).getTypes()));
  }

  CompiledModule compile(const char *gpu) {
    CompileOptions options;
    options.targetCpu = "x86-64";
    options.gpu = gpu;
    options.hostImage = [](const std::string &source) { return makeHostImage(source); };
    return CompiledModule(*module, options);
  }

  void expectReference(CompiledModule &compiled) {
    auto function = *module->getOps<mlir::func::FuncOp>().begin();
    auto results = compiled.run("f", inputs, function.getResultTypes());
    ASSERT_EQ(results.size(), expected.size()) << compiled.error();
    const char *names[] = {"result", "gradient of queries", "of keys", "of values"};
    for (size_t i = 0; i < results.size(); ++i)
      EXPECT_EQ(difference(expected[i], results[i], GetParam().rtol, 1e-6), "") << names[i];
  }

  static mlir::DialectRegistry allDialects() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    return registry;
  }

  mlir::MLIRContext context{allDialects()};
  std::mt19937 generator{7};
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<reference::Tensor> inputs, expected;
};

TEST_P(AttentionOnDevices, EqualsTheReference) {
  CompiledModule compiled = compile("host");
  ASSERT_TRUE(compiled.ok()) << compiled.error();
  // One kernel for the result, two for the gradients, and casts and a map before and between these.
  const ingot_function &function = compiled.artifact->table().devices[0].table->functions[0];
  EXPECT_LE(function.kernel_count, 7) << "scores are stored";
  inEveryOrder(driver, compiled, [&](CompiledModule &there) { expectReference(there); });
}

class AttentionByOpenCl : public AttentionOnDevices {};

TEST_P(AttentionByOpenCl, EqualsTheReference) {
  auto device = Device::open("opencl");
  if (!device.isOk())
    GTEST_SKIP() << device.status().message();
  CompiledModule compiled = compile("opencl");
  ASSERT_TRUE(compiled.ok()) << compiled.error();
  CompiledModule there = compiled.onDevice(*device);
  ASSERT_TRUE(there.ok()) << there.error();
  expectReference(there);
}

std::string nameOf(const testing::TestParamInfo<Attention> &info) { return info.param.name; }

const Attention masked{.name = "f32_masked", .isMasked = true};
const Attention ofOtherLengths{.name = "f32_other_lengths",
                               .queries = 70,
                               .keys = 33,
                               .depth = 20,
                               .lanes = 12,
                               .batch = 1,
                               .heads = 2};

INSTANTIATE_TEST_SUITE_P(
    Cases, AttentionOnDevices,
    testing::Values(
        Attention{.name = "f32"}, masked, Attention{.name = "f32_dropout", .hasDropout = true},
        Attention{.name = "f16_dropout", .element = "f16", .hasDropout = true, .rtol = 4e-3},
        Attention{.name = "f32_lengths_are_symbols", .keys = 65, .isSymbolic = true},
        ofOtherLengths,
        Attention{.name = "f32_wide",
                  .queries = 20,
                  .keys = 36,
                  .depth = 128,
                  .lanes = 128,
                  .batch = 1,
                  .heads = 2},
        Attention{.name = "f16", .element = "f16", .rtol = 4e-3},
        Attention{.name = "bf16_masked", .element = "bf16", .isMasked = true, .rtol = 3e-2},
        Attention{.name = "f16_other_lengths",
                  .element = "f16",
                  .queries = 70,
                  .keys = 81,
                  .depth = 24,
                  .lanes = 40,
                  .rtol = 4e-3,
                  .batch = 1,
                  .heads = 2}),
    nameOf);

// Compilers of OpenCL take long for these.
INSTANTIATE_TEST_SUITE_P(Cases, AttentionByOpenCl, testing::Values(masked, ofOtherLengths), nameOf);

} // namespace
} // namespace ingot::tests
