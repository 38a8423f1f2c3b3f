// The values of a model: inputs' types, initializers, and what rules ask about an entry. See
// ImportGraph.h.
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/OpTable.h"
#include "frontends/onnx/Tensors.h"
#include "ir/Text.h"
#include "ir/reference/Interpreter.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace ingot::onnx {
namespace {

/// A tensor that determines a shape has no more elements.
constexpr int64_t kMaxInts = 1024;
/// What is computed when importing: not more ops, nor elements of one.
constexpr size_t kMaxFoldedOps = 256;
constexpr int64_t kMaxFoldedElements = 1 << 16;

/// Dimension symbols are identifiers.
std::string identifier(llvm::StringRef name) {
  std::string result;
  for (char c : name)
    result += llvm::isAlnum(c) ? c : '_';
  if (result.empty() || llvm::isDigit(result[0]))
    result = "d" + result;
  return result;
}

llvm::StringRef nameOf(func::FuncOp function, int64_t argument) {
  return function.getArgAttrOfType<StringAttr>(argument, "graph.name").getValue();
}

std::optional<Dims> parseShape(MLIRContext *context, llvm::StringRef text) {
  Dims dims;
  llvm::SmallVector<llvm::StringRef> parts;
  text.split(parts, ',', -1, false);
  for (llvm::StringRef part : parts) {
    int64_t size = 0;
    part = part.trim();
    if (!part.getAsInteger(10, size) && size >= 0)
      dims.push_back(Dim::constant(context, size));
    else if (!part.empty() && !llvm::isDigit(part[0]) && part[0] != '-')
      dims.push_back(Dim::symbol(context, identifier(part)));
    else
      return std::nullopt;
  }
  return dims;
}

/// The elements of a constant integer tensor of rank 0 or 1.
std::optional<Ints> intsOfConstant(MLIRContext *context, graph::ConstantOp constant) {
  auto type = llvm::cast<RankedTensorType>(constant.getType());
  auto integer = llvm::dyn_cast<IntegerType>(type.getElementType());
  if (!integer || type.getRank() > 1 || !type.hasStaticShape() || type.getNumElements() > kMaxInts)
    return std::nullopt;
  auto value = llvm::dyn_cast<DenseElementsAttr>(constant.getValue());
  if (!value)
    return std::nullopt;
  auto number = [&](llvm::APInt bits) {
    return Dim::constant(context, integer.isSigned() ? bits.getSExtValue()
                                                     : static_cast<int64_t>(bits.getZExtValue()));
  };
  Ints ints;
  ints.isScalar = type.getRank() == 0;
  if (value.isSplat())
    ints.elements.assign(type.getNumElements(), number(value.getSplatValue<llvm::APInt>()));
  else
    for (llvm::APInt bits : value.getValues<llvm::APInt>())
      ints.elements.push_back(number(bits));
  return ints;
}

/// A vector that a rule must know (scales, a region of interest) is no weight after all: it
/// becomes a constant. Its variable stays, for what else reads it.
void makeConstant(Entry &entry, ModuleOp module) {
  constexpr int64_t kMaxElements = 16;
  auto read = entry.tensor.getDefiningOp<graph::ReadOp>();
  auto type = llvm::cast<RankedTensorType>(entry.tensor.getType());
  if (!read || type.getRank() > 1 || type.getNumElements() > kMaxElements)
    return;
  auto variable = module.lookupSymbol<graph::VariableOp>(read.getVariable());
  if (!variable || !variable.getValueAttr())
    return;
  OpBuilder b(read);
  entry.tensor = graph::ConstantOp::create(b, read.getLoc(), type, variable.getValueAttr());
}

/// "1..64".
std::optional<std::pair<int64_t, int64_t>> parseBounds(llvm::StringRef text) {
  auto [low, high] = text.split("..");
  int64_t least = 0, most = 0;
  if (low.getAsInteger(10, least) || high.getAsInteger(10, most) || least < 0 || least > most)
    return std::nullopt;
  return std::pair(least, most);
}

} // namespace

/// How long an input that is a sequence is: as `NAME[]` says, or as many as `NAME[0]`, `NAME[1]`, …
/// have shapes.
std::optional<int64_t> GraphImporter::sequenceLength(const std::string &name) const {
  int64_t length = 0;
  if (auto given = options.shapes.find(name + "[]"); given != options.shapes.end())
    return llvm::StringRef(given->second).getAsInteger(10, length) || length < 0 || length > 10'000
               ? std::nullopt
               : std::optional(length);
  while (options.shapes.count(name + "[" + std::to_string(length) + "]"))
    ++length;
  return length > 0 ? std::optional(length) : std::nullopt;
}

EntryPtr GraphImporter::makeInput(const std::string &name, const ::onnx::TypeProto &type,
                                  std::vector<std::pair<std::string, Type>> &arguments) {
  Location loc = NameLoc::get(b.getStringAttr(name));
  auto entry = std::make_shared<Entry>();
  if (type.has_optional_type()) {
    auto given = options.shapes.find(name);
    if (given == options.shapes.end() || given->second != "none")
      return makeInput(name, type.optional_type().elem_type(), arguments);
    entry->isEmptyOptional = true;
    return entry;
  }
  if (!type.has_sequence_type()) {
    Type tensor = typeOf(name, type, loc);
    if (!tensor)
      return nullptr;
    entry->element = llvm::cast<RankedTensorType>(tensor).getElementType();
    entry->argument = static_cast<int64_t>(arguments.size());
    arguments.emplace_back(name, tensor);
    return entry;
  }
  std::optional<int64_t> length = sequenceLength(name);
  if (!length) {
    emitError(loc) << "the input `" << name
                   << "` is a sequence; say how many tensors it has, as in --shape '" << name
                   << "[]=3', or give the shape of each: --shape '" << name << "[0]=1,3,224,224'";
    return nullptr;
  }
  ::onnx::TypeProto element = type.sequence_type().elem_type();
  if (element.has_tensor_type() && element.tensor_type().has_shape())
    for (auto &dim : *element.mutable_tensor_type()->mutable_shape()->mutable_dim())
      dim.clear_dim_param(); // each tensor of the sequence has its own
  entry->sequence.emplace();
  for (int64_t i = 0; i < *length; ++i) {
    EntryPtr made = makeInput(name + "[" + std::to_string(i) + "]", element, arguments);
    if (!made)
      return nullptr;
    entry->sequence->push_back(std::move(made));
  }
  return entry;
}

Type GraphImporter::typeOf(const std::string &name, const ::onnx::TypeProto &type, Location loc) {
  if (!type.has_tensor_type()) {
    emitError(loc) << "the input `" << name
                   << "` is neither a tensor nor a sequence or optional of tensors";
    return {};
  }
  const ::onnx::TypeProto::Tensor &tensor = type.tensor_type();
  Type element = elementType(b.getContext(), tensor.elem_type());
  if (!element) {
    emitError(loc) << "the input `" << name << "` has elements of " << typeName(tensor.elem_type())
                   << ", which are not supported";
    return {};
  }
  if (auto given = options.shapes.find(name); given != options.shapes.end()) {
    auto dims = parseShape(b.getContext(), given->second);
    if (dims &&
        (!tensor.has_shape() || tensor.shape().dim_size() == static_cast<int>(dims->size()))) {
      for (Dim dim : *dims)
        if (auto symbol = dim.asSymbol())
          if (auto bounds = options.shapes.find(symbol->str()); bounds != options.shapes.end())
            if (auto range = parseBounds(bounds->second))
              symbolBounds[symbol->str()] = *range;
      return tensorType(*dims, element);
    }
    emitError(loc) << "`" << given->second << "` is no shape for the input `" << name
                   << "`; give one size or name a dimension, as in 1,3,height,width";
    return {};
  }
  if (!tensor.has_shape()) {
    emitError(loc) << "the model does not say how many dimensions its input `" << name
                   << "` has; give its shape with --shape " << name << "=1,3,224,224";
    return {};
  }
  Dims dims;
  for (auto [i, dim] : llvm::enumerate(tensor.shape().dim())) {
    std::string symbol =
        dim.dim_param().empty() ? name + "_dim" + std::to_string(i) : dim.dim_param();
    if (dim.has_dim_value() && dim.dim_value() < 0) {
      emitError(loc) << "dimension " << i << " of the input `" << name << "` is "
                     << dim.dim_value();
      return {};
    }
    auto fixed = options.shapes.find(symbol);
    int64_t size = 0;
    if (dim.has_dim_value())
      dims.push_back(Dim::constant(b.getContext(), dim.dim_value()));
    else if (fixed == options.shapes.end())
      dims.push_back(Dim::symbol(b.getContext(), identifier(symbol)));
    else if (!llvm::StringRef(fixed->second).getAsInteger(10, size) && size >= 0)
      dims.push_back(Dim::constant(b.getContext(), size));
    else if (auto bounds = parseBounds(fixed->second)) {
      dims.push_back(Dim::symbol(b.getContext(), identifier(symbol)));
      symbolBounds[identifier(symbol)] = *bounds;
    } else {
      emitError(loc) << "`" << fixed->second << "` is no size for the dimension `" << symbol
                     << "`; give one, as in " << symbol << "=8, or bounds, as in " << symbol
                     << "=1..64";
      return {};
    }
  }
  for (Dim dim : dims)
    dim.collectSymbols([&](llvm::StringRef name) { symbolNames.insert(name.str()); });
  return tensorType(dims, element);
}

namespace {

/// The tensors that nodes take as weights: of operators with weights every input but the first, and
/// what is added to the result of one.
std::set<std::string, std::less<>> weightNames(const ::onnx::GraphProto &graph) {
  const std::set<std::string, std::less<>> products = {"Conv", "ConvTranspose", "Gemm", "MatMul"},
                                           others = {"BatchNormalization",
                                                     "GRU",
                                                     "GroupNormalization",
                                                     "LSTM",
                                                     "InstanceNormalization",
                                                     "LayerNormalization",
                                                     "PRelu",
                                                     "RMSNormalization",
                                                     "RNN"};
  std::set<std::string, std::less<>> madeByProduct, weights;
  for (const ::onnx::NodeProto &node : graph.node()) {
    bool isProduct = products.count(node.op_type()) != 0;
    bool isSum =
        node.op_type() == "Add" && llvm::any_of(node.input(), [&](const std::string &input) {
          return madeByProduct.count(input) != 0;
        });
    for (int i = 0; i < node.input_size(); ++i)
      if (isSum || (i > 0 && (isProduct || others.count(node.op_type()))))
        weights.insert(node.input(i));
    if (isProduct)
      madeByProduct.insert(node.output().begin(), node.output().end());
  }
  return weights;
}

/// Declares the variable in front of the function; its value in the function.
Value readVariable(OpBuilder &b, func::FuncOp function, llvm::StringRef wanted,
                   RankedTensorType type, ElementsAttr value, Location loc) {
  auto module = function->getParentOfType<ModuleOp>();
  std::string name = wanted.str();
  while (SymbolTable::lookupSymbolIn(module, name))
    name += "_";
  OpBuilder top(function);
  graph::VariableOp::create(top, loc, top.getStringAttr(name), TypeAttr::get(type),
                            top.getStringAttr("trainable"), value);
  return graph::ReadOp::create(b, loc, type, name);
}

} // namespace

/// Weights, floats of the main graph that have more than one element or that nodes take as weights,
/// are variables of the module, so that they can be bound and trained; other constants are just
/// that.
LogicalResult GraphImporter::importInitializers(const ::onnx::GraphProto &graph) {
  bool isWhole = true;
  bool isMain = scopes.size() == 1 && callStack.empty();
  std::set<std::string, std::less<>> weights;
  if (isMain)
    weights = weightNames(graph);
  for (int i = 0; i < graph.initializer_size(); ++i) {
    const ::onnx::TensorProto &tensor = graph.initializer(i);
    Location loc = NameLoc::get(b.getStringAttr(tensor.name()));
    EntryPtr entry = importInitializer(tensor, isMain ? i : -1, loc);
    isWhole &= entry != nullptr;
    scopes.back()[tensor.name()] = entry ? entry : missing();
    if (!entry)
      continue;
    auto constant = entry->tensor.getDefiningOp<graph::ConstantOp>();
    auto type = llvm::cast<RankedTensorType>(entry->tensor.getType());
    bool isWeight = isMain && constant && type.getElementType().isF32() && type.getRank() > 0 &&
                    (type.getNumElements() > 1 || weights.count(tensor.name()));
    if (!isWeight || type.getNumElements() == 0)
      continue;
    entry->tensor = readVariable(b, function, tensor.name(), type, constant.getValue(), loc);
    constant.erase();
  }
  for (const ::onnx::SparseTensorProto &tensor : graph.sparse_initializer()) {
    emitError(NameLoc::get(b.getStringAttr(tensor.values().name())))
        << "the sparse initializer `" << tensor.values().name()
        << "` is not supported; store it dense";
    scopes.back()[tensor.values().name()] = missing();
    isWhole = false;
  }
  hasError |= !isWhole;
  return success(isWhole);
}

EntryPtr GraphImporter::importInitializer(const ::onnx::TensorProto &tensor, int number,
                                          Location loc) {
  auto value = readInitializer(tensor, number, mapped, modelDirectory, loc);
  if (failed(value))
    return nullptr;
  auto type = llvm::cast<RankedTensorType>(value->getType());
  auto entry = std::make_shared<Entry>();
  entry->element = type.getElementType();
  entry->tensor = graph::ConstantOp::create(b, loc, type, *value);
  return entry;
}

Value GraphImporter::tensorOf(Entry &entry, Location loc) {
  if (entry.tensor)
    return entry.tensor;
  if (entry.sequence)
    throw Refusal{Refusal::Invalid, "it needs a tensor and is given a sequence", ""};
  if (entry.isEmptyOptional)
    throw Refusal{Refusal::Invalid, "it needs a tensor and is given an empty optional", ""};
  if (!entry.ints)
    throw Refusal{Refusal::Reported, "", ""};
  // Shapes depend on symbols alone: at the function's start they serve every region.
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.getBody().front());
  llvm::ArrayRef<Dim> elements = entry.ints->elements;
  if (lastBind && llvm::any_of(elements, [&](Dim d) { return isRuntime(d); }))
    b.setInsertionPointAfter(lastBind);
  int64_t count = static_cast<int64_t>(elements.size());
  MLIRContext *context = b.getContext();
  if (llvm::all_of(elements, [](Dim d) { return d.isStatic(); })) {
    auto type = entry.ints->isScalar ? RankedTensorType::get({}, entry.element)
                                     : RankedTensorType::get({count}, entry.element);
    llvm::SmallVector<llvm::APInt> values;
    for (Dim d : elements)
      values.push_back(llvm::APInt(entry.element.getIntOrFloatBitWidth(),
                                   static_cast<uint64_t>(d.value()), false, true));
    return entry.tensor =
               graph::ConstantOp::create(b, loc, type, DenseElementsAttr::get(type, values));
  }
  llvm::SmallVector<Value> parts;
  for (Dim d : elements) {
    auto attribute = graph::DimsAttr::get(context, {d.asAttribute()});
    Value scalar =
        graph::ExtentOp::create(b, loc, RankedTensorType::get({}, entry.element), attribute);
    parts.push_back(entry.ints->isScalar
                        ? scalar
                        : graph::reshape(b, loc, scalar, {Dim::constant(context, 1)}));
  }
  return entry.tensor = parts.size() == 1 ? parts[0] : graph::concat(b, loc, parts, 0);
}

Dim GraphImporter::let(Dim value) {
  if (value.isStatic() || value.asSymbol())
    return value;
  Dim &known = letOf[value.asAttribute()];
  if (known)
    return known;
  std::string name = "let_" + std::to_string(lets.size());
  while (!symbolNames.insert(name).second)
    name += "_";
  if (!isNonNegative(value))
    signedSymbols.insert(name);
  if (dependsOnInputs(value))
    inputSymbols.insert(name);
  if (isRuntime(value))
    runtimeSymbols.insert(name);
  auto dims = graph::DimsAttr::get(b.getContext(), {value.asAttribute()});
  lets.push_back(b.getArrayAttr({b.getStringAttr(name), dims}));
  function->setAttr("graph.lets", b.getArrayAttr(lets));
  return known = Dim::symbol(b.getContext(), name);
}

Value GraphImporter::bindRows(Node &node, Value x, Value count) {
  if (b.getInsertionBlock() != &function.getBody().front())
    node.unsupported("its size is computed inside a loop or branch", "move it out");
  std::string name = "size_" + std::to_string(lets.size());
  while (!symbolNames.insert(name).second)
    name += "_";
  Dims dims = dimsOf(x);
  auto bound = graph::DimsAttr::get(b.getContext(), {dims[0].asAttribute()});
  lets.push_back(b.getArrayAttr({b.getStringAttr(name), bound}));
  function->setAttr("graph.lets", b.getArrayAttr(lets));
  runtimeSymbols.insert(name);
  dims[0] = Dim::symbol(b.getContext(), name);
  auto bind = graph::BindOp::create(b, node.loc, tensorType(dims, graph::elementType(x)), x, count,
                                    b.getStringAttr(name));
  lastBind = bind;
  return bind.getResult();
}

bool GraphImporter::isRuntime(Dim dim) const {
  bool found = false;
  dim.collectSymbols([&](llvm::StringRef name) { found |= runtimeSymbols.count(name) != 0; });
  return found;
}

bool GraphImporter::dependsOnInputs(Dim dim) const {
  bool depends = false;
  dim.collectSymbols([&](llvm::StringRef name) { depends |= inputSymbols.count(name) != 0; });
  return depends;
}

bool GraphImporter::isNonNegative(Dim dim) const {
  return dim.fold<bool>(
      [](int64_t value) { return value >= 0; },
      [&](llvm::StringRef name) { return !signedSymbols.count(name); },
      [](Dim::Op op, bool lhs, bool rhs) { return op == Dim::Op::Max ? lhs || rhs : lhs && rhs; });
}

/// Of strings: one symbol, the bytes of the longest.
std::optional<Ints> GraphImporter::shapeInput(Entry &entry) {
  if (entry.argument < 0)
    return std::nullopt;
  if (llvm::isa<text::StringType>(entry.element)) {
    auto known = function.getArgAttrOfType<ArrayAttr>(entry.argument, "graph.shape_symbols");
    std::string name = known ? llvm::cast<StringAttr>(known[0]).str()
                             : identifier(nameOf(function, entry.argument)) + "_longest";
    while (!known && !symbolNames.insert(name).second)
      name += "_";
    inputSymbols.insert(name);
    function.setArgAttr(entry.argument, "graph.shape_symbols", b.getStrArrayAttr({name}));
    return Ints{{Dim::symbol(b.getContext(), name)}, true};
  }
  auto type = llvm::cast<RankedTensorType>(entry.tensor.getType());
  bool isFloat = llvm::isa<FloatType>(entry.element);
  if (type.getRank() > 1 || !type.hasStaticShape() || type.getNumElements() > kMaxInts)
    return std::nullopt;
  Ints ints;
  ints.isScalar = type.getRank() == 0;
  ints.elements = elementSymbols(entry, type.getNumElements());
  if (isFloat)
    ints.divisor = Dim::constant(b.getContext(), kFixedOne);
  entry.ints = ints;
  return ints;
}

/// Symbols of the first elements of an input of the model.
Dims GraphImporter::elementSymbols(const Entry &entry, int64_t count) {
  auto known = function.getArgAttrOfType<ArrayAttr>(entry.argument, "graph.shape_symbols");
  llvm::SmallVector<Attribute> names(known ? known.getValue() : llvm::ArrayRef<Attribute>());
  std::string base = identifier(nameOf(function, entry.argument));
  while (static_cast<int64_t>(names.size()) < count) {
    std::string name = base + "_" + std::to_string(names.size());
    while (!symbolNames.insert(name).second)
      name += "_";
    signedSymbols.insert(name);
    inputSymbols.insert(name);
    names.push_back(b.getStringAttr(name));
  }
  function.setArgAttr(entry.argument, "graph.shape_symbols", b.getArrayAttr(names));
  Dims elements;
  for (Attribute name : llvm::ArrayRef(names).take_front(count))
    elements.push_back(Dim::symbol(b.getContext(), llvm::cast<StringAttr>(name).getValue()));
  return elements;
}

std::optional<Dims> GraphImporter::elementsUpTo(Entry &entry, int64_t most) {
  auto integer = llvm::dyn_cast_or_null<IntegerType>(entry.element);
  if (entry.argument < 0 || !integer || most > kMaxInts)
    return std::nullopt;
  auto type = llvm::cast<RankedTensorType>(entry.tensor.getType());
  if (type.getRank() != 1 || type.hasStaticShape())
    return std::nullopt;
  return elementSymbols(entry, most);
}

void GraphImporter::fixLength(Entry &entry, int64_t length) {
  if (entry.argument < 0 || length < 0 || length > kMaxInts)
    return;
  auto type = llvm::cast<RankedTensorType>(entry.tensor.getType());
  if (type.getRank() != 1 || type.hasStaticShape() || !entry.tensor.use_empty() ||
      function.getArgAttr(entry.argument, "graph.shape_symbols"))
    return;
  entry.tensor.setType(RankedTensorType::get({length}, entry.element));
  function.setFunctionType(b.getFunctionType(function.getBody().front().getArgumentTypes(), {}));
}

std::optional<int64_t> GraphImporter::declaredRank(llvm::StringRef name) const {
  if (scopes.size() != 1 || !callStack.empty())
    return std::nullopt;
  for (const auto *list : {&model.graph().output(), &model.graph().value_info()})
    for (const ::onnx::ValueInfoProto &value : *list)
      if (value.name() == name && value.type().tensor_type().has_shape())
        return value.type().tensor_type().shape().dim_size();
  return std::nullopt;
}

std::optional<Ints> GraphImporter::intsOf(Entry &entry) {
  if (entry.ints || entry.sequence || !entry.element)
    return entry.ints;
  if (entry.tensor) {
    if (auto constant = entry.tensor.getDefiningOp<graph::ConstantOp>())
      entry.ints = intsOfConstant(b.getContext(), constant);
    if (entry.ints)
      return entry.ints;
    if ((!llvm::isa<IntegerType>(entry.element) && !entry.maker) || graph::rankOf(entry.tensor) > 1)
      return std::nullopt;
  }
  if (entry.argument >= 0)
    return shapeInput(entry);
  if (entry.maker && intsDepth < 1000) {
    ++intsDepth;
    Node *maker = std::exchange(entry.maker, nullptr); // asked once
    const Row *row = findRow("", maker->proto.op_type());
    if (row && row->ints)
      entry.ints = row->ints(*maker);
    --intsDepth;
    if (entry.ints)
      return entry.ints;
  }
  if (!llvm::isa<IntegerType>(entry.element))
    return std::nullopt;
  if (auto value = constantOf(entry);
      value && !value->isFloat() && value->rank() <= 1 && value->numElements() <= kMaxInts) {
    entry.ints.emplace();
    entry.ints->isScalar = value->rank() == 0;
    for (int64_t i = 0; i < value->numElements(); ++i)
      entry.ints->elements.push_back(Dim::constant(b.getContext(), value->integer(i)));
  }
  return entry.ints;
}

std::optional<Ints> GraphImporter::fractionsOf(Entry &entry) {
  if (std::optional<Ints> known = intsOf(entry))
    return known;
  if (entry.sequence || !llvm::isa_and_present<FloatType>(entry.element))
    return std::nullopt;
  std::optional<reference::Tensor> value = constantOf(entry);
  if (!value)
    return shapeInput(entry);
  if (value->rank() > 1 || value->numElements() > kMaxInts)
    return std::nullopt;
  Ints ints{{}, value->rank() == 0, Dim::constant(b.getContext(), kFixedOne)};
  for (int64_t i = 0; i < value->numElements(); ++i)
    ints.elements.push_back(Dim::constant(
        b.getContext(), static_cast<int64_t>(std::clamp(value->real(i), -1e9, 1e9) * kFixedOne)));
  entry.ints = ints;
  return ints;
}

/// Whether the type has sizes that are known, and few elements.
static bool isFoldable(RankedTensorType type) {
  int64_t count = 1;
  for (int64_t size : type.getShape())
    if (ShapedType::isDynamic(size) || size < 0 || llvm::MulOverflow(count, size, count))
      return false;
  return count <= kMaxFoldedElements;
}

/// Whether an attribute of the op names sizes that are not known.
static bool hasSymbolicDims(Operation *op) {
  return llvm::any_of(op->getAttrDictionary(), [](NamedAttribute attribute) {
    auto dims = llvm::dyn_cast<graph::DimsAttr>(attribute.getValue());
    return dims && llvm::any_of(dims.getExprs(), [](Attribute d) { return !Dim(d).isStatic(); });
  });
}

/// Computes the value with the interpreter where everything behind it is constant.
std::optional<reference::Tensor> GraphImporter::constantOf(Entry &entry) {
  if (!entry.tensor) {
    if (!entry.ints || !llvm::all_of(entry.ints->elements, [](Dim d) { return d.isStatic(); }))
      return std::nullopt;
    (void)tensorOf(entry, b.getUnknownLoc());
  }
  makeConstant(entry, module);
  llvm::SetVector<Operation *> slice;
  llvm::SmallVector<Value> work = {entry.tensor};
  while (!work.empty()) {
    Value value = work.pop_back_val();
    Operation *op = value.getDefiningOp();
    auto type = llvm::cast<RankedTensorType>(value.getType());
    if (!op || !isFoldable(type) || slice.size() > kMaxFoldedOps || op->getNumRegions() != 0 ||
        !isPure(op) || hasSymbolicDims(op))
      return std::nullopt;
    if (slice.insert(op))
      llvm::append_range(work, op->getOperands());
  }
  llvm::SmallVector<Operation *> ordered(slice.getArrayRef());
  llvm::sort(ordered, [](Operation *l, Operation *r) {
    return l->getBlock() == r->getBlock() && l->isBeforeInBlock(r);
  });
  for (Operation *op : ordered)
    if (op->getBlock() != ordered.front()->getBlock())
      return std::nullopt;
  OwningOpRef<ModuleOp> folded = ModuleOp::create(b.getUnknownLoc());
  OpBuilder inner(folded->getBodyRegion());
  auto foldFunction = func::FuncOp::create(inner, b.getUnknownLoc(), "fold",
                                           b.getFunctionType({}, {entry.tensor.getType()}));
  inner.setInsertionPointToStart(foldFunction.addEntryBlock());
  IRMapping mapping;
  for (Operation *op : ordered)
    inner.clone(*op, mapping);
  func::ReturnOp::create(inner, b.getUnknownLoc(), mapping.lookup(entry.tensor));
  if (failed(verify(*folded))) // the interpreter takes verified ops only; the reason is reported
    throw Refusal{Refusal::Reported, "", ""};
  auto values = reference::Interpreter(*folded).run("fold", {});
  if (failed(values))
    return std::nullopt;
  return (*values)[0];
}

} // namespace ingot::onnx
