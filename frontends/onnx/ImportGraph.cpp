// Walking a graph: names, nodes, functions, outputs. See ImportGraph.h; what rules ask about values
// is in Entries.cpp.
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/OpTable.h"
#include "frontends/onnx/Tensors.h"
#include "frontends/onnx/Upgrade.h"
#include "frontends/onnx/ops/Rules.h"
#include "ir/Text.h"
#include "ir/ops/Custom.h"

using namespace mlir;

namespace ingot {

std::string describe(const OnnxUnsupported &unsupported) {
  size_t count = unsupported.nodes.size();
  std::string nodes;
  for (const std::string &name : llvm::ArrayRef(unsupported.nodes).take_front(5))
    nodes += (nodes.empty() ? "`" : ", `") + name + "`";
  return "`" + unsupported.op + "` (" +
         (unsupported.domain.empty() ? "ai.onnx" : unsupported.domain) + " " +
         std::to_string(unsupported.version) + ") is not supported: " + unsupported.reason +
         (unsupported.workaround.empty() ? "" : "; " + unsupported.workaround) + " (" +
         std::to_string(count) + (count == 1 ? " node: " : " nodes: ") + nodes +
         (count > 5 ? ", …)" : ")");
}

} // namespace ingot

namespace ingot::onnx {
namespace {

/// More nodes than this, counted with those of called functions, come from no exporter.
constexpr size_t kMaxNodes = 1'000'000;

/// "ai.onnx" is also written "".
std::string canonicalDomain(llvm::StringRef domain) {
  return domain == "ai.onnx" ? "" : domain.str();
}

/// What to do about an operator that is not known.
std::string howToReplace(llvm::StringRef domain) {
  return domain.empty()
             ? "check its name and the model's operator set, or export with another one"
             : "it is no operator of ONNX: export without the extensions of `" + domain.str() +
                   "`, make it a function of the model, or give its code with --custom-op";
}

/// Fills in the attributes that a function's node takes from the call; those that the call leaves
/// out disappear. Subgraphs too.
void bindAttributes(::onnx::NodeProto &node,
                    const std::map<std::string, const ::onnx::AttributeProto *> &given) {
  google::protobuf::RepeatedPtrField<::onnx::AttributeProto> kept;
  for (::onnx::AttributeProto &attribute : *node.mutable_attribute()) {
    if (attribute.ref_attr_name().empty()) {
      if (attribute.has_g())
        for (::onnx::NodeProto &inner : *attribute.mutable_g()->mutable_node())
          bindAttributes(inner, given);
      *kept.Add() = std::move(attribute);
    } else if (auto it = given.find(attribute.ref_attr_name()); it != given.end()) {
      ::onnx::AttributeProto *bound = kept.Add();
      *bound = *it->second;
      bound->set_name(attribute.name());
    }
  }
  node.mutable_attribute()->Swap(&kept);
}

} // namespace

GraphImporter::GraphImporter(const ::onnx::ModelProto &model, std::string directory,
                             const OnnxOptions &options, ModuleOp module)
    : b(module.getContext()), model(model), modelDirectory(std::move(directory)), options(options),
      module(module) {
  for (const ::onnx::OperatorSetIdProto &set : model.opset_import())
    versions[canonicalDomain(set.domain())] = set.version();
}

LogicalResult GraphImporter::import(bool reportsUnsupported) {
  (void)declareCustomOps();
  // Where an input or initializer is wrong, nodes that do not need it are looked at all the same.
  makeFunction();
  (void)importInitializers(model.graph());
  for (const ::onnx::NodeProto &node : model.graph().node())
    importNode(node);
  if (reportsUnsupported)
    reportUnsupported();
  return hasError || !refused.empty() ? failure() : finishFunction();
}

// Inputs and outputs.

void GraphImporter::makeFunction() {
  b.setInsertionPointToEnd(module.getBody());
  Location loc = NameLoc::get(b.getStringAttr("predict"));
  std::set<std::string, std::less<>> given;
  for (const ::onnx::TensorProto &tensor : model.graph().initializer())
    given.insert(tensor.name());
  std::vector<std::pair<std::string, Type>> arguments;
  scopes.emplace_back();
  for (const ::onnx::ValueInfoProto &input : model.graph().input()) {
    if (given.count(input.name()))
      continue; // before IR version 4 initializers were listed among the inputs
    EntryPtr entry = makeInput(input.name(), input.type(), arguments);
    hasError |= !entry;
    scopes.back()[input.name()] = entry ? entry : missing();
  }
  llvm::SmallVector<Type> types;
  for (const auto &[name, type] : arguments)
    types.push_back(type);
  function = func::FuncOp::create(b, loc, "predict", b.getFunctionType(types, {}));
  b.setInsertionPointToEnd(function.addEntryBlock());
  std::function<void(Entry &)> bind = [&](Entry &entry) {
    if (entry.argument >= 0)
      entry.tensor = function.getArgument(static_cast<unsigned>(entry.argument));
    if (entry.sequence)
      for (const EntryPtr &element : *entry.sequence)
        bind(*element);
  };
  for (auto &[name, entry] : scopes.back())
    bind(*entry);
  for (auto [i, argument] : llvm::enumerate(arguments))
    function.setArgAttr(i, "graph.name", b.getStringAttr(argument.first));
  llvm::SmallVector<Attribute> bounds;
  for (const auto &[name, range] : symbolBounds)
    bounds.push_back(b.getArrayAttr(
        {b.getStringAttr(name), b.getDenseI64ArrayAttr({range.first, range.second})}));
  if (!bounds.empty())
    function->setAttr("graph.bounds", b.getArrayAttr(bounds));
}

namespace {

/// The tensors that an output is made of: itself, or `name[0]`, `name[1]`, … of a sequence; nothing
/// of an empty optional.
void flatten(const std::string &name, const EntryPtr &entry,
             std::vector<std::pair<std::string, EntryPtr>> &outputs) {
  if (entry->sequence)
    for (auto [i, element] : llvm::enumerate(*entry->sequence))
      flatten(name + "[" + std::to_string(i) + "]", element, outputs);
  else if (!entry->isEmptyOptional)
    outputs.emplace_back(name, entry);
}

} // namespace

void GraphImporter::addIntermediates(std::vector<std::pair<std::string, EntryPtr>> &outputs) {
  std::set<std::string, std::less<>> there;
  for (const auto &[name, entry] : outputs)
    there.insert(name);
  std::vector<std::pair<std::string, EntryPtr>> made;
  for (const ::onnx::NodeProto &node : model.graph().node())
    for (const std::string &name : node.output())
      if (EntryPtr entry = name.empty() ? nullptr : lookup(name); entry && !entry->isMissing)
        flatten(name, entry, made);
  for (auto &[name, entry] : made)
    if ((entry->tensor || entry->ints) && there.insert(name).second)
      outputs.emplace_back(std::move(name), std::move(entry));
}

LogicalResult GraphImporter::finishFunction() {
  std::vector<std::pair<std::string, EntryPtr>> outputs;
  for (const ::onnx::ValueInfoProto &output : model.graph().output()) {
    EntryPtr entry = lookup(output.name());
    if (!entry)
      return emitError(NameLoc::get(b.getStringAttr(output.name())))
             << "no node makes the model's output `" << output.name() << "`";
    flatten(output.name(), entry, outputs);
  }
  if (options.intermediates)
    addIntermediates(outputs);
  llvm::SmallVector<Value> results;
  for (const auto &[name, entry] : outputs) {
    Location loc = NameLoc::get(b.getStringAttr(name));
    try {
      results.push_back(tensorOf(*entry, loc));
    } catch (const Refusal &refusal) {
      return emitError(loc) << "the model's output `" << name << "`: " << refusal.reason;
    }
  }
  func::ReturnOp::create(b, function.getLoc(), results);
  function.setFunctionType(
      b.getFunctionType(function.getArgumentTypes(), ValueRange(results).getTypes()));
  for (auto [i, output] : llvm::enumerate(outputs))
    function.setResultAttr(i, "graph.name", b.getStringAttr(output.first));
  return success();
}

// Nodes.

std::string GraphImporter::nodeName(const ::onnx::NodeProto &proto) const {
  std::string name = proto.name();
  for (const std::string &output : proto.output())
    if (name.empty())
      name = output;
  std::string prefix;
  for (const std::string &call : callStack)
    prefix += call + "/";
  return prefix + (name.empty() ? proto.op_type() : name);
}

EntryPtr GraphImporter::lookup(llvm::StringRef name) {
  for (Scope &scope : llvm::reverse(scopes))
    if (auto it = scope.find(name); it != scope.end())
      return it->second;
  return nullptr;
}

Value GraphImporter::namedTensor(Node &node, llvm::StringRef name) {
  EntryPtr entry = lookup(name);
  if (!entry)
    node.invalid("it names `" + name + "`, which nothing before it makes");
  return tensorOf(*entry, node.loc);
}

int64_t GraphImporter::versionOf(llvm::StringRef domain) const {
  auto it = versions.find(domain);
  return it == versions.end() ? 1 : it->second;
}

void GraphImporter::define(const ::onnx::NodeProto &proto, llvm::ArrayRef<EntryPtr> outputs) {
  for (auto [i, name] : llvm::enumerate(proto.output())) {
    if (name.empty())
      continue;
    EntryPtr entry = i < outputs.size() && outputs[i] ? outputs[i] : missing();
    if (scopes.back().emplace(name, entry).second)
      continue;
    emitError(NameLoc::get(b.getStringAttr(nodeName(proto))))
        << "`" << name << "` is made twice; every tensor has one node that makes it";
    hasError = true;
  }
}

void GraphImporter::importNode(const ::onnx::NodeProto &proto) {
  Location loc = NameLoc::get(b.getStringAttr(nodeName(proto)));
  if (++nodeCount > kMaxNodes) {
    if (nodeCount == kMaxNodes + 1)
      emitError(loc) << "the model has more than " << kMaxNodes << " nodes";
    hasError = true;
    return define(proto, {});
  }
  std::vector<EntryPtr> inputs;
  bool isBlocked = false;
  for (const std::string &name : proto.input()) {
    inputs.push_back(name.empty() ? nullptr : lookup(name));
    if (!name.empty() && !inputs.back()) {
      emitError(loc) << "it reads `" << name << "`, which nothing before it makes";
      hasError = isBlocked = true;
    }
    isBlocked |= inputs.back() && inputs.back()->isMissing;
  }
  std::string domain = canonicalDomain(proto.domain());
  int64_t version = versionOf(domain);
  graph::CustomOpOp custom = customOp(domain, proto.op_type(), version);
  const ::onnx::FunctionProto *called = functionOf(proto);
  const Row *row = findRow(domain, proto.op_type());
  if (isBlocked || (!custom && !called && !row)) {
    noteUnknown(proto);
    return define(proto, {});
  }
  if (custom) {
    Node node(*this, proto, version, std::move(inputs), loc);
    return run(node, proto.op_type(), [&] { callCustomOp(node, custom); });
  }
  if (called)
    return callFunction(*called, proto, inputs);
  runRule(*row, std::make_unique<Node>(*this, proto, version, std::move(inputs), loc));
}

static bool holdsText(const Entry &entry) {
  if (entry.sequence)
    return llvm::any_of(*entry.sequence, [](const EntryPtr &part) { return holdsText(*part); });
  return entry.element && llvm::isa<text::StringType>(entry.element);
}

/// Rules compute with elements as numbers unless they say that they do not.
static void refuseText(Node &node) {
  for (auto [i, input] : llvm::enumerate(node.inputs))
    if (input && holdsText(*input))
      node.unsupported("its input `" + node.inputName(i) + "` holds strings",
                       "turn them into numbers before (LabelEncoder does)");
}

Node *GraphImporter::keep(std::unique_ptr<Node> node) {
  return keptNodes.emplace_back(std::move(node)).get();
}

void GraphImporter::runRule(const Row &row, std::unique_ptr<Node> node) {
  run(*node, row.name, [&] {
    upgrade(*node);
    if (!row.takesText)
      refuseText(*node);
    row.rule(*node);
    if (row.ints && node->outputs.size() == 1 && node->outputs[0]) {
      node->outputs[0]->maker = node.get();
      // Now, where no input needs to be asked: asking later would recurse through the whole chain.
      // Truths are seldom asked for, and take names of their own.
      Type element = node->outputs[0]->element;
      if (element && !element.isInteger(1) &&
          llvm::all_of(node->inputs, [](const EntryPtr &input) { return !input || input->ints; }))
        (void)intsOf(*node->outputs[0]);
    }
  });
  if (row.ints)
    keep(std::move(node)); // its output may ask it
}

namespace {
/// What an op's own shape rule refused is refused in the node, and reported already.
void runRefusing(llvm::function_ref<void()> make) {
  try {
    make();
  } catch (const graph::IllTyped &) {
    throw Refusal{Refusal::Reported, "", ""};
  }
}
} // namespace

void GraphImporter::run(Node &node, llvm::StringRef what, llvm::function_ref<void()> make) {
  auto where = b.saveInsertionPoint();
  try {
    runRefusing(make);
  } catch (const Refusal &refusal) {
    b.restoreInsertionPoint(where);
    node.outputs.clear();
    if (refusal.kind == Refusal::Unsupported)
      noteUnsupported(node.proto, node.version, refusal, node.loc);
    else
      hasError = true;
    if (refusal.kind == Refusal::Invalid)
      emitError(node.loc) << what << ": " << refusal.reason;
  }
  define(node.proto, node.outputs);
}

graph::CustomOpOp GraphImporter::customOp(llvm::StringRef domain, llvm::StringRef name,
                                          int64_t version) {
  if (!options.customOps)
    return {};
  std::string full = ((domain.empty() ? "ai.onnx" : domain) + "::" + name).str();
  ModuleOp given = options.customOps;
  for (auto op : given.getOps<graph::CustomOpOp>()) {
    auto versions = op->getAttrOfType<DenseI64ArrayAttr>("graph.versions");
    if (op.getSymName().split('@').first == full &&
        (!versions || (versions[0] <= version && version <= versions[1])))
      return op;
  }
  return {};
}

LogicalResult GraphImporter::declareCustomOps() {
  if (!options.customOps)
    return success();
  ModuleOp given = options.customOps;
  b.setInsertionPointToEnd(module.getBody());
  for (auto op : given.getOps<graph::CustomOpOp>()) {
    auto [domain, name] = op.getSymName().split('@').first.split("::");
    if (findRow(canonicalDomain(domain), name))
      return emitError(op.getLoc()) << "`" << domain << "::" << name
                                    << "` is an operator that Ingot compiles itself; give the "
                                       "custom op, and its nodes, a domain of their own";
    b.clone(*op);
  }
  return success();
}

const ::onnx::FunctionProto *GraphImporter::functionOf(const ::onnx::NodeProto &proto) const {
  std::string domain = canonicalDomain(proto.domain());
  const ::onnx::FunctionProto *called = nullptr;
  for (const ::onnx::FunctionProto &function : model.functions())
    if (function.name() == proto.op_type() && canonicalDomain(function.domain()) == domain &&
        function.overload() == proto.overload())
      called = &function;
  return called;
}

void GraphImporter::callFunction(const ::onnx::FunctionProto &called,
                                 const ::onnx::NodeProto &proto,
                                 const std::vector<EntryPtr> &inputs) {
  if (activeFunctions.count(&called)) {
    emitError(NameLoc::get(b.getStringAttr(nodeName(proto))))
        << "the function `" << proto.op_type() << "` calls itself";
    hasError = true;
    return define(proto, {});
  }
  std::map<std::string, const ::onnx::AttributeProto *> attributes;
  for (const ::onnx::AttributeProto &attribute : called.attribute_proto())
    attributes[attribute.name()] = &attribute; // defaults
  for (const ::onnx::AttributeProto &attribute : proto.attribute())
    attributes[attribute.name()] = &attribute;
  Scope scope;
  for (auto [i, input] : llvm::enumerate(called.input()))
    scope[input] = i < inputs.size() ? inputs[i] : nullptr;
  std::vector<Scope> outerScopes = std::exchange(scopes, {std::move(scope)});
  auto outerVersions = versions;
  for (const ::onnx::OperatorSetIdProto &set : called.opset_import())
    versions[canonicalDomain(set.domain())] = set.version();
  callStack.push_back(proto.name().empty() ? proto.op_type() : proto.name());
  activeFunctions.insert(&called);
  for (::onnx::NodeProto node : called.node()) {
    bindAttributes(node, attributes);
    // What the call leaves out is left out inside.
    for (std::string &input : *node.mutable_input())
      if (auto it = scopes.front().find(input); it != scopes.front().end() && !it->second)
        input.clear();
    importNode(node);
  }
  std::vector<EntryPtr> outputs;
  for (const std::string &output : called.output())
    outputs.push_back(lookup(output));
  activeFunctions.erase(&called);
  callStack.pop_back();
  scopes = std::move(outerScopes);
  versions = std::move(outerVersions);
  define(proto, outputs);
}

std::vector<EntryPtr> GraphImporter::importSubgraph(const ::onnx::GraphProto &graph,
                                                    llvm::ArrayRef<EntryPtr> arguments) {
  scopes.emplace_back();
  for (auto [i, input] : llvm::enumerate(graph.input()))
    if (i < arguments.size())
      scopes.back()[input.name()] = arguments[i];
  std::vector<EntryPtr> outputs;
  bool isComplete = succeeded(importInitializers(graph));
  if (isComplete)
    for (const ::onnx::NodeProto &node : graph.node())
      importNode(node);
  for (const ::onnx::ValueInfoProto &output : graph.output()) {
    EntryPtr entry = lookup(output.name());
    if (!entry)
      emitError(NameLoc::get(b.getStringAttr(output.name())))
          << "no node makes the output `" << output.name() << "` of a subgraph";
    isComplete &= entry && !entry->isMissing;
    outputs.push_back(std::move(entry));
  }
  scopes.pop_back();
  if (isComplete)
    return outputs;
  throw Refusal{Refusal::Reported, "", ""};
}

bool GraphImporter::attempt(llvm::function_ref<void()> make) {
  auto refusedBefore = refused;
  bool hadError = std::exchange(hasError, false);
  auto where = b.saveInsertionPoint();
  bool isMade = true;
  {
    ScopedDiagnosticHandler silent(b.getContext(), [](Diagnostic &) { return success(); });
    try {
      runRefusing(make);
    } catch (const Refusal &) {
      isMade = false;
    }
  }
  isMade &= !hasError;
  if (!isMade) {
    b.restoreInsertionPoint(where);
    refused = std::move(refusedBefore);
  }
  hasError = hadError;
  return isMade;
}

// What is not supported.

void GraphImporter::noteUnsupported(const ::onnx::NodeProto &proto, int64_t version,
                                    const Refusal &refusal, Location loc) {
  std::string domain = canonicalDomain(proto.domain());
  std::string key = domain + "/" + proto.op_type() + "/" + refusal.reason;
  OnnxUnsupported what{proto.op_type(), domain, version, refusal.reason, refusal.workaround, {}};
  auto [it, isNew] = refused.try_emplace(key, Unsupported{std::move(what), loc});
  it->second.what.nodes.push_back(nodeName(proto));
}

/// Of a node that no rule sees, for its inputs are missing or it has none: the operators that are
/// not known, also of the graphs in it and of the function that it calls.
void GraphImporter::noteUnknown(const ::onnx::NodeProto &proto) {
  if (++nodeCount > kMaxNodes)
    return;
  for (const ::onnx::AttributeProto &attribute : proto.attribute())
    for (const ::onnx::NodeProto &inner : attribute.g().node())
      noteUnknown(inner);
  std::string domain = canonicalDomain(proto.domain());
  if (customOp(domain, proto.op_type(), versionOf(domain)))
    return;
  const ::onnx::FunctionProto *called = functionOf(proto);
  if (!called && !findRow(domain, proto.op_type()))
    noteUnsupported(proto, versionOf(domain),
                    {Refusal::Unsupported, "the operator is not known", howToReplace(domain)},
                    NameLoc::get(b.getStringAttr(nodeName(proto))));
  if (!called || !activeFunctions.insert(called).second)
    return;
  auto outerVersions = versions;
  for (const ::onnx::OperatorSetIdProto &set : called->opset_import())
    versions[canonicalDomain(set.domain())] = set.version();
  callStack.push_back(proto.name().empty() ? proto.op_type() : proto.name());
  for (const ::onnx::NodeProto &node : called->node())
    noteUnknown(node);
  callStack.pop_back();
  versions = std::move(outerVersions);
  activeFunctions.erase(called);
}

void GraphImporter::reportUnsupported() {
  for (const auto &[key, unsupported] : refused)
    emitError(unsupported.loc) << describe(unsupported.what);
}

std::vector<OnnxUnsupported> GraphImporter::unsupported() const {
  std::vector<OnnxUnsupported> all;
  for (const auto &[key, unsupported] : refused)
    all.push_back(unsupported.what);
  return all;
}

std::map<std::string, RankedTensorType> GraphImporter::tensorTypes() const {
  std::map<std::string, RankedTensorType> types;
  for (const auto &[name, entry] : scopes.front())
    if (entry->tensor)
      types[name] = llvm::cast<RankedTensorType>(entry->tensor.getType());
    else if (entry->ints && entry->ints->isScalar)
      types[name] = RankedTensorType::get({}, entry->element);
    else if (entry->ints)
      types[name] = RankedTensorType::get({static_cast<int64_t>(entry->ints->elements.size())},
                                          entry->element);
  return types;
}

} // namespace ingot::onnx
