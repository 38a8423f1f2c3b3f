// The gradient of every op case against central differences, both in exact f64. Reverse mode over
// the straight-line case is done here in a few lines, so that ops are tested without the compiler.
#include "ir/Builder.h"
#include "tests/support/OpCases.h"
#include <gtest/gtest.h>
#include <set>

using namespace mlir;
using namespace ingot;
using namespace ingot::tests;
using reference::Number;
using reference::Tensor;

namespace {

bool isFloat(Type type) {
  return llvm::isa<FloatType>(llvm::cast<RankedTensorType>(type).getElementType());
}

/// Accumulates gradients from the back of the block to the front.
class Reverse {
public:
  explicit Reverse(OpBuilder &b) : b(b) {}
  void add(Value v, Value d) {
    if (!d)
      return;
    Value &sum = gradients[v];
    sum = sum ? make<graph::AddOp>(b, v.getLoc(), {sum, d}) : d;
  }
  Value of(Value v) const { return gradients.lookup(v); }
  /// Fails for an op without a gradient between a result and a float operand.
  LogicalResult visit(Operation *op) {
    auto dResults = llvm::map_to_vector(op->getResults(), [&](Value v) { return of(v); });
    if (llvm::none_of(dResults, [](Value d) { return static_cast<bool>(d); }))
      return success();
    if (auto differentiable = llvm::dyn_cast<graph::Differentiable>(op)) {
      auto d = differentiable.gradient(b, dResults);
      if (d.size() != op->getNumOperands())
        return op->emitError("gives ") << d.size() << " gradients";
      for (auto [operand, dOperand] : llvm::zip(op->getOperands(), d)) {
        if (dOperand && dOperand.getType() != operand.getType())
          return op->emitError("gives a gradient of type ") << dOperand.getType();
        add(operand, dOperand);
      }
      return success();
    }
    auto composite = llvm::dyn_cast<graph::Composite>(op);
    if (!composite)
      return failure(llvm::any_of(op->getOperandTypes(), isFloat));
    // Its formula before it, then through the formula.
    OpBuilder before(op);
    Operation *first = op->getPrevNode();
    auto values = composite.decompose(before);
    for (auto [value, d] : llvm::zip(values, dResults))
      add(value, d);
    for (Operation *inner = op->getPrevNode(); inner != first; inner = inner->getPrevNode())
      if (failed(visit(inner)))
        return failure();
    return success();
  }

private:
  template <typename Op> static Value make(OpBuilder &b, Location loc, ValueRange operands) {
    return graph::make<Op>(b, loc, operands);
  }
  OpBuilder &b;
  llvm::DenseMap<Value, Value> gradients;
};

/// A function `gradient` in a copy of the case's module: the case's arguments and one weight a
/// float result -> the gradient of sum(result * weight) for each float argument.
struct GradientModule {
  OwningOpRef<ModuleOp> module;
  llvm::SmallVector<unsigned> weighted, targets; // results, arguments
  explicit GradientModule(OpCase c) : module(c.module.clone()) {
    auto function = module->lookupSymbol<func::FuncOp>(c.name);
    Block &block = function.getBody().front();
    Operation *end = block.getTerminator();
    OpBuilder b(end);
    Reverse reverse(b);
    llvm::SmallVector<Operation *> ops;
    for (Operation &op : block.without_terminator())
      ops.push_back(&op);
    llvm::SmallVector<Type> inputTypes(function.getArgumentTypes());
    for (auto [i, argument] : llvm::enumerate(function.getArguments()))
      if (isFloat(argument.getType()))
        targets.push_back(i);
    for (auto [i, result] : llvm::enumerate(end->getOperands()))
      if (isFloat(result.getType())) {
        weighted.push_back(i);
        inputTypes.push_back(result.getType());
        reverse.add(result, block.addArgument(result.getType(), result.getLoc()));
      }
    for (Operation *op : llvm::reverse(ops))
      if (failed(reverse.visit(op))) {
        ADD_FAILURE() << op->getName().getStringRef().str() << " has no gradient";
        module = {};
        return;
      }
    llvm::SmallVector<Value> gradients;
    for (unsigned t : targets) {
      Value x = function.getArgument(t), d = reverse.of(x);
      gradients.push_back(d ? d : graph::splat(b, x.getLoc(), graph::elementType(x), dimsOf(x), 0));
    }
    end->setOperands(gradients);
    function.setType(b.getFunctionType(inputTypes, ValueRange(gradients).getTypes()));
    function.setName("gradient");
    function.removeArgAttrsAttr();
    if (failed(module->verify())) {
      ADD_FAILURE() << "the gradient does not verify";
      module = {};
    }
  }
};

struct Checker {
  const OpCase &c;
  const GradientModule &gradient;

  double loss(const std::vector<Tensor> &inputs, const std::vector<Tensor> &weights) {
    reference::Interpreter interpreter(c.module, /*exact=*/true);
    auto results = interpreter.run(c.name, inputs);
    if (failed(results)) {
      ADD_FAILURE() << interpreter.error();
      return 0;
    }
    double sum = 0;
    for (auto [k, result] : llvm::enumerate(gradient.weighted))
      for (int64_t i = 0; i < weights[k].numElements(); ++i)
        sum += (*results)[result].real(i) * weights[k].real(i);
    return sum;
  }

  void check(const SymbolSizes &sizes) {
    std::vector<Tensor> inputs = inputsOf(c, sizes), weights;
    reference::Interpreter forward(c.module, /*exact=*/true);
    auto results = forward.run(c.name, inputs);
    ASSERT_TRUE(succeeded(results)) << forward.error();
    for (unsigned result : gradient.weighted) {
      Tensor w = (*results)[result];
      for (int64_t i = 0; i < w.numElements(); ++i)
        w.set(i, Number::real(0.25 + 0.5 * ((i * 7 + 3) % 11) / 11 * (i % 2 ? 1 : -1)));
      weights.push_back(w);
    }
    std::vector<Tensor> all = inputs;
    all.insert(all.end(), weights.begin(), weights.end());
    reference::Interpreter backward(*gradient.module, /*exact=*/true);
    auto d = backward.run("gradient", all);
    ASSERT_TRUE(succeeded(d)) << backward.error();
    for (auto [k, target] : llvm::enumerate(gradient.targets)) {
      ASSERT_EQ((*d)[k].shape(), inputs[target].shape());
      int64_t n = inputs[target].numElements(), stride = std::max<int64_t>(1, n / 13);
      for (int64_t i = 0; i < n; i += stride) {
        double x = inputs[target].real(i), h = 1e-5 * std::max(1.0, std::abs(x));
        inputs[target].set(i, Number::real(x + h));
        double up = loss(inputs, weights);
        inputs[target].set(i, Number::real(x - h));
        double down = loss(inputs, weights);
        inputs[target].set(i, Number::real(x));
        double numeric = (up - down) / (2 * h), got = (*d)[k].real(i);
        EXPECT_NEAR(got, numeric, 2e-6 * std::max(1.0, std::abs(numeric)))
            << "for argument " << target << ", element " << i << " at " << x;
      }
    }
  }
};

class OpGradient : public ::testing::TestWithParam<OpCase> {};

std::vector<OpCase> differentiableCases() {
  std::vector<OpCase> list;
  for (const OpCase &c : opCases())
    if (c.gradient && c.error.empty())
      list.push_back(c);
  return list;
}
} // namespace

TEST_P(OpGradient, isCentralDifferences) {
  GradientModule gradient(GetParam());
  if (!gradient.module)
    return;
  for (const SymbolSizes &sizes : GetParam().sizes)
    Checker{GetParam(), gradient}.check(sizes);
}

INSTANTIATE_TEST_SUITE_P(Cases, OpGradient, ::testing::ValuesIn(differentiableCases()),
                         [](const auto &info) { return info.param.file + "_" + info.param.name; });

TEST(OpGradient, everyDifferentiableOpHasACase) {
  std::set<std::string> tested;
  for (const OpCase &c : differentiableCases())
    tested.insert("graph." + c.file);
  for (auto op : func::FuncOp(opCases().front().function).getContext()->getRegisteredOperations())
    // The gradient of a user's code is tested in CustomGradientTest.
    if (op.hasInterface<graph::Differentiable>() && op.getStringRef() != "graph.custom_call")
      EXPECT_TRUE(tested.count(op.getStringRef().str())) << op.getStringRef().str();
}
