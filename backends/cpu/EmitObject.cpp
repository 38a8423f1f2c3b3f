// The LLVM half of code generation. The pass pipeline is light on purpose: the emitters already
// chose tiles, vector widths and fused operations, and a full -O3 pipeline costs twice the time for
// the same speed.
#include "backends/cpu/EmitObject.h"
#include "backends/cpu/DebugLocations.h"
#include "backends/cpu/SplitCode.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/DiagnosticHandler.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Instrumentation/AddressSanitizer.h"
#include "llvm/Transforms/Instrumentation/ThreadSanitizer.h"
#include <mutex>

using llvm::createStringError;
using llvm::Error;
using llvm::Expected;

namespace ingot::cpu {
namespace {

void initialiseTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
  });
}

/// Keeps LLVM's errors as text; LLVM's own handler would end the process.
struct CollectErrors : llvm::DiagnosticHandler {
  std::string text;
  bool handleDiagnostics(const llvm::DiagnosticInfo &info) override {
    if (info.getSeverity() != llvm::DS_Error)
      return true;
    llvm::raw_string_ostream stream(text);
    llvm::DiagnosticPrinterRawOStream printer(stream);
    info.print(printer);
    stream << "; ";
    return true;
  }
};

void setFunctionAttributes(llvm::Function &function, const CpuTarget &target,
                           const EmitOptions &options) {
  function.addFnAttr("target-cpu", target.llvmCpu);
  if (!target.features.empty())
    function.addFnAttr("target-features", target.features);
  function.addFnAttr("prefer-vector-width", std::to_string(target.vectorBytes * 8));
  function.addFnAttr("frame-pointer", "none");
  // LLVM must not turn a loop or a call into one of a library that the artifact does not link.
  function.addFnAttr("no-builtins");
  function.setUWTableKind(llvm::UWTableKind::Default);
  function.setDoesNotThrow();
  if (options.sanitize == "address")
    function.addFnAttr(llvm::Attribute::SanitizeAddress);
  if (options.sanitize == "thread")
    function.addFnAttr(llvm::Attribute::SanitizeThread);
}

void prepareFunctions(llvm::Module &module, const CpuTarget &target, const EmitOptions &options) {
  for (llvm::Function &function : module) {
    // A hidden declaration is one of the variant's own functions, defined in another module.
    if (function.isDeclaration() && !function.hasHiddenVisibility())
      continue;
    if (!function.isDeclaration())
      setFunctionAttributes(function, target, options);
    function.setName(options.prefix + function.getName());
    function.setLinkage(llvm::GlobalValue::ExternalLinkage);
    function.setVisibility(llvm::GlobalValue::HiddenVisibility);
    function.setDSOLocal(true);
  }
}

Error optimise(llvm::Module &module, llvm::TargetMachine &machine, const EmitOptions &options) {
  llvm::PassBuilder builder(&machine);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager callGraph;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  llvm::ModulePassManager passes;
  if (Error error = builder.parsePassPipeline(passes, "function(sroa,early-cse,loop-mssa(licm))"))
    return error;
  // Without constructors and registered globals: the program that is built with the sanitizer
  // starts its runtime, and an artifact has no data of its own to guard.
  if (options.sanitize == "address") {
    for (llvm::GlobalVariable &global : module.globals()) {
      llvm::GlobalValue::SanitizerMetadata metadata;
      metadata.NoAddress = true;
      global.setSanitizerMetadata(metadata);
    }
    passes.addPass(llvm::AddressSanitizerPass(llvm::AddressSanitizerOptions(),
                                              /*UseGlobalGC=*/false, /*UseOdrIndicator=*/false,
                                              llvm::AsanDtorKind::None, llvm::AsanCtorKind::None));
  }
  if (options.sanitize == "thread")
    passes.addPass(llvm::createModuleToFunctionPassAdaptor(llvm::ThreadSanitizerPass()));
  passes.run(module, modules);
  return Error::success();
}

} // namespace

Expected<std::unique_ptr<llvm::TargetMachine>> createTargetMachine(const CpuTarget &target) {
  initialiseTargets();
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  std::string message;
  const llvm::Target *backEnd = llvm::TargetRegistry::lookupTarget(triple, message);
  if (!backEnd)
    return createStringError("LLVM has no target " + triple.str() + ": " + message);
  llvm::TargetOptions options;
  // `vector.fma` fuses where the CPU can; a separate multiplication and addition never do.
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  options.MCOptions.AsmVerbose = false;
  std::unique_ptr<llvm::TargetMachine> machine(backEnd->createTargetMachine(
      triple, target.llvmCpu, target.features, options, llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Default));
  if (!machine)
    return createStringError("LLVM has no code generator for " + target.llvmCpu);
  return machine;
}

Expected<ObjectBytes> emitObject(llvm::Module &module, llvm::TargetMachine &machine) {
  auto owned = std::make_unique<CollectErrors>();
  CollectErrors &errors = *owned;
  auto previous = module.getContext().getDiagnosticHandler();
  module.getContext().setDiagnosticHandler(std::move(owned));
  ObjectBytes bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    return createStringError("LLVM cannot emit object files for " + machine.getTargetCPU());
  passes.run(module);
  std::string text = errors.text;
  module.getContext().setDiagnosticHandler(std::move(previous));
  if (!text.empty())
    return createStringError("LLVM cannot generate code: " + text);
  return bytes;
}

struct CodeEmitter::Unit {
  Unit(const CpuTarget &target, const EmitOptions &options, size_t module)
      : target(&target), options(options), added(module) {}

  const CpuTarget *target;
  EmitOptions options;
  size_t added; // of which module, in the order of add()
  std::unique_ptr<llvm::TargetMachine> machine;
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;
  ObjectBytes object;
  std::string error;

  Error translate(mlir::ModuleOp part);
  void compile();
};

Error CodeEmitter::Unit::translate(mlir::ModuleOp part) {
  module = mlir::translateModuleToLLVMIR(part, context, "ingot");
  if (!module)
    return createStringError("generated code does not translate to LLVM IR");
  module->setTargetTriple(machine->getTargetTriple());
  module->setDataLayout(machine->createDataLayout());
  module->setPICLevel(llvm::PICLevel::BigPIC);
  return Error::success();
}

void CodeEmitter::Unit::compile() {
  prepareFunctions(*module, *target, options);
  Error failed = optimise(*module, *machine, options);
  if (!failed)
    failed = emitObject(*module, *machine).moveInto(object);
  error = llvm::toString(std::move(failed));
  module.reset();
}

CodeEmitter::CodeEmitter() = default;
CodeEmitter::~CodeEmitter() { pool.wait(); }

Error CodeEmitter::add(mlir::ModuleOp code, const CpuTarget &target, const EmitOptions &options) {
  mlir::DialectRegistry registry;
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
  code.getContext()->appendDialectRegistry(registry);
  auto layoutSource = createTargetMachine(target);
  if (!layoutSource)
    return layoutSource.takeError();
  // Alignments are decided while translating, so the layout has to be there before.
  std::string layout = (*layoutSource)->createDataLayout().getStringRepresentation();
  code->setAttr("llvm.data_layout", mlir::StringAttr::get(code.getContext(), layout));
  if (options.debugInfo)
    addDebugLocations(code);
  for (mlir::OwningOpRef<mlir::ModuleOp> &part : splitCode(code)) {
    Unit &unit = *units.emplace_back(std::make_unique<Unit>(target, options, modules));
    if (Error error = createTargetMachine(target).moveInto(unit.machine))
      return error;
    if (Error error = unit.translate(*part))
      return error;
    pool.async([&unit] { unit.compile(); });
  }
  ++modules;
  return Error::success();
}

Expected<std::vector<std::vector<ObjectBytes>>> CodeEmitter::finish() {
  pool.wait();
  std::vector<std::vector<ObjectBytes>> objects(modules);
  for (const std::unique_ptr<Unit> &unit : units) {
    if (!unit->error.empty())
      return createStringError(unit->target->name + ": " + unit->error);
    objects[unit->added].push_back(std::move(unit->object));
  }
  return objects;
}

} // namespace ingot::cpu
