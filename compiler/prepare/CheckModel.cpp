// What the rest of the compiler relies on and no op's verifier can say: types that artifacts have,
// dimensions that inputs determine, names that mean one thing. See Prepare.h.
#include "compiler/prepare/Prepare.h"
#include "ir/Text.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace ingot {
namespace {

bool isSupported(Type element) {
  if (llvm::isa<Float16Type, BFloat16Type, Float32Type, Float64Type, Float8E4M3FNType,
                Float8E4M3FNUZType, Float8E5M2Type, Float8E5M2FNUZType, Float8E8M0FNUType,
                Float4E2M1FNType>(element) ||
      llvm::isa<text::StringType>(element) || element.isInteger(1))
    return true;
  auto integer = llvm::dyn_cast<IntegerType>(element);
  return integer && !integer.isSignless() &&
         llvm::is_contained({2u, 4u, 8u, 16u, 32u, 64u}, integer.getWidth());
}

/// What is wrong with a type; empty when nothing is.
std::string problemOf(Type type) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  auto tensor = llvm::dyn_cast<RankedTensorType>(type);
  if (!tensor) {
    stream << "is of type " << type << "; values of a model are ranked tensors";
    return text;
  }
  Type element = tensor.getElementType();
  if (!isSupported(element)) {
    stream << "has elements of " << element
           << "; there are bool (i1), si2 to si64, ui2 to ui64, f4E2M1FN, f8E4M3FN, f8E4M3FNUZ, "
              "f8E5M2, f8E5M2FNUZ, f8E8M0FNU, f16, bf16, f32, f64 and !text.string";
    return text;
  }
  auto dims = llvm::dyn_cast_or_null<graph::DimsAttr>(tensor.getEncoding());
  if (!tensor.hasStaticShape() && !dims) {
    stream << "is of type " << type
           << ", which does not say what its `?` are: tensor<?xf32, #graph.dims<[batch]>>";
    return text;
  }
  if (dims && static_cast<int64_t>(dims.getExprs().size()) != tensor.getRank())
    stream << "has " << tensor.getRank() << " dimensions, its #graph.dims names "
           << dims.getExprs().size();
  int64_t bytes = 8;
  for (int64_t size : tensor.getShape())
    if (!ShapedType::isDynamic(size) && llvm::MulOverflow(bytes, std::max<int64_t>(size, 1), bytes))
      stream << "of type " << type << " has more bytes than any machine";
  return text;
}

bool checkType(Location location, const std::string &what, Type type) {
  std::string problem = problemOf(type);
  if (!problem.empty())
    emitError(location) << what << ' ' << problem;
  return problem.empty();
}

std::string nameOf(func::FuncOp function, unsigned index, bool isResult) {
  auto name = isResult ? function.getResultAttrOfType<StringAttr>(index, "graph.name")
                       : function.getArgAttrOfType<StringAttr>(index, "graph.name");
  return name ? name.str() : (isResult ? "output_" : "input_") + std::to_string(index);
}

/// Inputs among themselves, and outputs, are told apart by name.
bool checkNames(func::FuncOp function, bool results) {
  llvm::StringSet<> names;
  bool isValid = true;
  unsigned count = results ? function.getNumResults() : function.getNumArguments();
  for (unsigned i = 0; i < count; ++i)
    if (std::string name = nameOf(function, i, results); !names.insert(name).second) {
      function.emitError("`") << function.getName() << "` has two "
                              << (results ? "outputs" : "inputs") << " called `" << name << "`";
      isValid = false;
    }
  return isValid;
}

/// `graph.bounds` is an array of [name, array<i64: least, most>] for extents of inputs.
bool checkBounds(func::FuncOp function) {
  auto bounds = function->getAttrOfType<ArrayAttr>("graph.bounds");
  llvm::StringSet<> extents;
  for (Type type : function.getArgumentTypes())
    for (Dim dim : dimsOf(type))
      if (auto name = dim.asSymbol())
        extents.insert(*name);
  for (Attribute entry : bounds ? bounds.getValue() : llvm::ArrayRef<Attribute>()) {
    auto bound = llvm::dyn_cast<ArrayAttr>(entry);
    auto name = bound && bound.size() == 2 ? llvm::dyn_cast<StringAttr>(bound[0]) : StringAttr();
    auto range = name ? llvm::dyn_cast<DenseI64ArrayAttr>(bound[1]) : DenseI64ArrayAttr();
    if (range && range.size() == 2 && range[0] >= 0 && range[0] <= range[1] &&
        extents.erase(name.getValue()))
      continue;
    function.emitError("graph.bounds of `")
        << function.getName()
        << "` is no list of [name, array<i64: least, most>] for dimensions of inputs, each once";
    return false;
  }
  return true;
}

/// Every dimension symbol in the function stands in the shape of an input, or for an element of one
/// (`graph.shape_symbols`), or for a value of those before it (`graph.lets`, an array of [name,
/// #graph.dims<[expression]>]).
bool checkSymbols(func::FuncOp function) {
  llvm::StringSet<> known;
  for (Type type : function.getArgumentTypes())
    for (Dim dim : dimsOf(type))
      dim.collectSymbols([&](llvm::StringRef name) { known.insert(name); });
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (auto names = function.getArgAttrOfType<ArrayAttr>(i, "graph.shape_symbols"))
      for (Attribute name : names)
        known.insert(llvm::cast<StringAttr>(name).getValue());
  bool isValid = true;
  if (auto lets = function->getAttrOfType<ArrayAttr>("graph.lets"))
    for (Attribute entry : lets) {
      auto let = llvm::dyn_cast<ArrayAttr>(entry);
      auto name = let && let.size() == 2 ? llvm::dyn_cast<StringAttr>(let[0]) : StringAttr();
      auto value = name ? llvm::dyn_cast<graph::DimsAttr>(let[1]) : graph::DimsAttr();
      if (!value || value.getExprs().size() != 1 || !known.insert(name.getValue()).second) {
        function.emitError("graph.lets of `")
            << function.getName() << "` names a value twice, or is no list of [name, #graph.dims]";
        return false;
      }
      Dim(value.getExprs()[0]).collectSymbols([&](llvm::StringRef used) {
        if (used != name.getValue() && known.contains(used))
          return;
        function.emitError("`") << name.getValue() << "` in graph.lets of `" << function.getName()
                                << "` is made of `" << used << "`, which is not known before it";
        isValid = false;
      });
    }
  isValid &= checkBounds(function);
  function.getBody().walk([&](Operation *op) {
    for (Type type : op->getResultTypes())
      for (Dim dim : dimsOf(type))
        dim.collectSymbols([&](llvm::StringRef name) {
          if (!known.insert(name).second)
            return; // known, or reported before
          op->emitError("the dimension `")
              << name << "` stands in the shape of no input of `" << function.getName() << "`";
          isValid = false;
        });
  });
  return isValid;
}

/// The number of the input or output of this name, or nothing.
std::optional<unsigned> indexOf(func::FuncOp function, Attribute name, bool isResult) {
  auto text = llvm::dyn_cast<StringAttr>(name);
  unsigned count = isResult ? function.getNumResults() : function.getNumArguments();
  for (unsigned i = 0; text && i < count; ++i)
    if (nameOf(function, i, isResult) == text.getValue())
      return i;
  return std::nullopt;
}

/// graph.carries, a list of ["output", "input"]: the output's value is the input's at the next run.
/// They are there, of equal types, each once; and their dimensions are those that other inputs
/// determine, so that the first value, zeros, has a size.
bool checkCarries(func::FuncOp function) {
  auto carries = function->getAttrOfType<ArrayAttr>("graph.carries");
  if (!carries)
    return true;
  llvm::SmallDenseSet<unsigned> inputs, outputs;
  llvm::StringSet<> known;
  bool isValid = true;
  auto error = [&](Attribute carry) {
    isValid = false;
    return function.emitError("carrying ") << carry << " of `" << function.getName() << "`: ";
  };
  for (Attribute entry : carries) {
    auto carry = llvm::dyn_cast<ArrayAttr>(entry);
    bool isPair = carry && carry.size() == 2;
    auto output = isPair ? indexOf(function, carry[0], true) : std::nullopt;
    auto input = isPair ? indexOf(function, carry[1], false) : std::nullopt;
    if (!output || !input) {
      std::string names;
      for (unsigned i = 0, n = output ? function.getNumArguments() : function.getNumResults();
           i < n; ++i)
        names += (i ? ", `" : "`") + nameOf(function, i, !output) + "`";
      error(entry) << "there is no such " << (output ? "input" : "output") << "; there "
                   << "are " << (names.empty() ? "none" : names);
      continue;
    }
    auto from = llvm::cast<RankedTensorType>(function.getResultTypes()[*output]),
         to = llvm::cast<RankedTensorType>(function.getArgumentTypes()[*input]);
    if (from.getElementType() != to.getElementType() || dimsOf(from) != dimsOf(to))
      error(entry) << "the output is " << from.getElementType() << " of shape " << str(dimsOf(from))
                   << ", the input " << to.getElementType() << " of shape " << str(dimsOf(to))
                   << "; what is carried keeps its type";
    else if (llvm::isa<text::StringType>(to.getElementType()))
      error(entry) << "strings cannot be carried";
    if (!outputs.insert(*output).second || !inputs.insert(*input).second)
      error(entry) << "the output or the input is carried twice";
  }
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (!inputs.contains(i))
      for (Dim dim : dimsOf(function.getArgumentTypes()[i]))
        if (auto symbol = dim.asSymbol())
          known.insert(*symbol);
  for (unsigned i : inputs)
    for (Dim dim : dimsOf(function.getArgumentTypes()[i]))
      dim.collectSymbols([&](llvm::StringRef name) {
        if (known.insert(name).second)
          error(carries) << "the size of the input `" << nameOf(function, i, false)
                         << "` is not known before the first run: `" << name
                         << "` stands in no other input; give it a size";
      });
  return isValid;
}

bool checkFunction(func::FuncOp function) {
  bool isValid = true;
  if (function.getName() == "derive") {
    function.emitError(
        "the function name `derive` belongs to what the compiler makes; choose another");
    isValid = false;
  }
  if (!llvm::hasSingleElement(function.getBody())) {
    function.emitError("`")
        << function.getName()
        << "` has more than one block; control flow is graph.if, scan and while";
    return false;
  }
  isValid &= checkNames(function, false);
  isValid &= checkNames(function, true);
  isValid &= checkSymbols(function);
  isValid &= checkCarries(function);
  return isValid;
}

bool checkVariable(graph::VariableOp variable) {
  Location location = variable.getLoc();
  std::string what = "variable `" + variable.getSymName().str() + "`";
  if (!checkType(location, what, variable.getType()))
    return false;
  auto type = llvm::cast<RankedTensorType>(variable.getType());
  if (!type.hasStaticShape()) {
    emitError(location) << what << " is of type " << type << "; its dimensions must be fixed";
    return false;
  }
  if (llvm::isa<text::StringType>(type.getElementType())) {
    emitError(location) << what
                        << " holds strings; variables hold numbers: make it a graph.constant";
    return false;
  }
  if (variable.getValue() && variable.getValue()->getShapedType() != type) {
    emitError(location) << what << " is of type " << type << ", its value of type "
                        << variable.getValue()->getShapedType();
    return false;
  }
  if (auto resource = llvm::dyn_cast_or_null<DenseResourceElementsAttr>(variable.getValueAttr())) {
    // Bytes as they are: only elements that have whole ones, and as many as there must be.
    unsigned bits = type.getElementTypeBitWidth();
    auto bytes = static_cast<int64_t>(resource.getData().size());
    if (bits % 8 != 0 || bytes != type.getNumElements() * (bits / 8)) {
      emitError(location) << what << " has a resource of " << bytes << " bytes as its value, which "
                          << type << " does not take; give the elements, dense<…>";
      return false;
    }
  }
  return true;
}

bool checkUse(ModuleOp module, Operation *op, llvm::StringRef name, Type type) {
  auto variable = module.lookupSymbol<graph::VariableOp>(name);
  if (!variable)
    op->emitError("variable `") << name << "` is not declared";
  else if (variable.getType() != type)
    op->emitError("variable `") << name << "` is declared " << variable.getType() << ", used as "
                                << type;
  return variable && variable.getType() == type;
}

} // namespace

LogicalResult checkTypes(ModuleOp module) {
  bool isValid = true;
  for (auto variable : module.getOps<graph::VariableOp>())
    isValid &= checkVariable(variable);
  for (auto function : module.getOps<func::FuncOp>()) {
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
      isValid &= checkType(
          function.getLoc(),
          "input `" + nameOf(function, i, false) + "` of `" + function.getName().str() + "`", type);
    function.getBody().walk([&](Operation *op) {
      for (Type type : op->getResultTypes())
        isValid &= checkType(op->getLoc(),
                             "the result of `" + op->getName().getStringRef().str() + "`", type);
    });
  }
  return success(isValid);
}

LogicalResult checkModel(ModuleOp module) {
  if (failed(checkTypes(module)))
    return failure();
  bool isValid = true;
  for (auto function : module.getOps<func::FuncOp>())
    isValid &= checkFunction(function);
  module.walk([&](Operation *op) {
    if (auto read = llvm::dyn_cast<graph::ReadOp>(op))
      isValid &= checkUse(module, op, read.getVariable(), read.getResult().getType());
    if (auto assign = llvm::dyn_cast<graph::AssignOp>(op))
      isValid &= checkUse(module, op, assign.getVariable(), assign.getX().getType());
  });
  return success(isValid);
}

} // namespace ingot
