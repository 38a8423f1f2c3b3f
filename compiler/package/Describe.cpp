// See Describe.h.
#include "compiler/package/Describe.h"
#include "compiler/fusion/Work.h"
#include "compiler/memory/FitBudget.h"
#include "ir/Text.h"
#include "ir/exec/Control.h"
#include "ir/exec/Custom.h"
#include "ir/reference/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace ingot {

static ingot_dtype smallFloatOf(FloatType element) {
  return llvm::TypeSwitch<Type, ingot_dtype>(element)
      .Case([](Float8E4M3FNType) { return INGOT_F8E4M3FN; })
      .Case([](Float8E4M3FNUZType) { return INGOT_F8E4M3FNUZ; })
      .Case([](Float8E5M2Type) { return INGOT_F8E5M2; })
      .Case([](Float8E5M2FNUZType) { return INGOT_F8E5M2FNUZ; })
      .Case([](Float8E8M0FNUType) { return INGOT_F8E8M0FNU; })
      .Default(INGOT_F4E2M1FN);
}

ingot_dtype dtypeOf(Type element) {
  if (element.isF32())
    return INGOT_F32;
  if (element.isF64())
    return INGOT_F64;
  if (element.isF16())
    return INGOT_F16;
  if (element.isBF16())
    return INGOT_BF16;
  if (auto small = llvm::dyn_cast<FloatType>(element))
    return smallFloatOf(small);
  if (reference::isText(element))
    return INGOT_STRING;
  bool isUnsigned = element.isUnsignedInteger();
  switch (element.getIntOrFloatBitWidth()) {
  case 1:
    return INGOT_BOOL;
  case 2:
    return isUnsigned ? INGOT_U2 : INGOT_I2;
  case 4:
    return isUnsigned ? INGOT_U4 : INGOT_I4;
  case 8:
    return isUnsigned ? INGOT_U8 : INGOT_I8;
  case 16:
    return isUnsigned ? INGOT_U16 : INGOT_I16;
  case 32:
    return isUnsigned ? INGOT_U32 : INGOT_I32;
  default:
    return isUnsigned ? INGOT_U64 : INGOT_I64;
  }
}

namespace {

uint64_t roleFlags(llvm::StringRef role) {
  if (role == "trainable")
    return INGOT_VARIABLE_TRAINABLE;
  if (role == "optimizer")
    return INGOT_VARIABLE_OPTIMIZER;
  if (role == "control")
    return INGOT_VARIABLE_CONTROL;
  return 0;
}

/// The number of the symbol, which is added when it is new.
int64_t symbolNumber(FunctionDescription &function, llvm::StringRef name) {
  auto it = llvm::find(function.symbols, name.str());
  int64_t number = it - function.symbols.begin();
  if (it == function.symbols.end()) {
    function.symbols.push_back(name.str());
    function.sources.emplace_back();
  }
  return number;
}

/// The symbols in an input's shape, and those that stand for its elements.
void addSymbols(ArrayAttr entry, int64_t input, FunctionDescription &function) {
  auto type = llvm::cast<RankedTensorType>(llvm::cast<TypeAttr>(entry[1]).getValue());
  for (auto [axis, d] : llvm::enumerate(dimsOf(type))) {
    d.collectSymbols([&](llvm::StringRef name) { symbolNumber(function, name); });
    if (auto name = d.asSymbol())
      if (auto &source = function.sources[symbolNumber(function, *name)]; source.input < 0)
        source = {INGOT_SYMBOL_EXTENT, input, static_cast<int64_t>(axis)};
  }
  if (entry.size() < 3)
    return;
  Type element = type.getElementType();
  ingot_symbol_kind kind = llvm::isa<FloatType>(element) ? INGOT_SYMBOL_FIXED_POINT
                           : reference::isText(element)  ? INGOT_SYMBOL_LONGEST_TEXT
                           : type.hasStaticShape()       ? INGOT_SYMBOL_VALUE
                                                         : INGOT_SYMBOL_VALUE_IF_ANY;
  for (auto [i, name] : llvm::enumerate(llvm::cast<ArrayAttr>(entry[2])))
    function.sources[symbolNumber(function, llvm::cast<StringAttr>(name).getValue())] = {
        kind, input, static_cast<int64_t>(i)};
}

TensorDescription describeTensor(ArrayAttr entry, const std::vector<std::string> &symbols) {
  TensorDescription tensor;
  auto type = llvm::cast<RankedTensorType>(llvm::cast<TypeAttr>(entry[1]).getValue());
  tensor.name = llvm::cast<StringAttr>(entry[0]).str();
  tensor.dtype = dtypeOf(type.getElementType());
  for (Dim d : dimsOf(type)) {
    DimDescription dim;
    dim.text = d.str();
    if (d.isStatic())
      dim.size = d.value();
    else if (auto name = d.asSymbol(); name && llvm::is_contained(symbols, name->str()))
      dim.symbol = llvm::find(symbols, name->str()) - symbols.begin(); // else the plan's own
    tensor.dims.push_back(dim);
  }
  return tensor;
}

bool readsDerived(func::FuncOp function) {
  auto module = function->getParentOfType<ModuleOp>();
  auto found = function.walk([&](exec::ReadVariableOp read) {
    auto variable = module.lookupSymbol<graph::VariableOp>(read.getVariable());
    return variable && variable.getRole() == "derived" ? WalkResult::interrupt()
                                                       : WalkResult::advance();
  });
  return found.wasInterrupted();
}

/// Names of the inputs that take an output's value of the run before (graph.carries; see
/// compiler/prepare/CheckModel.cpp).
llvm::SmallVector<Attribute> carriedInputs(func::FuncOp function) {
  llvm::SmallVector<Attribute> names;
  if (auto carries = function->getAttrOfType<ArrayAttr>("graph.carries"))
    for (Attribute carry : carries)
      names.push_back(llvm::cast<ArrayAttr>(carry)[1]);
  return names;
}

void describeCarries(func::FuncOp function, ArtifactDescription &artifact) {
  const FunctionDescription &description = artifact.functions.back();
  auto numberOf = [](const std::vector<TensorDescription> &tensors, Attribute name) {
    auto it = llvm::find_if(tensors, [&](const TensorDescription &tensor) {
      return tensor.name == llvm::cast<StringAttr>(name).getValue();
    });
    return static_cast<int64_t>(it - tensors.begin());
  };
  if (auto carries = function->getAttrOfType<ArrayAttr>("graph.carries"))
    for (Attribute entry : carries) {
      auto carry = llvm::cast<ArrayAttr>(entry);
      artifact.carries.push_back({static_cast<int64_t>(artifact.functions.size()) - 1,
                                  numberOf(description.outputs, carry[0]),
                                  numberOf(description.inputs, carry[1])});
    }
}

FunctionDescription describeFunction(func::FuncOp function) {
  FunctionDescription description;
  description.name = function.getName().str();
  description.planSymbol = description.name + ".plan";
  description.runSymbol = description.name + ".run";
  auto inputs = function->getAttrOfType<ArrayAttr>("exec.inputs");
  auto outputs = function->getAttrOfType<ArrayAttr>("exec.outputs");
  // Symbols come from what the caller gives at each run, where they can.
  for (bool isCarried : {false, true})
    for (auto [i, entry] : llvm::enumerate(inputs))
      if (llvm::is_contained(carriedInputs(function), llvm::cast<ArrayAttr>(entry)[0]) == isCarried)
        addSymbols(llvm::cast<ArrayAttr>(entry), static_cast<int64_t>(i), description);
  if (auto bounds = function->getAttrOfType<ArrayAttr>("graph.bounds"))
    for (auto bound : bounds.getAsRange<ArrayAttr>()) {
      auto range = llvm::cast<DenseI64ArrayAttr>(bound[1]);
      description.bounds.push_back(
          {symbolNumber(description, llvm::cast<StringAttr>(bound[0]).getValue()), range[0],
           range[1]});
    }
  for (Attribute entry : inputs)
    description.inputs.push_back(describeTensor(llvm::cast<ArrayAttr>(entry), description.symbols));
  for (Attribute entry : outputs)
    description.outputs.push_back(
        describeTensor(llvm::cast<ArrayAttr>(entry), description.symbols));
  description.recomputation = recomputationOf(function);
  if (!function.getBody().getOps<exec::AssignVariableOp>().empty())
    description.flags |= INGOT_FUNCTION_WRITES_STATE;
  if (!readsDerived(function))
    description.flags |= INGOT_FUNCTION_CANONICAL;
  function.walk([&](exec::CustomCallOp call) {
    if (!call.getThreadSafe())
      description.flags |= INGOT_FUNCTION_EXCLUSIVE;
  });
  return description;
}

void describeCustomCall(exec::CustomCallOp call, const CompileOptions &options,
                        std::vector<CustomOpDescription> &list) {
  std::string name = call.getCallee().str();
  auto known = llvm::find_if(list, [&](const CustomOpDescription &op) { return op.name == name; });
  if (known == list.end()) {
    CustomOpDescription added;
    added.name = name;
    added.function = call.getFunction().str();
    added.threadSafe = call.getThreadSafe();
    added.deterministic = call.getDeterministic();
    added.parallel = call.getParallel();
    if (auto code = options.customCode.find(name); code != options.customCode.end()) {
      added.staticData = code->second.staticData;
      added.needs = code->second.needs;
      for (const std::string &library : code->second.libraries)
        added.libraries.push_back(llvm::sys::path::filename(library).str());
    }
    list.push_back(std::move(added));
    known = std::prev(list.end());
  }
  bool hasWorkspace = call.getResults().size() > call.getNumOutputs();
  known->calls.push_back({call->getParentOfType<func::FuncOp>().getName().str(),
                          graph::layerName(call.getLoc()),
                          hasWorkspace ? dimsOf(call.getResults().back())[0].str() : "0"});
}

} // namespace

ArtifactDescription describeArtifact(ModuleOp planned, const CompileOptions &options) {
  ArtifactDescription artifact;
  artifact.name = options.name;
  auto place = [&](graph::VariableOp variable, std::vector<VariableDescription> &list) {
    auto type = llvm::cast<RankedTensorType>(variable.getType());
    VariableDescription v;
    v.name = variable.getSymName().str();
    v.dtype = dtypeOf(type.getElementType());
    v.shape.assign(type.getShape().begin(), type.getShape().end());
    v.offset = artifact.stateBytes;
    v.bytes = reference::storedBytes(type.getElementType(), type.getNumElements());
    v.flags = roleFlags(variable.getRole());
    artifact.stateBytes += llvm::alignTo(v.bytes, INGOT_ALIGNMENT);
    list.push_back(std::move(v));
  };
  // The canonical region first, then the derived one.
  for (auto variable : planned.getOps<graph::VariableOp>())
    if (variable.getRole() != "derived")
      place(variable, artifact.variables);
  for (auto variable : planned.getOps<graph::VariableOp>())
    if (variable.getRole() == "derived")
      place(variable, artifact.derived);
  for (auto function : planned.getOps<func::FuncOp>()) {
    FunctionDescription description = describeFunction(function);
    if (description.name == "derive") {
      artifact.hasDerive = true;
      artifact.derive = std::move(description);
    } else {
      artifact.functions.push_back(std::move(description));
      describeCarries(function, artifact);
    }
    function.walk(
        [&](exec::CustomCallOp call) { describeCustomCall(call, options, artifact.customOps); });
  }
  return artifact;
}

KernelDescription describeKernel(Operation *op) { return describeKernels(op); }

KernelDescription describeKernels(llvm::ArrayRef<Operation *> ops) {
  KernelDescription description;
  Operation *op = ops.front();
  description.node = graph::layerName(op->getLoc());
  if (auto kernel = llvm::dyn_cast<exec::KernelOp>(op))
    description.name = kernel.getName().str();
  else
    description.name =
        description.node.empty() ? op->getName().stripDialect().str() : description.node;
  if (ops.size() > 1)
    description.name += " and " + std::to_string(ops.size() - 1) + " more";
  Work work = workOf(op);
  for (Operation *other : ops.drop_front()) {
    Work more = workOf(other);
    work = {work.flops + more.flops, work.bytes + more.bytes};
  }
  description.flops = work.flops.str();
  description.bytes = work.bytes.str();
  return description;
}

} // namespace ingot
