// Graphs, variables and inputs of a seed. See RandomGraph.h.
#include "mlir/IR/Diagnostics.h"
#include "tests/differential/RandomGraphGenerator.h"

using namespace mlir;
using namespace ingot::graph;

namespace ingot::tests {

void GraphGenerator::steps(int64_t count) {
  using Rule = Value (GraphGenerator::*)();
  static constexpr Rule rules[] = {
      &GraphGenerator::unary,     &GraphGenerator::unary,     &GraphGenerator::binary,
      &GraphGenerator::binary,    &GraphGenerator::binary,    &GraphGenerator::reduction,
      &GraphGenerator::reduction, &GraphGenerator::dense,     &GraphGenerator::dense,
      &GraphGenerator::attention, &GraphGenerator::conv,      &GraphGenerator::conv,
      &GraphGenerator::pool2d,    &GraphGenerator::pool2d,    &GraphGenerator::pool2d,
      &GraphGenerator::flatten,   &GraphGenerator::split,     &GraphGenerator::permute,
      &GraphGenerator::cut,       &GraphGenerator::join,      &GraphGenerator::padding,
      &GraphGenerator::softmax,   &GraphGenerator::choose,    &GraphGenerator::throughInteger,
      &GraphGenerator::normalize, &GraphGenerator::spread,    &GraphGenerator::turn,
      &GraphGenerator::lookUp,    &GraphGenerator::largest,   &GraphGenerator::throughDouble,
      &GraphGenerator::scatter,   &GraphGenerator::layerNorm, &GraphGenerator::logic,
      &GraphGenerator::recur,     &GraphGenerator::branch};
  for (int64_t done = 0, tries = 0; done < count && tries < 20 * count; ++tries) {
    Rule rule = random.pick(llvm::ArrayRef(rules));
    Value value = (this->*rule)();
    if (!value || !fits(value))
      continue;
    pool.push_back(value);
    ++done;
  }
}

llvm::SmallVector<Value> GraphGenerator::results() {
  llvm::SmallVector<Value> list = {pool.back()};
  for (int64_t more = random.below(3); more > 0; --more)
    list.push_back(any());
  return list;
}

void GraphGenerator::assignVariables() {
  for (const Variable &variable : variables) {
    if (random.chance(40))
      continue;
    Expr old = expr(variable.value);
    Value next = old - 0.1 * tanh(old);
    for (const Variable &other : variables)
      if (other.value.getType() == variable.value.getType() && random.chance(30))
        next = other.value;
    if (Value gradient = product(dimsOf(variable.value)); gradient && random.chance(70))
      next = old - 0.01 * expr(gradient);
    AssignOp::create(b, loc(), variable.name, next);
  }
}

Value GraphGenerator::product(const Dims &dims) {
  if (dims.size() != 2)
    return {};
  for (Value lhs : pool)
    for (Value rhs : llvm::reverse(pool))
      if (rankOf(lhs) == 2 && rankOf(rhs) == 2 && dimsOf(lhs)[0] == dimsOf(rhs)[0] &&
          dimsOf(lhs)[1] == dims[0] && dimsOf(rhs)[1] == dims[1])
        return op<MatMulOp>({lhs, rhs}, {attr("transposeLhs", b.getBoolAttr(true))});
  return {};
}

Value GraphGenerator::any() {
  int64_t size = pool.size();
  return random.chance(60) ? pool[size - 1 - random.below(std::min<int64_t>(size, 3))]
                           : pool[random.below(size)];
}

Value GraphGenerator::input(llvm::ArrayRef<Dim> dims) {
  RankedTensorType type = tensorType(dims, f32);
  if (type.hasStaticShape() && random.chance(60))
    return variable(type);
  unsigned index = function.getNumArguments();
  (void)function.insertArgument(index, type, b.getDictionaryAttr({}), loc());
  return function.getArgument(index);
}

Value GraphGenerator::variable(RankedTensorType type) {
  std::string name = (function.getName() + "/w" + llvm::Twine(variables.size())).str();
  OpBuilder outside(function);
  VariableOp::create(outside, loc(), name, type, "trainable", nullptr);
  Value value = ReadOp::create(b, loc(), type, name);
  variables.push_back({name, value});
  return value;
}

namespace {

/// (batch), (batch, n), (batch, h, w), (batch, h, w, c) or a shape without the batch.
Dims inputDims(MLIRContext *context, Random &random) {
  static constexpr int64_t sizes[] = {1, 2, 3, 4, 5, 6, 7, 8, 12, 16};
  Dims dims;
  if (!random.chance(15))
    dims.push_back(Dim::symbol(context, "batch"));
  for (int64_t more = random.below(4); more > 0; --more)
    dims.push_back(
        Dim::constant(context, random.chance(2) ? 0 : random.pick(llvm::ArrayRef<int64_t>(sizes))));
  return dims;
}

reference::Tensor randomTensor(RankedTensorType type, llvm::ArrayRef<int64_t> shape,
                               Random &random) {
  reference::Tensor tensor(type.getElementType(), shape);
  for (int64_t i = 0; i < tensor.numElements(); ++i)
    tensor.set(i, reference::Number::real(random.real(-2, 2)));
  tensor.round();
  return tensor;
}

} // namespace

func::FuncOp addRandomGraph(ModuleOp module, uint64_t seed) {
  MLIRContext *context = module.getContext();
  ScopedDiagnosticHandler quiet(context, [](Diagnostic &) { return success(); });
  Random random(seed);
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  llvm::SmallVector<Type> inputs;
  // The batch is read off the first input.
  inputs.push_back(
      tensorType({Dim::symbol(context, "batch"), Dim::constant(context, 1 + random.below(12))},
                 b.getF32Type()));
  for (int64_t more = random.below(3); more > 0; --more)
    inputs.push_back(tensorType(inputDims(context, random), b.getF32Type()));
  auto function = func::FuncOp::create(b, b.getUnknownLoc(), "graph_" + std::to_string(seed),
                                       b.getFunctionType(inputs, {}));
  OpBuilder body = OpBuilder::atBlockEnd(function.addEntryBlock());
  GraphGenerator generator(function, body, random.next());
  generator.steps(3 + random.below(12));
  llvm::SmallVector<Value> results = generator.results();
  generator.assignVariables();
  func::ReturnOp::create(body, b.getUnknownLoc(), results);
  function.setType(
      b.getFunctionType(function.getBody().getArgumentTypes(), ValueRange(results).getTypes()));
  return function;
}

std::map<std::string, reference::Tensor> randomVariables(ModuleOp module, uint64_t seed) {
  Random random(seed + 99);
  std::map<std::string, reference::Tensor> values;
  for (auto variable : module.getOps<VariableOp>()) {
    auto type = llvm::cast<RankedTensorType>(variable.getType());
    values[variable.getSymName().str()] = randomTensor(type, type.getShape(), random);
  }
  return values;
}

std::vector<reference::Tensor> randomInputs(func::FuncOp function, int64_t batch, uint64_t seed) {
  Random random(seed + 77);
  std::vector<reference::Tensor> inputs;
  for (Type type : function.getArgumentTypes()) {
    llvm::SmallVector<int64_t> shape;
    for (Dim d : dimsOf(type))
      shape.push_back(d.evaluate([&](llvm::StringRef) { return batch; }));
    inputs.push_back(randomTensor(llvm::cast<RankedTensorType>(type), shape, random));
  }
  return inputs;
}

} // namespace ingot::tests
