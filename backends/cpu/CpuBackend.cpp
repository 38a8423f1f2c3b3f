// See CpuBackend.h.
#include "backends/cpu/CpuBackend.h"
#include "backends/cpu/CodeCache.h"
#include "backends/cpu/InitialState.h"
#include "compiler/package/Manifest.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Index/IR/IndexDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace ingot::cpu {
namespace {

std::string knownNames() {
  return llvm::join(llvm::map_range(allTargets(), [](const CpuTarget &t) { return t.name; }), ", ");
}

} // namespace

LogicalResult generateArtifact(ModuleOp planned, llvm::MutableArrayRef<DeviceCode> devices,
                               const CompileOptions &options, const std::string &path) {
  MLIRContext *context = planned.getContext();
  context->loadDialect<scf::SCFDialect, cf::ControlFlowDialect, index::IndexDialect,
                       vector::VectorDialect, LLVM::LLVMDialect>();
  llvm::SmallVector<llvm::StringRef> names;
  llvm::StringRef(options.targetCpu).split(names, ',', -1, false);
  std::vector<Variant> variants;
  for (llvm::StringRef name : names) {
    const CpuTarget *target = lookupTarget(name.trim());
    if (!target)
      return planned.emitError("unknown CPU `")
             << name.trim() << "`; known are: host, " << knownNames();
    auto variant = makeCode(planned, *target, options);
    if (failed(variant))
      return failure();
    variants.push_back(std::move(*variant));
  }
  llvm::sort(variants,
             [](const Variant &x, const Variant &y) { return x.target->rank > y.target->rank; });
  if (options.embedWeights && !variants.empty()) {
    auto state = initialState(planned, options);
    if (failed(state))
      return failure();
    for (Variant &variant : variants)
      variant.description.initialState = *state;
  }
  std::vector<std::string> levels;
  for (const Variant &variant : variants)
    levels.push_back(variant.target->name);
  for (Variant &variant : variants)
    variant.description.manifest =
        makeManifest(variant.description, options, variant.target->name, levels);
  if (variants.empty())
    return planned.emitError("no CPU to compile for; known are: host, ") << knownNames();
  if (failed(writeArtifact(variants, devices, options, planned.getLoc(), path)))
    return failure();
  for (Variant &variant : variants)
    for (const DeviceCode &device : devices)
      variant.description.devices.push_back(&device.description);
  if (options.onWritten)
    options.onWritten(llvm::map_to_vector(
        variants, [](const Variant &v) -> const ArtifactDescription * { return &v.description; }));
  return success();
}

} // namespace ingot::cpu
