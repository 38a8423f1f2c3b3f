// Copies an ArtifactDescription field by field into the protobuf message.
#include "compiler/package/Manifest.h"
#include "compiler/package/DTypeName.h"
#include "runtime/abi/manifest.pb.h"
#include "llvm/ADT/StringExtras.h"

namespace ingot {
namespace {

void addTensor(const TensorDescription &from, Manifest::Tensor &to) {
  to.set_name(from.name);
  to.set_dtype(dtypeName(from.dtype));
  for (const DimDescription &dim : from.dims) {
    Manifest::Dim &added = *to.add_dims();
    added.set_size(dim.size);
    added.set_text(dim.text);
  }
}

void addVariable(const VariableDescription &from, Manifest::Variable &to) {
  to.set_name(from.name);
  to.set_dtype(dtypeName(from.dtype));
  to.mutable_shape()->Assign(from.shape.begin(), from.shape.end());
  to.set_offset(from.offset);
  to.set_bytes(from.bytes);
  to.set_trainable(from.flags & INGOT_VARIABLE_TRAINABLE);
  to.set_optimizer(from.flags & INGOT_VARIABLE_OPTIMIZER);
  to.set_control(from.flags & INGOT_VARIABLE_CONTROL);
}

void addRecomputation(const RecomputationDescription &from, Manifest::Recomputation &to) {
  to.set_budget_bytes(from.budget);
  for (const auto &[symbol, size] : from.sizes) {
    Manifest::Recomputation::Size &added = *to.add_sizes();
    added.set_symbol(symbol);
    added.set_size(size);
  }
  to.set_arena_bytes_before(from.arenaBefore);
  to.set_arena_bytes(from.arenaAfter);
  to.set_flops(from.flops);
  to.set_flops_again(from.flopsAgain);
  for (const std::string &kernel : from.kernels)
    to.add_kernels(kernel);
}

void addFunction(const FunctionDescription &from, Manifest::Function &to) {
  to.set_name(from.name);
  to.set_writes_state(from.flags & INGOT_FUNCTION_WRITES_STATE);
  to.set_canonical(from.flags & INGOT_FUNCTION_CANONICAL);
  for (const std::string &symbol : from.symbols)
    to.add_symbols(symbol);
  for (const TensorDescription &input : from.inputs)
    addTensor(input, *to.add_inputs());
  for (const TensorDescription &output : from.outputs)
    addTensor(output, *to.add_outputs());
  for (const KernelDescription &kernel : from.kernels) {
    Manifest::Kernel &added = *to.add_kernels();
    added.set_name(kernel.name);
    added.set_node(kernel.node);
    added.set_flops(kernel.flops);
    added.set_bytes(kernel.bytes);
  }
  to.set_arena_bytes(from.arenaFormula);
  if (from.recomputation.budget != 0)
    addRecomputation(from.recomputation, *to.mutable_recomputation());
  for (const SymbolBoundDescription &bound : from.bounds) {
    Manifest::Bound &added = *to.add_bounds();
    added.set_symbol(from.symbols[bound.symbol]);
    added.set_least(bound.least);
    added.set_most(bound.most);
  }
}

void addCustomOp(const CustomOpDescription &from, Manifest::CustomOp &to) {
  to.set_name(from.name);
  to.set_function(from.function);
  to.set_thread_safe(from.threadSafe);
  to.set_deterministic(from.deterministic);
  to.set_parallel(from.parallel);
  to.set_static_data(from.staticData);
  for (const CustomOpDescription::Call &call : from.calls) {
    Manifest::CustomCall &added = *to.add_calls();
    added.set_function(call.function);
    added.set_node(call.node);
    added.set_workspace_bytes(call.workspace);
  }
  for (const std::string &library : from.libraries)
    to.add_libraries(library);
  for (const std::string &symbol : from.needs)
    to.add_needs(symbol);
}

void addOptions(const CompileOptions &options, Manifest &manifest) {
  auto add = [&](const char *name, const std::string &value) {
    Manifest::Option &option = *manifest.add_options();
    option.set_name(name);
    option.set_value(value);
  };
  auto flag = [](bool value) { return std::string(value ? "true" : "false"); };
  add("symbol", options.symbol);
  add("functions", llvm::join(options.functions, ","));
  add("embed-weights", flag(options.embedWeights));
  add("debug-info", flag(options.debugInfo));
  add("sanitize", options.sanitize);
  add("debug-arena", flag(options.debugArena));
  add("fast-math", flag(options.fastMath));
  add("gpu-tf32", flag(options.gpuTf32));
}

} // namespace

std::string makeManifest(const ArtifactDescription &description, const CompileOptions &options,
                         const std::string &target, const std::vector<std::string> &targets) {
  Manifest manifest;
  manifest.set_name(description.name);
  manifest.set_producer("ingot " INGOT_VERSION);
  manifest.set_abi_major(INGOT_ABI_MAJOR);
  manifest.set_abi_minor(INGOT_ABI_MINOR);
  manifest.set_target(target);
  for (const std::string &name : targets)
    manifest.add_targets(name);
  manifest.set_state_bytes(description.stateBytes);
  manifest.set_embeds_weights(!description.initialState.empty());
  for (const VariableDescription &variable : description.variables)
    addVariable(variable, *manifest.add_variables());
  for (const FunctionDescription &function : description.functions)
    addFunction(function, *manifest.add_functions());
  for (const ingot_carry &carry : description.carries) {
    const FunctionDescription &function = description.functions[carry.function];
    Manifest::Carry &added = *manifest.mutable_functions(carry.function)->add_carries();
    added.set_output(function.outputs[carry.output].name);
    added.set_input(function.inputs[carry.input].name);
  }
  if (description.hasDerive)
    addFunction(description.derive, *manifest.mutable_derive());
  for (const std::string &node : description.nodes)
    manifest.add_nodes(node);
  for (const CustomOpDescription &op : description.customOps)
    addCustomOp(op, *manifest.add_custom_ops());
  addOptions(options, manifest);
  return manifest.SerializeAsString();
}

} // namespace ingot
