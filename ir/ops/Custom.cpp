// Declarations of custom ops: that they make sense, and the shape rule. Calls are in
// CustomCall.cpp.
#include "ir/ops/Custom.h"
#include "ir/Substitute.h"
#include "ir/Text.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;

#define GET_OP_CLASSES
#include "ir/ops/Custom.cpp.inc"

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

bool graph::isIdentifier(llvm::StringRef text) {
  return !text.empty() && !llvm::isDigit(text[0]) &&
         llvm::all_of(text, [](char c) { return llvm::isAlnum(c) || c == '_'; });
}

llvm::StringRef graph::parameterKind(Attribute value) {
  auto integer = llvm::dyn_cast_or_null<IntegerAttr>(value);
  if (integer && integer.getType().isSignlessInteger(64))
    return "int";
  auto real = llvm::dyn_cast_or_null<FloatAttr>(value);
  if (real && real.getType().isF32())
    return "float";
  return llvm::isa_and_nonnull<DenseI64ArrayAttr>(value)   ? "ints"
         : llvm::isa_and_nonnull<DenseF32ArrayAttr>(value) ? "floats"
         : llvm::isa_and_nonnull<StringAttr>(value)        ? "string"
                                                           : "";
}

bool graph::isCustomElement(Type element) {
  if (element.isInteger(1))
    return true;
  auto integer = llvm::dyn_cast<IntegerType>(element);
  return integer
             ? !integer.isSignless() && llvm::is_contained({8u, 16u, 32u, 64u}, integer.getWidth())
             : llvm::isa<FloatType>(element) &&
                   llvm::is_contained({8u, 16u, 32u, 64u}, element.getIntOrFloatBitWidth());
}

namespace {

llvm::StringRef nameOf(Attribute tensor) {
  return llvm::cast<DictionaryAttr>(tensor).getAs<StringAttr>("name").getValue();
}

/// Where the tensor of this name stands in the list; -1 where there is none.
int64_t positionOf(llvm::StringRef name, llvm::ArrayRef<Attribute> tensors) {
  for (auto [i, tensor] : llvm::enumerate(tensors))
    if (nameOf(tensor) == name)
      return static_cast<int64_t>(i);
  return -1;
}

/// As descriptions name it: "i32", "u8", "bool", "f32".
std::string shown(Type element) {
  if (element.isInteger(1))
    return "bool";
  std::string text;
  llvm::raw_string_ostream(text) << element;
  if (element.isSignedInteger())
    text.erase(0, 1);
  if (element.isUnsignedInteger())
    text.erase(1, 1);
  return llvm::StringRef(text).lower();
}

/// Checks a declaration from its start to its end, collecting what expressions may be made of.
class DeclarationChecker {
public:
  explicit DeclarationChecker(CustomOpOp op) : op(op) {}

  LogicalResult check() {
    if (!isIdentifier(op.getFunction()))
      return error("calls `") << op.getFunction() << "`, which is no name of a C function";
    return success(succeeded(checkParameters()) && succeeded(checkInputs()) &&
                   succeeded(checkOutputs()) && succeeded(checkWorkspace()));
  }

private:
  LogicalResult checkParameters() {
    for (Attribute attribute : op.getParameters()) {
      auto parameter = named(attribute, "parameter");
      if (!parameter)
        return failure();
      auto kind = parameter.getAs<StringAttr>("kind");
      if (!kind ||
          !llvm::is_contained({"int", "float", "ints", "floats", "string"}, kind.getValue()))
        return error("has a parameter `")
               << nameOf(parameter)
               << "` of no kind; kinds are int, float, ints, floats and string";
      Attribute value = parameter.get("default");
      if (value && parameterKind(value) != kind.getValue())
        return error("has a parameter `")
               << nameOf(parameter) << "` whose default is no " << kind.getValue();
      if (kind.getValue() == "int")
        known.insert(nameOf(parameter));
    }
    return success();
  }

  LogicalResult checkInputs() {
    for (auto [i, attribute] : llvm::enumerate(op.getInputs())) {
      auto input = named(attribute, "input");
      if (!input)
        return failure();
      auto types = input.getAs<ArrayAttr>("types");
      if (!types || types.empty() || !llvm::all_of(types, isElement))
        return error("has an input `")
               << nameOf(input) << "` without element types of a byte or more";
      auto earlier = op.getInputs().getValue().take_front(i);
      if (failed(checkShape(input, earlier, /*binds=*/true)))
        return failure();
      known.insert((nameOf(input) + ".elements").str());
    }
    return success();
  }

  LogicalResult checkOutputs() {
    if (op.getOutputs().empty())
      return error("has no output");
    for (Attribute attribute : op.getOutputs()) {
      auto output = named(attribute, "output");
      if (!output)
        return failure();
      Attribute type = output.get("type");
      auto source = llvm::dyn_cast_or_null<StringAttr>(type);
      if (!(type && isElement(type)) &&
          !(source && positionOf(source, op.getInputs().getValue()) >= 0))
        return error("has an output `")
               << nameOf(output) << "` whose type is neither one of a byte or more nor an input's";
      if (!output.get("shape"))
        return error("has an output `") << nameOf(output) << "` without a shape";
      if (failed(checkShape(output, op.getInputs().getValue(), /*binds=*/false)))
        return failure();
    }
    for (Attribute output : op.getOutputs())
      known.insert((nameOf(output) + ".elements").str());
    return success();
  }

  LogicalResult checkWorkspace() {
    if (op.getWorkspace().getExprs().size() != 1)
      return error("has a workspace that is not one expression");
    return checkExpression(Dim(op.getWorkspace().getExprs()[0]), "the workspace");
  }

  static bool isElement(Attribute attribute) {
    auto type = llvm::dyn_cast<TypeAttr>(attribute);
    return type && isCustomElement(type.getValue());
  }

  /// The dictionary, which has a name that no other of the op has; null: reported.
  DictionaryAttr named(Attribute attribute, llvm::StringRef what) {
    auto dictionary = llvm::dyn_cast<DictionaryAttr>(attribute);
    auto name = dictionary ? dictionary.getAs<StringAttr>("name") : StringAttr();
    if (!name || !isIdentifier(name)) {
      error("has an ") << what << " whose name is none of letters, digits and _";
      return {};
    }
    if (!names.insert(name.getValue()).second) {
      error("has two inputs, outputs or parameters called `") << name.getValue() << "`";
      return {};
    }
    return dictionary;
  }

  LogicalResult checkShape(DictionaryAttr tensor, llvm::ArrayRef<Attribute> others, bool binds) {
    Attribute shape = tensor.get("shape");
    if (!shape)
      return success();
    if (auto other = llvm::dyn_cast<StringAttr>(shape)) {
      if (positionOf(other, others) >= 0)
        return success();
      return error("gives `") << nameOf(tensor) << "` the shape of `" << other.getValue()
                              << "`, which is no input before it";
    }
    auto dims = llvm::dyn_cast<DimsAttr>(shape);
    if (!dims)
      return error("gives `") << nameOf(tensor) << "` a shape that is none";
    for (Attribute expression : dims.getExprs()) {
      auto symbol = Dim(expression).asSymbol();
      if (binds && symbol && !symbol->contains('.'))
        known.insert(*symbol);
      else if (failed(checkExpression(Dim(expression), "the shape of `" + nameOf(tensor) + "`")))
        return failure();
    }
    return success();
  }

  LogicalResult checkExpression(Dim expression, const llvm::Twine &what) {
    std::string unknown;
    expression.collectSymbols([&](llvm::StringRef name) {
      if (!known.contains(name))
        unknown = name.str();
    });
    if (unknown.empty())
      return success();
    return error("uses `") << unknown << "` in " << what
                           << ", which is no dimension of an input, no int parameter and "
                              "no `elements` of a tensor before it";
  }

  InFlightDiagnostic error(llvm::StringRef text) {
    return op.emitError("the custom op `") << op.getSymName() << "` " << text;
  }

  CustomOpOp op;
  llvm::StringSet<> names, known;
};

/// Values of the names in a rule's expressions for one call.
class ShapeRule {
public:
  ShapeRule(CustomOpOp op, DictionaryAttr parameters, EmitError emitError)
      : op(op), emitError(emitError) {
    for (NamedAttribute parameter : parameters)
      if (auto value = llvm::dyn_cast<IntegerAttr>(parameter.getValue()))
        values[parameter.getName()] = Dim::constant(op.getContext(), value.getInt());
  }

  LogicalResult bindInput(size_t i, Type given) {
    auto rule = llvm::cast<DictionaryAttr>(op.getInputs()[i]);
    auto tensor = llvm::cast<RankedTensorType>(given);
    auto types = llvm::map_to_vector(rule.getAs<ArrayAttr>("types"), [](Attribute type) {
      return llvm::cast<TypeAttr>(type).getValue();
    });
    if (!llvm::is_contained(types, tensor.getElementType()))
      return error(i) << "has elements of " << shown(tensor.getElementType()) << "; it takes "
                      << llvm::join(llvm::map_range(types, shown), ", ");
    Dims actual = dimsOf(given), wanted = actual;
    if (failed(bindShape(i, rule.get("shape"), actual, wanted)))
      return failure();
    for (auto [have, want] : llvm::zip(actual, wanted))
      if (have.isStatic() && want.isStatic() && !(have == want))
        return error(i) << "has shape " << str(actual) << "; expected is " << str(wanted);
    setElements(rule, wanted);
    inputs.push_back(wanted);
    return success();
  }

  FailureOr<Type> result(Attribute output, llvm::ArrayRef<Type> operands) {
    auto rule = llvm::cast<DictionaryAttr>(output);
    Type element;
    if (auto source = rule.getAs<StringAttr>("type"))
      element =
          llvm::cast<RankedTensorType>(operands[positionOf(source, op.getInputs().getValue())])
              .getElementType();
    else
      element = rule.getAs<TypeAttr>("type").getValue();
    Dims dims;
    if (auto source = rule.getAs<StringAttr>("shape"))
      dims = inputs[positionOf(source, op.getInputs().getValue())];
    else
      for (Attribute expression : rule.getAs<DimsAttr>("shape").getExprs())
        dims.push_back(evaluate(Dim(expression)));
    for (Dim d : dims)
      if (d.isStatic() && d.value() < 0) {
        emitError() << "its output `" << nameOf(rule) << "` would have shape " << str(dims);
        return failure();
      }
    return Type(tensorType(dims, element));
  }

  FailureOr<Dim> workspace(llvm::ArrayRef<Type> results) {
    for (auto [output, type] : llvm::zip(op.getOutputs(), results))
      setElements(llvm::cast<DictionaryAttr>(output), dimsOf(type));
    Dim bytes = evaluate(Dim(op.getWorkspace().getExprs()[0]));
    if (!bytes.isStatic() || bytes.value() >= 0)
      return bytes;
    emitError() << "its workspace would be of " << bytes.value() << " bytes";
    return failure();
  }

  llvm::SmallVector<Dims> inputs; // as they should be

private:
  InFlightDiagnostic error(size_t i) {
    return emitError() << "its input `" << nameOf(op.getInputs()[i]) << "` ";
  }
  LogicalResult bindShape(size_t i, Attribute shape, const Dims &actual, Dims &wanted) {
    if (!shape)
      return success();
    auto rankError = [&](size_t rank) {
      return error(i) << "has shape " << str(actual) << "; expected are " << rank << " dimensions";
    };
    if (auto other = llvm::dyn_cast<StringAttr>(shape)) {
      const Dims &like = inputs[positionOf(other, op.getInputs().getValue())];
      if (like.size() != actual.size())
        return rankError(like.size());
      wanted = like;
      return success();
    }
    auto expressions = llvm::cast<DimsAttr>(shape).getExprs();
    if (expressions.size() != actual.size())
      return rankError(expressions.size());
    for (auto [expression, have, want] : llvm::zip(expressions, actual, wanted)) {
      if (auto symbol = Dim(expression).asSymbol())
        values.try_emplace(*symbol, have);
      want = evaluate(Dim(expression));
    }
    return success();
  }
  Dim evaluate(Dim expression) {
    return substitute(expression, [&](llvm::StringRef name) { return values.lookup(name); });
  }
  void setElements(DictionaryAttr tensor, llvm::ArrayRef<Dim> dims) {
    values[(nameOf(tensor) + ".elements").str()] = numElements(op.getContext(), dims);
  }

  CustomOpOp op;
  EmitError emitError;
  llvm::StringMap<Dim> values;
};

} // namespace

LogicalResult CustomOpOp::verify() { return DeclarationChecker(*this).check(); }

/// The gradient takes inputs, outputs and the outputs' gradients; gives the inputs'.
LogicalResult CustomOpOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto name = getGradientAttr();
  if (!name)
    return success();
  auto error = [&](llvm::StringRef text) {
    return emitError("the custom op `") << getSymName() << "` " << text;
  };
  auto gradient = symbols.lookupNearestSymbolFrom<CustomOpOp>(*this, name);
  if (!gradient)
    return error("has the gradient `")
           << name.getValue() << "`, which is not declared; give its description too";
  size_t inputs = 0, outputs = 0;
  for (Attribute input : getInputs()) {
    auto types = llvm::cast<DictionaryAttr>(input).getAs<ArrayAttr>("types");
    auto floats = llvm::count_if(types, [](Attribute type) {
      return llvm::isa<FloatType>(llvm::cast<TypeAttr>(type).getValue());
    });
    if (floats != 0 && static_cast<size_t>(floats) != types.size())
      return error("has a gradient, and an input `")
             << nameOf(input) << "` that may be a float or not; declare two ops";
    inputs += floats != 0;
  }
  for (Attribute output : getOutputs()) {
    Attribute type = llvm::cast<DictionaryAttr>(output).get("type");
    if (auto source = llvm::dyn_cast<StringAttr>(type))
      type = llvm::cast<DictionaryAttr>(getInputs()[positionOf(source, getInputs().getValue())])
                 .getAs<ArrayAttr>("types")[0];
    outputs += llvm::isa<FloatType>(llvm::cast<TypeAttr>(type).getValue());
  }
  size_t taken = getInputs().size() + getOutputs().size() + outputs;
  if (gradient.getInputs().size() == taken && gradient.getOutputs().size() == inputs)
    return success();
  return error("has the gradient `")
         << name.getValue() << "`, which takes " << gradient.getInputs().size()
         << " tensors and gives " << gradient.getOutputs().size() << "; it must take " << taken
         << " (inputs, outputs, gradients of outputs that are floats) and give " << inputs
         << " (gradients of inputs that are floats)";
}

FailureOr<CustomOpOp::Signature>
CustomOpOp::signature(TypeRange operands, DictionaryAttr parameters, EmitError emitError) {
  if (operands.size() != getInputs().size()) {
    emitError() << "it has " << operands.size() << " inputs; `" << getSymName() << "` takes "
                << getInputs().size();
    return failure();
  }
  ShapeRule rule(*this, parameters, emitError);
  for (auto [i, operand] : llvm::enumerate(operands))
    if (failed(rule.bindInput(i, operand)))
      return failure();
  Signature signature;
  for (Attribute output : getOutputs()) {
    auto type = rule.result(output, llvm::to_vector(operands));
    if (failed(type))
      return failure();
    signature.results.push_back(*type);
  }
  auto workspace = rule.workspace(signature.results);
  if (failed(workspace))
    return failure();
  signature.workspace = *workspace;
  signature.inputs = std::move(rule.inputs);
  return signature;
}

FailureOr<DictionaryAttr> CustomOpOp::completeParameters(DictionaryAttr given,
                                                         EmitError emitError) {
  llvm::SmallVector<NamedAttribute> all;
  for (Attribute attribute : getParameters()) {
    auto parameter = llvm::cast<DictionaryAttr>(attribute);
    llvm::StringRef name = nameOf(parameter);
    Attribute value = given.get(name);
    if (!value)
      value = parameter.get("default");
    llvm::StringRef kind = parameter.getAs<StringAttr>("kind").getValue();
    if (!value) {
      emitError() << "it has no attribute `" << name << "`, for which `" << getSymName()
                  << "` has no default";
      return failure();
    }
    if (parameterKind(value) != kind) {
      emitError() << "its attribute `" << name << "` is no " << kind << ", as `" << getSymName()
                  << "` needs it";
      return failure();
    }
    all.emplace_back(StringAttr::get(getContext(), name), value);
  }
  for (NamedAttribute attribute : given)
    if (positionOf(attribute.getName(), getParameters().getValue()) < 0) {
      emitError() << "it has an attribute `" << attribute.getName().getValue() << "`, which `"
                  << getSymName() << "` does not declare";
      return failure();
    }
  return DictionaryAttr::get(getContext(), all);
}
