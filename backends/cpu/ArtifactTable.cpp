// Writes an ArtifactDescription as constants. Each struct lists its fields in the order of
// artifact.h; natural alignment gives the layout of C. The artifact tests read the result through
// that header.
#include "backends/cpu/ArtifactTable.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/IR/Module.h"

using llvm::Constant;

namespace ingot::cpu {
namespace {

class TableWriter {
public:
  TableWriter(llvm::Module &module, const TableVariant &variant)
      : module(module), context(module.getContext()), variant(variant),
        pointer(llvm::PointerType::getUnqual(context)) {}

  Constant *artifact(const ArtifactDescription &d, int64_t deviceCount, Constant *devices);
  /// The ingot_device_codes, with the tables of their host code; null when there are none.
  Constant *devices(llvm::ArrayRef<TableDevice> devices);

private:
  Constant *i32(int64_t value) {
    return llvm::ConstantInt::getSigned(llvm::Type::getInt32Ty(context), value);
  }
  Constant *i64(int64_t value) {
    return llvm::ConstantInt::getSigned(llvm::Type::getInt64Ty(context), value);
  }
  Constant *null() { return llvm::ConstantPointerNull::get(pointer); }
  Constant *record(llvm::ArrayRef<Constant *> fields) {
    return llvm::ConstantStruct::getAnon(context, fields);
  }
  Constant *place(Constant *value, const char *name);
  Constant *text(const std::string &value);
  Constant *bytes(const std::string &value, uint64_t alignment = 1);
  /// A pointer to the elements, null when there are none.
  template <typename Range, typename Make> Constant *array(const Range &range, Make make) {
    std::vector<Constant *> elements;
    for (const auto &element : range)
      elements.push_back(make(element));
    if (elements.empty())
      return null();
    auto *type = llvm::ArrayType::get(elements.front()->getType(), elements.size());
    return place(llvm::ConstantArray::get(type, elements), "table");
  }
  Constant *texts(const std::vector<std::string> &values) {
    return array(values, [&](const std::string &value) { return text(value); });
  }
  Constant *code(const std::string &name);
  Constant *tensors(const std::vector<TensorDescription> &tensors);
  Constant *variables(const std::vector<VariableDescription> &variables);
  Constant *kernels(const std::vector<KernelDescription> &kernels);
  Constant *function(const FunctionDescription &d);
  Constant *device(const DeviceDescription &d);
  Constant *choices(const GpuLibrary &library);
  Constant *initialState();
  /// Their number, and the array.
  std::pair<Constant *, Constant *> bounds(const ArtifactDescription &d);

  llvm::Module &module;
  llvm::LLVMContext &context;
  const TableVariant &variant;
  llvm::PointerType *pointer;
  llvm::StringMap<Constant *> strings;
};

Constant *TableWriter::place(Constant *value, const char *name) {
  return new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true,
                                  llvm::GlobalValue::PrivateLinkage, value, name);
}

Constant *TableWriter::bytes(const std::string &value, uint64_t alignment) {
  auto *global = llvm::cast<llvm::GlobalVariable>(
      place(llvm::ConstantDataArray::getString(context, value, /*AddNull=*/true), "text"));
  global->setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
  global->setAlignment(llvm::Align(alignment));
  return global;
}

Constant *TableWriter::text(const std::string &value) {
  Constant *&known = strings[value];
  if (!known)
    known = bytes(value);
  return known;
}

Constant *TableWriter::code(const std::string &name) {
  auto *type = llvm::FunctionType::get(llvm::Type::getInt32Ty(context), {pointer}, false);
  auto callee = module.getOrInsertFunction(variant.prefix + name, type);
  auto *function = llvm::cast<llvm::Function>(callee.getCallee());
  function->setVisibility(llvm::GlobalValue::HiddenVisibility);
  function->setDSOLocal(true);
  return function;
}

Constant *TableWriter::tensors(const std::vector<TensorDescription> &tensors) {
  return array(tensors, [&](const TensorDescription &d) {
    Constant *dims = array(d.dims, [&](const DimDescription &dim) {
      return record({i64(dim.size), i64(dim.symbol), text(dim.text)});
    });
    return record({text(d.name), i32(d.dtype), i32(d.dims.size()), dims});
  });
}

Constant *TableWriter::variables(const std::vector<VariableDescription> &variables) {
  return array(variables, [&](const VariableDescription &d) {
    Constant *shape = array(d.shape, [&](int64_t size) { return i64(size); });
    return record({text(d.name), i32(d.dtype), i32(d.shape.size()), shape, i64(d.offset),
                   i64(d.bytes), i64(d.flags)});
  });
}

Constant *TableWriter::kernels(const std::vector<KernelDescription> &kernels) {
  return array(kernels, [&](const KernelDescription &d) {
    return record({text(d.name), text(d.node), text(d.flops), text(d.bytes)});
  });
}

Constant *TableWriter::function(const FunctionDescription &d) {
  Constant *sources = array(d.sources, [&](const SymbolSourceDescription &source) {
    return record({i64(source.kind), i64(source.input), i64(source.index)});
  });
  return record({text(d.name), i64(d.flags), i64(d.symbols.size()), texts(d.symbols), sources,
                 i64(d.inputs.size()), tensors(d.inputs), i64(d.outputs.size()), tensors(d.outputs),
                 i64(d.planWords), i64(d.outputDims), i64(d.kernels.size()), kernels(d.kernels),
                 text(d.arenaFormula), code(d.planSymbol), code(d.runSymbol)});
}

Constant *TableWriter::initialState() {
  if (variant.stateSymbol.empty())
    return null();
  auto *state = llvm::cast<llvm::GlobalVariable>(
      module.getOrInsertGlobal(variant.stateSymbol, llvm::Type::getInt8Ty(context)));
  state->setConstant(true);
  state->setVisibility(llvm::GlobalValue::HiddenVisibility);
  state->setDSOLocal(true);
  return state;
}

std::pair<Constant *, Constant *> TableWriter::bounds(const ArtifactDescription &d) {
  std::vector<std::array<int64_t, 4>> all;
  for (auto [i, function] : llvm::enumerate(d.functions))
    for (const SymbolBoundDescription &bound : function.bounds)
      all.push_back({static_cast<int64_t>(i), bound.symbol, bound.least, bound.most});
  Constant *list = array(all, [&](const std::array<int64_t, 4> &bound) {
    return record({i64(bound[0]), i64(bound[1]), i64(bound[2]), i64(bound[3])});
  });
  return {i64(all.size()), list};
}

Constant *TableWriter::device(const DeviceDescription &d) {
  Constant *kernels = array(d.kernels, [&](const DeviceDescription::Kernel &kernel) {
    return record({text(kernel.symbol), i64(kernel.unit), i64(kernel.threads),
                   i64(kernel.sharedBytes), i64(kernel.parameters),
                   i64(static_cast<int64_t>(kernel.tensorMaps))});
  });
  Constant *images = array(d.images, [&](const DeviceDescription::Image &image) {
    return record({i64(image.kind), text(image.target), i64(image.unit), i64(image.bytes.size()),
                   bytes(image.bytes, /*alignment=*/INGOT_ALIGNMENT)});
  });
  Constant *left = array(d.left, [&](const auto &function) { return text(function.name); });
  Constant *reasons = array(d.left, [&](const auto &function) { return text(function.reason); });
  return record(
      {text(d.api), text(d.family), artifact(*variant.description, 0, null()),
       i64(d.kernels.size()), kernels, i64(d.units), i64(d.images.size()), images,
       i64(d.constants.size()), d.constants.empty() ? null() : bytes(d.constants, INGOT_ALIGNMENT),
       i64(d.left.size()), left, reasons, d.library.name.empty() ? null() : text(d.library.name),
       i64(d.library.choices.size()), choices(d.library)});
}

Constant *TableWriter::choices(const GpuLibrary &library) {
  return array(library.choices, [&](const GpuLibrary::Choice &choice) {
    std::vector<Constant *> fields{text(choice.device)};
    for (int64_t word : wordsOf(choice.product))
      fields.push_back(i64(word));
    return record(fields);
  });
}

Constant *TableWriter::devices(llvm::ArrayRef<TableDevice> devices) {
  return array(devices, [&](const TableDevice &device) {
    return TableWriter(module, device.variant).device(*device.description);
  });
}

Constant *TableWriter::artifact(const ArtifactDescription &d, int64_t deviceCount,
                                Constant *devices) {
  Constant *functions =
      array(d.functions, [&](const FunctionDescription &f) { return function(f); });
  Constant *derive = d.hasDerive ? place(function(d.derive), "derive") : null();
  auto [boundCount, boundList] = bounds(d);
  Constant *carries = array(d.carries, [&](const ingot_carry &carry) {
    return record({i64(carry.function), i64(carry.output), i64(carry.input)});
  });
  Constant *table = record({i64(sizeof(ingot_artifact)),
                            i32(INGOT_ABI_MAJOR),
                            i32(INGOT_ABI_MINOR),
                            text(d.name),
                            text(variant.name),
                            i64(d.stateBytes),
                            i64(d.variables.size()),
                            variables(d.variables),
                            i64(d.functions.size()),
                            functions,
                            derive,
                            initialState(),
                            i64(d.nodes.size()),
                            texts(d.nodes),
                            i64(d.manifest.size()),
                            bytes(d.manifest),
                            boundCount,
                            boundList,
                            i64(d.carries.size()),
                            carries,
                            i64(deviceCount),
                            devices});
  return place(table, "artifact");
}

} // namespace

llvm::Error addArtifactTables(llvm::Module &module, llvm::ArrayRef<TableVariant> variants,
                              llvm::ArrayRef<TableDevice> devices, const std::string &symbol) {
  Constant *list = TableWriter(module, variants.front()).devices(devices);
  llvm::SmallVector<const CpuTarget *> targets;
  llvm::SmallVector<Constant *> tables;
  for (const TableVariant &variant : variants) {
    targets.push_back(variant.target);
    tables.push_back(
        TableWriter(module, variant)
            .artifact(*variant.description, static_cast<int64_t>(devices.size()), list));
  }
  return addVariantSelector(module, targets, tables, symbol);
}

} // namespace ingot::cpu
