// mlir-opt for our dialects: each step of the compiler as a pass, for tests/lit and for developers.
//
//   ingot-opt model.mlir --simplify --decompose-composites --lower-to-exec --form-kernels
//   ingot-opt model.mlir --phases=until=fuse      all phases up to and including that one
//   ingot-opt model.mlir --phases="until=fuse gpu"     the same for GPUs
#include "compiler/Phases.h"
#include "compiler/fusion/FormKernels.h"
#include "compiler/layout/HoistDerived.h"
#include "compiler/layout/PackContractions.h"
#include "compiler/lowering/LowerToExec.h"
#include "compiler/memory/PlanMemory.h"
#include "compiler/prepare/Prepare.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

using namespace mlir;

namespace {

using Step = LogicalResult (*)(ModuleOp);

LogicalResult forEachFunction(ModuleOp module, llvm::function_ref<void(func::FuncOp)> transform) {
  for (auto function : module.getOps<func::FuncOp>())
    transform(function);
  return success();
}

/// A step of the compiler under its pass name.
class StepPass : public PassWrapper<StepPass, OperationPass<ModuleOp>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(StepPass)
  StepPass(llvm::StringRef name, llvm::StringRef description, Step step)
      : name(name), description(description), step(step) {}
  void getDependentDialects(DialectRegistry &registry) const override {
    ingot::registerDialects(registry);
  }
  llvm::StringRef getArgument() const override { return name; }
  llvm::StringRef getDescription() const override { return description; }
  void runOnOperation() override {
    if (failed(step(getOperation())))
      signalPassFailure();
  }

private:
  llvm::StringRef name, description;
  Step step;
};

class PhasePass : public PassWrapper<PhasePass, OperationPass<ModuleOp>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PhasePass)
  PhasePass() = default;
  PhasePass(const PhasePass &other) : PassWrapper(other) {}
  void getDependentDialects(DialectRegistry &registry) const override {
    ingot::registerDialects(registry);
  }
  llvm::StringRef getArgument() const override { return "phases"; }
  llvm::StringRef getDescription() const override {
    return "Run the compiler's phases up to and including `until`";
  }
  void runOnOperation() override {
    ingot::CompileOptions options;
    auto last = ingot::phaseNamed(until);
    if (!last) {
      getOperation().emitError("there is no phase `") << until << "`";
      return signalPassFailure();
    }
    auto machine = gpu ? ingot::Machine::Gpu : ingot::Machine::Cpu;
    if (failed(ingot::runPhases(getOperation(), options, *last, ingot::Phase::Import, machine)))
      signalPassFailure();
  }

  Option<std::string> until{*this, "until", llvm::cl::desc("The last phase"),
                            llvm::cl::init("plan")};
  Option<bool> gpu{*this, "gpu", llvm::cl::desc("For GPUs"), llvm::cl::init(false)};
};

void registerStep(llvm::StringRef name, llvm::StringRef description, Step step) {
  registerPass([=] { return std::make_unique<StepPass>(name, description, step); });
}

void registerSteps() {
  using namespace ingot;
  registerPass([] { return std::make_unique<PhasePass>(); });
  registerStep("simplify", "Exact identities, constants, equal and dead ops", simplify);
  registerStep("decompose-composites", "Composites become their formulas", [](ModuleOp module) {
    decomposeComposites(module);
    return success();
  });
  registerStep("lower-to-exec", "Graph ops become loop nests", lowerToExec);
  registerStep("pack-contractions", "Contractions read their lanes contiguously",
               [](ModuleOp module) { return forEachFunction(module, packContractions); });
  registerStep("hoist-derived", "What depends on variables alone is computed by `derive`",
               [](ModuleOp module) {
                 hoistDerived(module);
                 return success();
               });
  registerStep("form-kernels", "Nests are grouped into kernels",
               [](ModuleOp module) { return forEachFunction(module, formKernels); });
  registerStep("plan-memory", "Every tensor gets its place", [](ModuleOp module) {
    return forEachFunction(module, [](func::FuncOp f) { planMemory(f); });
  });
}

} // namespace

int main(int argc, char **argv) {
  DialectRegistry registry;
  ingot::registerDialects(registry);
  registerSteps();
  return asMainReturnCode(MlirOptMain(argc, argv, "Ingot's steps as passes\n", registry));
}
