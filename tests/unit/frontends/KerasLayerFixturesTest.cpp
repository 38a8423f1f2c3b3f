// Layer by layer: what our layers compute equals what Keras's did, recorded in
// tests/fixtures/keras.
//
// Each case's layer is made from Keras's own config and given Keras's weights; outputs, masks,
// weights that training assigns and gradients are compared on the reference interpreter without
// rounding, and compiled. Classes that we lack and cases that do not hold yet are in two lists
// beside the fixtures, which must be exact.
#include "compiler/autodiff/Differentiate.h"
#include "frontends/keras/Keras.h"
#include "frontends/keras/LayerImpl.h"
#include "ir/reference/Interpreter.h"
#include "mlir/IR/Verifier.h"
#include "tests/support/RunCompiled.h"
#include "tests/unit/frontends/KerasFixtures.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <set>

namespace ingot::test {
namespace {

using namespace mlir;
namespace kd = ingot::keras::detail;
using reference::Interpreter;
using reference::Number;
using ::testing::ElementsAreArray;

const std::string kDirectory = INGOT_SOURCE_DIR "/tests/fixtures/keras";

const std::vector<LayerCase> &allCases() {
  static const std::vector<LayerCase> cases = readLayerCases(kDirectory);
  return cases;
}

reference::Tensor toReference(const FixtureTensor &t, MLIRContext *context) {
  reference::Tensor result(kd::elementTypeOf(t.dtype, context), t.shape);
  for (int64_t i = 0; i < result.numElements(); ++i)
    result.set(i, result.isFloat() ? Number::real(t.values[i])
                                   : Number::integer(static_cast<int64_t>(t.values[i])));
  return result;
}

/// A case's layer with its weights made, or what stands in the way.
struct BuiltLayer {
  std::shared_ptr<kd::LayerImpl> layer;
  std::string missingClass; // of it, or of one in it
  std::string problem;
  bool isMissing() const { return !missingClass.empty(); }
};

/// The class that an error says we lack: "unknown layer class 'X'; …".
std::string missingClassOf(const std::string &message) {
  size_t at = message.find("layer class '");
  if (at == std::string::npos)
    return {};
  at += strlen("layer class '");
  return message.substr(at, message.find('\'', at) - at);
}

BuiltLayer buildLayer(const LayerCase &c) {
  BuiltLayer built;
  try {
    built.layer = kd::layerFromConfig(c.className, c.config);
    std::vector<keras::TensorSpec> specs;
    for (const FixtureTensor &input : c.inputs) {
      specs.push_back({input.shape, input.dtype});
      specs.back().shape[0] = keras::None;
    }
    kd::build(*built.layer, specs);
  } catch (const keras::Error &error) {
    built.missingClass = missingClassOf(error.what());
    built.problem = error.what();
  } catch (const std::exception &error) {
    built.problem = error.what();
  }
  return built;
}

/// Several cases' calls as functions of one module, with their gradients.
class CallsModule {
public:
  explicit CallsModule(const std::vector<const LayerCase *> &cases);

  /// The name of the function for a call.
  static std::string functionName(const LayerCase &c, const LayerRun &run) {
    return c.name + (run.training ? "__training" : "__inference");
  }
  /// Why a case is not in the module; empty where it is.
  std::string problemOf(const std::string &caseName) const {
    auto it = problems.find(caseName);
    return it == problems.end() ? "" : it->second;
  }
  func::FuncOp function(const LayerCase &c, const LayerRun &run) {
    return module->lookupSymbol<func::FuncOp>(functionName(c, run));
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;

private:
  void add(const LayerCase &c);
  void declareWeights(const LayerCase &c, const kd::LayerImpl &layer);
  void addCall(const LayerCase &c, const LayerRun &run, const kd::LayerImpl &layer);

  OpBuilder b;
  std::map<std::string, std::string> problems;
};

CallsModule::CallsModule(const std::vector<const LayerCase *> &cases) : b(&context) {
  DialectRegistry registry;
  registerDialects(registry);
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
  module = ModuleOp::create(b.getUnknownLoc(), "calls");
  b.setInsertionPointToEnd(module->getBody());
  auto scalar = RankedTensorType::get({}, b.getIntegerType(64, /*isSigned=*/true));
  for (const char *name : {"seed", "step"})
    graph::VariableOp::create(b, b.getUnknownLoc(), b.getStringAttr(name), TypeAttr::get(scalar),
                              b.getStringAttr("control"), ElementsAttr());
  for (const LayerCase *c : cases)
    add(*c);
}

void CallsModule::add(const LayerCase &c) {
  std::string messages;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &d) { messages += d.str() + "; "; });
  BuiltLayer built = buildLayer(c);
  std::string problem = built.problem;
  try {
    if (problem.empty()) {
      declareWeights(c, *built.layer);
      for (const LayerRun &run : c.runs)
        addCall(c, run, *built.layer);
    }
  } catch (const std::exception &error) {
    problem = error.what();
  }
  for (const LayerRun &run : c.runs)
    if (func::FuncOp made = function(c, run); made && problem.empty() && failed(verify(made)))
      problem = "its function is not valid";
  if (problem.empty())
    return;
  problems[c.name] = problem + (messages.empty() ? "" : ": " + messages);
  for (const LayerRun &run : c.runs)
    if (func::FuncOp broken = function(c, run))
      broken.erase();
}

void CallsModule::declareWeights(const LayerCase &c, const kd::LayerImpl &layer) {
  std::vector<std::string> ours, theirs;
  std::vector<keras::Shape> ourShapes, theirShapes;
  for (const kd::WeightRef &ref : kd::weightsOf(layer)) {
    ours.push_back(ref.name() + (ref.isTrainable() ? "" : " (not trainable)"));
    ourShapes.push_back(ref.weight->shape);
  }
  for (const FixtureWeight &weight : c.weights) {
    theirs.push_back(c.name + "/" + weight.name + (weight.trainable ? "" : " (not trainable)"));
    theirShapes.push_back(weight.value.shape);
  }
  if (ours != theirs)
    throw keras::Error("has the weights " + ::testing::PrintToString(ours) + ", Keras has " +
                       ::testing::PrintToString(theirs));
  if (ourShapes != theirShapes)
    throw keras::Error("has weights of shapes " + ::testing::PrintToString(ourShapes) +
                       ", Keras has " + ::testing::PrintToString(theirShapes));
  b.setInsertionPointToEnd(module->getBody());
  for (const FixtureWeight &weight : c.weights) {
    auto type = RankedTensorType::get(weight.value.shape, b.getF32Type());
    graph::VariableOp::create(
        b, b.getUnknownLoc(), b.getStringAttr(c.name + "/" + weight.name), TypeAttr::get(type),
        b.getStringAttr(weight.trainable ? "trainable" : "state"), ElementsAttr());
  }
}

/// Batch first, the rest as it is; of a scalar and a vector likewise.
Type argumentType(const FixtureTensor &t, MLIRContext *context) {
  Dims dims;
  for (int64_t extent : t.shape)
    dims.push_back(dims.empty() ? Dim::symbol(context, "batch") : Dim::constant(context, extent));
  return tensorType(dims, kd::elementTypeOf(t.dtype, context));
}

/// One value that stands for all reads of the variable, at the entry.
Value readOnce(func::FuncOp function, const std::string &variable) {
  OpBuilder b(function.getContext());
  b.setInsertionPointToStart(&function.getBody().front());
  Value value;
  function.walk([&](graph::ReadOp read) {
    if (read.getVariable() != variable || read.getResult() == value)
      return;
    if (!value)
      value = b.clone(*read.getOperation())->getResult(0);
    read.getResult().replaceAllUsesWith(value);
  });
  return value;
}

keras::CallOptions optionsOf(const LayerCase &c) {
  keras::CallOptions options;
  options.useCausalMask = c.call.value("use_causal_mask", false);
  options.returnAttentionScores = c.call.value("return_attention_scores", false);
  options.reverse = c.call.value("reverse", false);
  return options;
}

/// The layer's results for the arguments of the function's body, then those of their masks.
llvm::SmallVector<Value> emitCall(OpBuilder &b, Block &body, const LayerCase &c,
                                  const LayerRun &run, const kd::LayerImpl &layer) {
  kd::Emitter emitter(b, run.training);
  for (const kd::WeightRef &ref : kd::weightsOf(layer))
    emitter.variableNames.emplace(ref.weight->variable.get(), ref.name());
  llvm::SmallVector<Value> inputs(body.getArguments().take_front(c.inputs.size()));
  size_t next = inputs.size();
  for (size_t i = 0; i < c.masks.size(); ++i)
    if (c.masks[i])
      emitter.setMask(inputs[i], body.getArgument(next++));
  llvm::SmallVector<Value> results = emitter.call(layer, inputs, optionsOf(c));
  if (results.size() != run.outputs.size())
    throw keras::Error("gives " + std::to_string(results.size()) + " results, Keras's gives " +
                       std::to_string(run.outputs.size()));
  for (size_t i = 0; i < run.outputs.size(); ++i) {
    Value mask = emitter.maskOf(results[i]);
    if (static_cast<bool>(mask) != run.masks[i].has_value())
      throw keras::Error(mask ? "has a mask, Keras's has none" : "has no mask, Keras's has one");
    if (mask)
      results.push_back(mask);
  }
  return results;
}

/// sum(output * cotangent) over the float outputs, with a new argument for each cotangent.
Value weightedSum(OpBuilder &b, Location loc, Block &body, llvm::ArrayRef<Value> outputs) {
  std::optional<graph::Expr> total;
  for (Value output : outputs) {
    if (!llvm::isa<FloatType>(graph::elementType(output)))
      continue;
    graph::Expr y(b, loc, output), cotangent(b, loc, body.addArgument(output.getType(), loc));
    graph::Expr product = graph::sum(y * cotangent, graph::allAxes(output));
    total = total ? *total + product : product;
  }
  if (!total)
    throw keras::Error("has no float result, Keras's has");
  return *total;
}

/// What the gradients are of: float inputs, then trainable weights.
llvm::SmallVector<Value> gradientTargets(func::FuncOp function, const LayerCase &c,
                                         const kd::LayerImpl &layer) {
  llvm::SmallVector<Value> targets;
  for (auto [i, input] : llvm::enumerate(c.inputs))
    if (input.isFloat())
      targets.push_back(function.getArgument(i));
  for (const FixtureWeight &weight : c.weights) {
    if (!weight.trainable || !layer.trainable)
      continue;
    Value value = readOnce(function, c.name + "/" + weight.name);
    if (!value)
      throw keras::Error("does not read its weight " + weight.name);
    targets.push_back(value);
  }
  return targets;
}

void nameEnds(OpBuilder &b, func::FuncOp function) {
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    function.setArgAttr(i, "graph.name", b.getStringAttr("x" + std::to_string(i)));
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    function.setResultAttr(i, "graph.name", b.getStringAttr("y" + std::to_string(i)));
}

void CallsModule::addCall(const LayerCase &c, const LayerRun &run, const kd::LayerImpl &layer) {
  Location loc = NameLoc::get(b.getStringAttr(c.name));
  llvm::SmallVector<Type> types;
  for (const FixtureTensor &input : c.inputs)
    types.push_back(argumentType(input, &context));
  for (const auto &mask : c.masks)
    if (mask)
      types.push_back(argumentType(*mask, &context));
  b.setInsertionPointToEnd(module->getBody());
  auto function = func::FuncOp::create(b, loc, functionName(c, run), b.getFunctionType(types, {}));
  Block &body = *function.addEntryBlock();
  b.setInsertionPointToEnd(&body);
  llvm::SmallVector<Value> results = emitCall(b, body, c, run, layer);
  Value loss;
  if (run.hasGradients)
    loss = weightedSum(b, loc, body, llvm::ArrayRef(results).take_front(run.outputs.size()));
  auto terminator = func::ReturnOp::create(b, loc, results);
  if (loss) {
    auto gradients = differentiate(function, loss, gradientTargets(function, c, layer));
    if (failed(gradients))
      throw keras::Error("has no gradient");
    // Composites were replaced by their formulas, also among the results.
    results.assign(terminator.operand_begin(), terminator.operand_end());
    results.append(gradients->begin(), gradients->end());
    terminator.getOperandsMutable().assign(results);
  }
  auto resultTypes = llvm::map_to_vector(results, [](Value v) { return v.getType(); });
  function.setFunctionType(b.getFunctionType(body.getArgumentTypes(), resultTypes));
  nameEnds(b, function);
}

std::vector<reference::Tensor> argumentsOf(const LayerCase &c, const LayerRun &run,
                                           MLIRContext *context) {
  std::vector<reference::Tensor> arguments;
  for (const FixtureTensor &input : c.inputs)
    arguments.push_back(toReference(input, context));
  for (const auto &mask : c.masks)
    if (mask)
      arguments.push_back(toReference(*mask, context));
  if (run.hasGradients)
    for (const FixtureTensor &cotangent : c.cotangents)
      arguments.push_back(toReference(cotangent, context));
  return arguments;
}

struct Tolerance {
  double relative, absolute;
};
// The interpreter's formulas without rounding, against f64 of Keras's stored as f32.
constexpr Tolerance kExact = {5e-7, 5e-7};
// Cases that Keras computed in f32.
constexpr Tolerance kKerasRounded = {4e-6, 2e-6};
// Compiled code rounds to f32 after each operation, of chains of a few dozen.
constexpr Tolerance kCompiled = {1e-5, 2e-6};

/// Where results of a call differ from Keras's, or nothing. `assigned` has the weights that it
/// assigned, in Keras's order.
std::string compareCall(const LayerRun &run, llvm::ArrayRef<reference::Tensor> results,
                        llvm::ArrayRef<reference::Tensor> assigned, Tolerance tolerance,
                        MLIRContext *context) {
  std::vector<std::pair<std::string, const FixtureTensor *>> expected;
  for (auto [i, output] : llvm::enumerate(run.outputs))
    expected.emplace_back("output " + std::to_string(i), &output);
  for (auto [i, mask] : llvm::enumerate(run.masks))
    if (mask)
      expected.emplace_back("mask " + std::to_string(i), &*mask);
  for (auto [i, gradient] : llvm::enumerate(run.gradients))
    expected.emplace_back("gradient " + std::to_string(i), &gradient);
  std::vector<reference::Tensor> actual(results.begin(), results.end());
  for (auto [i, weight] : llvm::enumerate(run.assigned))
    expected.emplace_back("assigned weight " + std::to_string(weight.first), &weight.second);
  actual.insert(actual.end(), assigned.begin(), assigned.end());
  if (actual.size() != expected.size())
    return std::to_string(actual.size()) + " results, not " + std::to_string(expected.size());
  for (auto [want, got] : llvm::zip(expected, actual)) {
    reference::Tensor tensor = toReference(*want.second, context);
    if (tensor.isFloat() != got.isFloat())
      return want.first + ": expected " + want.second->dtype;
    std::string where = tests::difference(tensor, got, tolerance.relative, tolerance.absolute);
    if (!where.empty())
      return (run.training ? "training, " : "") + want.first + ": " + where;
  }
  return {};
}

std::string checkInterpreted(CallsModule &calls, const LayerCase &c) {
  for (const LayerRun &run : c.runs) {
    Interpreter interpreter(*calls.module, /*exact=*/true);
    auto integer = IntegerType::get(&calls.context, 64, IntegerType::Signed);
    for (const char *name : {"seed", "step"})
      interpreter.variables[name] = reference::Tensor::scalar(integer, Number::integer(0));
    for (const FixtureWeight &weight : c.weights)
      interpreter.variables[c.name + "/" + weight.name] = toReference(weight.value, &calls.context);
    auto results =
        interpreter.run(CallsModule::functionName(c, run), argumentsOf(c, run, &calls.context));
    if (failed(results))
      return interpreter.error();
    std::vector<reference::Tensor> assigned;
    for (const auto &[weight, value] : run.assigned)
      assigned.push_back(interpreter.variables.at(c.name + "/" + c.weights[weight].name));
    std::string where =
        compareCall(run, *results, assigned, c.isRounded ? kKerasRounded : kExact, &calls.context);
    if (!where.empty())
      return "interpreter, " + where;
  }
  return {};
}

std::string checkCompiled(tests::CompiledModule &compiled, CallsModule &calls, const LayerCase &c,
                          const std::map<std::string, llvm::SmallVector<Type>> &types) {
  Type f32 = Float32Type::get(&calls.context);
  for (const LayerRun &run : c.runs) {
    for (const FixtureWeight &weight : c.weights)
      compiled.setVariable(c.name + "/" + weight.name, toReference(weight.value, &calls.context));
    std::string name = CallsModule::functionName(c, run);
    auto results = compiled.run(name, argumentsOf(c, run, &calls.context), types.at(name));
    if (!compiled.error().empty())
      return compiled.error();
    std::vector<reference::Tensor> assigned;
    for (const auto &[weight, value] : run.assigned)
      assigned.push_back(compiled.variable(c.name + "/" + c.weights[weight].name, f32));
    std::string where = compareCall(run, results, assigned, kCompiled, &calls.context);
    if (!where.empty())
      return "compiled, " + where;
  }
  return {};
}

/// What is wrong with each case of a batch, checked together since compiling one module is faster
/// than many. Empty texts: nothing.
std::map<std::string, std::string> checkBatch(const std::vector<const LayerCase *> &cases) {
  std::map<std::string, std::string> wrong;
  CallsModule calls(cases);
  std::vector<const LayerCase *> sound;
  for (const LayerCase *c : cases) {
    std::string &problem = wrong[c->name];
    problem = calls.problemOf(c->name);
    if (problem.empty())
      problem = checkInterpreted(calls, *c);
    if (problem.empty())
      sound.push_back(c);
    else
      for (const LayerRun &run : c->runs)
        if (func::FuncOp function = calls.function(*c, run))
          function.erase();
  }
  if (sound.empty())
    return wrong;
  std::map<std::string, llvm::SmallVector<Type>> types;
  for (auto function : calls.module->getOps<func::FuncOp>())
    types[function.getName().str()] = llvm::SmallVector<Type>(function.getResultTypes());
  tests::CompiledModule compiled(*calls.module);
  for (const LayerCase *c : sound)
    wrong[c->name] = compiled.ok() ? checkCompiled(compiled, calls, *c, types) : compiled.error();
  return wrong;
}

class KerasLayerFixtures : public ::testing::TestWithParam<size_t> {};

/// What is wrong with the case of this index: its batch is checked when the first of it is asked.
const std::string &problemOfCase(size_t index) {
  constexpr size_t batch = 40;
  static std::map<std::string, std::string> wrong;
  const std::vector<LayerCase> &cases = allCases();
  if (!wrong.count(cases[index].name)) {
    std::vector<const LayerCase *> together;
    for (size_t i = index / batch * batch; i < std::min(cases.size(), (index / batch + 1) * batch);
         ++i)
      together.push_back(&cases[i]);
    wrong.merge(checkBatch(together));
  }
  return wrong.at(cases[index].name);
}

std::set<std::string> knownFailures() {
  std::set<std::string> names;
  for (const std::string &line : readLines(kDirectory + "/known_failures.txt"))
    names.insert(line.substr(0, line.find(':')));
  return names;
}

/// Keras's class names of which we have no layer.
std::vector<std::string> missingClasses() {
  std::set<std::string> names;
  for (const LayerCase &c : allCases())
    if (BuiltLayer built = buildLayer(c); built.isMissing())
      names.insert(built.missingClass);
  return {names.begin(), names.end()};
}

TEST_P(KerasLayerFixtures, equalsKeras) {
  const LayerCase &c = allCases()[GetParam()];
  const std::string &problem = problemOfCase(GetParam());
  static const std::set<std::string> known = knownFailures();
  static const std::vector<std::string> missing = readLines(kDirectory + "/missing_layers.txt");
  if (std::string lacked = missingClassOf(problem); !lacked.empty())
    EXPECT_THAT(missing, ::testing::Contains(lacked)) << problem;
  else if (known.count(c.name))
    EXPECT_NE(problem, "")
        << "it holds now: take it out of tests/fixtures/keras/known_failures.txt";
  else
    EXPECT_EQ(problem, "");
}

INSTANTIATE_TEST_SUITE_P(Cases, KerasLayerFixtures, ::testing::Range(size_t(0), allCases().size()),
                         [](const auto &info) { return allCases()[info.param].name; });

/// Where our config says otherwise than Keras's, for the keys that both have; empty: nowhere.
std::string configDifference(const kd::Json &theirs, const kd::Json &ours,
                             const std::string &path = {}) {
  if (theirs.is_object() && ours.is_object()) {
    for (const auto &[key, value] : theirs.items())
      if (ours.contains(key))
        if (std::string where = configDifference(value, ours[key], path + "/" + key);
            !where.empty())
          return where;
    return {};
  }
  if (theirs.is_array() && ours.is_array() && theirs.size() == ours.size()) {
    for (size_t i = 0; i < theirs.size(); ++i)
      if (std::string where = configDifference(theirs[i], ours[i], path + "/" + std::to_string(i));
          !where.empty())
        return where;
    return {};
  }
  return theirs == ours ? "" : path + ": Keras has " + theirs.dump() + ", we " + ours.dump();
}

TEST_P(KerasLayerFixtures, configComesBackAsKerasWroteIt) {
  const LayerCase &c = allCases()[GetParam()];
  if (knownFailures().count(c.name))
    return; // equalsKeras judges it
  try {
    kd::Json ours = kd::layerConfig(*kd::layerFromConfig(c.className, c.config));
    EXPECT_EQ(configDifference(c.config, ours), "");
    EXPECT_EQ(kd::layerConfig(*kd::layerFromConfig(c.className, ours)), ours);
  } catch (const keras::Error &error) {
    EXPECT_NE(missingClassOf(error.what()), "") << error.what();
  }
}

TEST(KerasLayers, missingClassesAreExactlyTheListed) {
  EXPECT_THAT(missingClasses(), ElementsAreArray(readLines(kDirectory + "/missing_layers.txt")));
}

TEST(KerasLayers, knownFailuresAreCases) {
  std::set<std::string> names;
  for (const LayerCase &c : allCases())
    names.insert(c.name);
  for (const std::string &name : knownFailures())
    EXPECT_TRUE(names.count(name)) << name;
}

} // namespace
} // namespace ingot::test
