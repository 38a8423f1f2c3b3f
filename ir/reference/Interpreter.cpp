// The interpreter's loop: an op's operands in, its contract asked, its results rounded.
#include "ir/reference/Interpreter.h"
#include "ir/Text.h"
#include <cmath>

using namespace mlir;

namespace ingot::reference {

/// Also of elements that are in a resource.
static DenseElementsAttr denseElements(Attribute value) {
  auto resource = llvm::dyn_cast_or_null<DenseResourceElementsAttr>(value);
  return resource ? DenseElementsAttr::getFromRawBuffer(resource.getType(), resource.getData())
                  : llvm::dyn_cast_or_null<DenseElementsAttr>(value);
}

Interpreter::Interpreter(ModuleOp module, bool exact) : module(module), exact(exact) {
  for (auto variable : module.getOps<graph::VariableOp>()) {
    DenseElementsAttr value = denseElements(variable.getValueAttr());
    if (!value)
      continue;
    auto type = llvm::cast<RankedTensorType>(variable.getType());
    Tensor tensor(type.getElementType(), type.getShape());
    int64_t i = 0;
    for (Attribute a : value.getValues<Attribute>()) {
      if (auto real = llvm::dyn_cast<FloatAttr>(a))
        tensor.set(i++, Number::real(reference::toDouble(real.getValue())));
      else
        tensor.set(i++, roundTo(type.getElementType(),
                                Number::integer(static_cast<int64_t>(
                                    llvm::cast<IntegerAttr>(a).getValue().getZExtValue()))));
    }
    variables[variable.getSymName().str()] = std::move(tensor);
  }
}

llvm::SmallVector<int64_t> Interpreter::shapeOf(Type type) {
  return llvm::map_to_vector(dimsOf(type), [&](Dim d) {
    return d.evaluate([&](llvm::StringRef name) { return symbolValue(name); });
  });
}

int64_t Interpreter::symbolValue(llvm::StringRef name) {
  auto it = symbols.find(name);
  return it == symbols.end() ? 0 : it->second;
}

const Tensor *Interpreter::readVariable(llvm::StringRef name) {
  auto it = variables.find(name);
  return it == variables.end() ? nullptr : &it->second;
}

void Interpreter::assignVariable(llvm::StringRef name, Tensor value) {
  variables[name.str()] = std::move(value);
}

LogicalResult Interpreter::fail(const std::string &text) {
  message = text;
  return failure();
}

LogicalResult Interpreter::bindSymbols(llvm::ArrayRef<Type> types, llvm::ArrayRef<Tensor> inputs) {
  auto forEachSymbol = [&](llvm::function_ref<void(llvm::StringRef, int64_t)> visit) {
    for (auto [type, input] : llvm::zip(types, inputs))
      for (auto [dim, size] : llvm::zip(dimsOf(type), input.shape()))
        if (auto name = dim.asSymbol())
          visit(*name, size);
  };
  forEachSymbol([&](llvm::StringRef name, int64_t) { symbols.erase(name.str()); });
  forEachSymbol([&](llvm::StringRef name, int64_t size) { symbols.try_emplace(name.str(), size); });
  for (auto [i, type, input] : llvm::enumerate(types, inputs))
    if (llvm::ArrayRef<int64_t>(shapeOf(type)) != input.shape())
      return fail("input " + std::to_string(i) + " does not have shape " + str(dimsOf(type)));
  return success();
}

/// Of an element that a vector of unknown length does not have: INGOT_NO_VALUE of ingot/artifact.h.
static constexpr int64_t kNoValue = -(int64_t(1) << 62);

static int64_t longestText(const Tensor &texts) {
  size_t longest = 0;
  for (int64_t i = 0, e = texts.numElements(); i < e; ++i)
    longest = std::max(longest, textOf(texts.get(i)).size());
  return static_cast<int64_t>(longest);
}

/// The symbols that stand for elements of inputs: integers, or floats times 2^32, or, of texts, the
/// longest one's bytes; then those that stand for values of others.
void Interpreter::bindShapeInputs(func::FuncOp function, llvm::ArrayRef<Tensor> inputs) {
  bound.clear();
  for (auto [i, input] : llvm::enumerate(inputs))
    if (auto names = function.getArgAttrOfType<ArrayAttr>(i, "graph.shape_symbols"))
      for (auto [element, name] : llvm::enumerate(names))
        symbols[llvm::cast<StringAttr>(name).str()] =
            isText(input.element())                                ? longestText(input)
            : static_cast<int64_t>(element) >= input.numElements() ? kNoValue
            : input.isFloat() ? static_cast<int64_t>(std::floor(input.real(element) * 4294967296.0))
                              : input.integer(element);
  lets = function->getAttrOfType<ArrayAttr>("graph.lets");
  evaluateLets();
}

/// Each of those before it; what the program has bound stays.
void Interpreter::evaluateLets() {
  for (Attribute entry : lets ? lets.getValue() : llvm::ArrayRef<Attribute>()) {
    auto let = llvm::cast<ArrayAttr>(entry);
    Dim value(llvm::cast<graph::DimsAttr>(let[1]).getExprs()[0]);
    llvm::StringRef name = llvm::cast<StringAttr>(let[0]).getValue();
    if (!bound.count(name))
      symbols[name.str()] =
          value.evaluate([&](llvm::StringRef symbol) { return symbolValue(symbol); });
  }
}

void Interpreter::bindSymbol(llvm::StringRef name, int64_t value) {
  symbols[name.str()] = value;
  bound.insert(name.str());
  evaluateLets();
}

FailureOr<llvm::SmallVector<Tensor>> Interpreter::run(llvm::StringRef name,
                                                      llvm::ArrayRef<Tensor> inputs) {
  auto function = module.lookupSymbol<func::FuncOp>(name);
  if (!function)
    return fail("no function `" + name.str() + "`");
  if (inputs.size() != function.getNumArguments())
    return fail("`" + name.str() + "` takes " + std::to_string(function.getNumArguments()) +
                " inputs, got " + std::to_string(inputs.size()));
  if (failed(bindSymbols(function.getArgumentTypes(), inputs)))
    return failure();
  bindShapeInputs(function, inputs);
  message.clear();
  auto results = runRegion(function.getBody(), inputs);
  values.clear();
  if (!message.empty())
    return failure();
  return results;
}

llvm::SmallVector<Tensor> Interpreter::runRegion(Region &region, llvm::ArrayRef<Tensor> args) {
  Block &block = region.front();
  for (auto [argument, value] : llvm::zip(block.getArguments(), args))
    values[argument] = value;
  for (Operation &op : block.without_terminator())
    if (failed(runOp(&op)))
      return {};
  return llvm::map_to_vector(block.getTerminator()->getOperands(),
                             [&](Value v) { return values[v]; });
}

LogicalResult Interpreter::runOp(Operation *op) {
  auto where = [&](const std::string &text) {
    std::string layer = graph::layerName(op->getLoc());
    return fail((layer.empty() ? op->getName().getStringRef().str() : layer) + ": " + text);
  };
  llvm::SmallVector<Tensor> operands, results;
  for (Value operand : op->getOperands())
    operands.push_back(values[operand]);
  for (Type type : op->getResultTypes())
    results.emplace_back(llvm::cast<RankedTensorType>(type).getElementType(), shapeOf(type));
  if (auto scalar = llvm::dyn_cast<graph::Scalar>(op)) {
    llvm::SmallVector<Number> args(operands.size());
    for (int64_t i = 0, e = results[0].numElements(); i < e; ++i) {
      for (auto [a, operand] : llvm::zip(args, operands))
        a = operand.get(i);
      results[0].set(i, scalar.applyScalar(args));
    }
  } else if (auto evaluable = llvm::dyn_cast<graph::Evaluable>(op)) {
    if (failed(evaluable.evaluate(*this, operands, results)))
      return where(message.empty() ? "cannot be evaluated" : message);
  } else if (auto composite = llvm::dyn_cast<graph::Composite>(op)) {
    // Evaluate the formula in place of the op, then take it away again.
    OpBuilder b(op);
    Operation *before = op->getPrevNode();
    llvm::SmallVector<Value> formula = composite.decompose(b);
    Block::iterator first = before ? std::next(before->getIterator()) : op->getBlock()->begin();
    llvm::SmallVector<Operation *> made;
    for (Operation &inner : llvm::make_range(first, op->getIterator()))
      made.push_back(&inner);
    LogicalResult ok = success();
    for (Operation *inner : made)
      if (succeeded(ok))
        ok = runOp(inner);
    for (auto [i, v] : llvm::enumerate(formula))
      results[i] = values[v];
    for (Operation *inner : llvm::reverse(made)) {
      for (Value v : inner->getResults())
        values.erase(v);
      inner->erase();
    }
    if (failed(ok))
      return failure();
  } else {
    return where("has no meaning for the interpreter");
  }
  for (auto [result, value] : llvm::zip(op->getResults(), results)) {
    if (!(exact && value.isFloat()))
      value.round();
    values[result] = std::move(value);
  }
  return success();
}

} // namespace ingot::reference
