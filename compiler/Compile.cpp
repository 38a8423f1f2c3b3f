// The front door: phases, then a back end. See Compile.h.
#include "compiler/Compile.h"
#include "compiler/Phases.h"
#include "compiler/target/Target.h"
#include "ir/exec/Exec.h"

using namespace mlir;

namespace ingot {

void registerDialects(DialectRegistry &registry) {
  registry.insert<graph::GraphDialect, exec::ExecDialect, func::FuncDialect, arith::ArithDialect,
                  math::MathDialect>();
}

LogicalResult runPhases(ModuleOp module, const CompileOptions &options) {
  Phase last = Phase::Plan;
  if (!options.stopAfter.empty()) {
    auto phase = phaseNamed(options.stopAfter);
    if (!phase)
      return module.emitError("unknown phase `")
             << options.stopAfter << "`; phases are: " << llvm::join(phaseNames(), ", ");
    last = *phase;
  }
  return runPhases(module, options, last);
}

LogicalResult compileToFile(ModuleOp module, const CompileOptions &options,
                            const std::string &path) {
  OwningOpRef<ModuleOp> work = module.clone();
  if (failed(runPhases(*work, options, Phase::Lower)))
    return failure();
  OwningOpRef<ModuleOp> gpu;
  if (!options.gpu.empty()) {
    gpu = work->clone();
    if (failed(runPhases(*gpu, options, Phase::Plan, Phase::Layout, Machine::Gpu)))
      return failure();
  }
  if (failed(runPhases(*work, options, Phase::Plan, Phase::Layout)))
    return failure();
  return generateArtifact({*work, gpu.get()}, options, path);
}

} // namespace ingot
