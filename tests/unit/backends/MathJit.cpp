// The back end's own lowering, then in-memory compilation with LLVM's ORC.
#include "MathJit.h"
#include "backends/cpu/LowerToLlvm.h"
#include "backends/cpu/MathExpansion.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;

namespace ingot::cpu {
MathJit::MathJit(const std::string &text, const CpuTarget &target, bool fastMath) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  DialectRegistry registry;
  registry
      .insert<func::FuncDialect, scf::SCFDialect, arith::ArithDialect, ::mlir::math::MathDialect,
              vector::VectorDialect, LLVM::LLVMDialect, cf::ControlFlowDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  MLIRContext context(registry);
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    error += diagnostic.str() + "\n";
    return success();
  });
  auto module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return;
  expandMath(*module, target, fastMath);
  if (failed(verify(*module)) || failed(lowerToLlvm(*module, target)))
    return;
  auto llvmContext = std::make_unique<llvm::LLVMContext>();
  auto code = translateModuleToLLVMIR(*module, *llvmContext);
  if (!code)
    return;
  llvm::orc::JITTargetMachineBuilder machine{llvm::Triple("x86_64-unknown-linux-gnu")};
  machine.setCPU(target.llvmCpu);
  machine.setFeatures(target.features);
  machine.getOptions().AllowFPOpFusion = llvm::FPOpFusion::Strict;
  auto built = llvm::orc::LLJITBuilder()
                   .setJITTargetMachineBuilder(std::move(machine))
                   .setLinkProcessSymbolsByDefault(false)
                   .setPlatformSetUp(llvm::orc::setUpInactivePlatform)
                   .create();
  if (!built) {
    error = llvm::toString(built.takeError());
    return;
  }
  jit = std::move(*built);
  if (auto failure =
          jit->addIRModule(llvm::orc::ThreadSafeModule(std::move(code), std::move(llvmContext))))
    error = llvm::toString(std::move(failure));
}

MathJit::~MathJit() = default;

void *MathJit::lookup(const std::string &name) {
  if (!jit)
    return nullptr;
  auto address = jit->lookup(name);
  if (!address) {
    error = llvm::toString(address.takeError());
    return nullptr;
  }
  return address->toPtr<void *>();
}

} // namespace ingot::cpu
