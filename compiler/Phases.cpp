// See Phases.h. Each phase is one function over the module; the verifier runs between them.
#include "compiler/Phases.h"
#include "compiler/fusion/CollapseLoops.h"
#include "compiler/fusion/FormAttention.h"
#include "compiler/fusion/FormKernels.h"
#include "compiler/fusion/SliceBatches.h"
#include "compiler/layout/AbsorbViews.h"
#include "compiler/layout/AssignLayouts.h"
#include "compiler/layout/ChooseWinograd.h"
#include "compiler/layout/ComposeMovements.h"
#include "compiler/layout/HoistDerived.h"
#include "compiler/layout/HoistInvariants.h"
#include "compiler/layout/HoistSums.h"
#include "compiler/layout/InlineIndices.h"
#include "compiler/layout/JoinChannels.h"
#include "compiler/layout/JoinMoments.h"
#include "compiler/layout/PackContractions.h"
#include "compiler/layout/ReadHalves.h"
#include "compiler/layout/SplitReductions.h"
#include "compiler/lowering/IntegerContractions.h"
#include "compiler/lowering/LowerToExec.h"
#include "compiler/lowering/WidenSums.h"
#include "compiler/memory/FitBudget.h"
#include "compiler/memory/GroupLaunches.h"
#include "compiler/memory/PlanMemory.h"
#include "compiler/prepare/Prepare.h"
#include "ir/exec/Exec.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;

namespace ingot {
namespace {

/// Private functions are parts that frontends have used (a training loss); only public ones, and of
/// those the ones asked for, are compiled.
LogicalResult selectFunctions(ModuleOp module, const CompileOptions &options) {
  for (const std::string &name : options.functions)
    if (!module.lookupSymbol<func::FuncOp>(name))
      return module.emitError("the model has no function `") << name << "`";
  for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
    if (function.isPrivate() || (!options.functions.empty() &&
                                 !llvm::is_contained(options.functions, function.getName().str())))
      function.erase();
  return checkModel(module);
}

LogicalResult forEachFunction(ModuleOp module, void (*transform)(func::FuncOp)) {
  for (auto function : module.getOps<func::FuncOp>())
    transform(function);
  return success();
}

LogicalResult runPhase(ModuleOp module, const CompileOptions &options, Phase phase,
                       Machine machine) {
  // Packed panels, lines joined for vectors, Winograd's blocks and slices that stay in cache are
  // for CPUs.
  bool isCpu = machine == Machine::Cpu;
  switch (phase) {
  case Phase::Import:
    return selectFunctions(module, options);
  case Phase::Simplify:
    return simplify(module);
  case Phase::Decompose:
    decomposeComposites(module);
    return simplify(module);
  case Phase::Lower:
    if (failed(lowerToExec(module)) || failed(forEachFunction(module, widenSums)))
      return failure();
    return forEachFunction(module, makeIntegerContractions);
  case Phase::Layout:
    if (failed(forEachFunction(module, hoistSums)) ||
        failed(forEachFunction(module, absorbViews)) ||
        failed(forEachFunction(module, assignLayouts)) ||
        (isCpu && options.convPrecision != ConvPrecision::Exact &&
         failed(forEachFunction(module, chooseWinograd))) ||
        (!isCpu && failed(forEachFunction(module, joinMoments))) ||
        failed(forEachFunction(module, splitReductions)) ||
        (!isCpu && failed(forEachFunction(module, readHalves))) ||
        (isCpu && failed(forEachFunction(module, packContractions))) ||
        failed(forEachFunction(module, composeMovements)) ||
        failed(forEachFunction(module, inlineIndices)) ||
        (isCpu && failed(forEachFunction(module, joinChannels))) ||
        failed(forEachFunction(module, hoistInvariants)))
      return failure();
    hoistDerived(module);
    return success();
  case Phase::Fuse:
    if ((!isCpu && (failed(forEachFunction(module, formAttention)) ||
                    failed(forEachFunction(module, splitForGpus)))) ||
        failed(forEachFunction(module, formKernels)) ||
        (isCpu && failed(forEachFunction(module, [](func::FuncOp f) { sliceBatches(f); }))))
      return failure();
    return forEachFunction(module, collapseLoops);
  case Phase::Plan: {
    LogicalResult result = success();
    for (auto function : module.getOps<func::FuncOp>()) {
      if (options.memoryBudget.bytes != 0 && failed(fitBudget(function, options.memoryBudget)))
        result = failure();
      if (!isCpu && options.memoryBudget.bytes == 0)
        groupLaunches(function);
      planMemory(function, isCpu && options.debugArena);
    }
    return result;
  }
  }
  llvm_unreachable("unknown phase");
}

} // namespace

llvm::ArrayRef<llvm::StringRef> phaseNames() {
  static const llvm::StringRef names[] = {"import", "simplify", "decompose", "lower",
                                          "layout", "fuse",     "plan"};
  return names;
}

std::optional<Phase> phaseNamed(llvm::StringRef name) {
  for (auto [i, known] : llvm::enumerate(phaseNames()))
    if (known == name)
      return static_cast<Phase>(i);
  return std::nullopt;
}

LogicalResult runPhases(ModuleOp module, const CompileOptions &options, Phase last, Phase first,
                        Machine machine) {
  for (int phase = static_cast<int>(first); phase <= static_cast<int>(last); ++phase) {
    if (failed(runPhase(module, options, static_cast<Phase>(phase), machine)))
      return failure();
    if (failed(verify(module)))
      return module.emitError("internal error: the program is not valid after the phase `")
             << phaseNames()[phase] << "`";
  }
  return success();
}

} // namespace ingot
