// See RunCompiler.h.
#include "tools/ingot/RunCompiler.h"
#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/FileSystem.h"
#include <cstdio>
#include <fstream>
#include <unistd.h>

namespace ingot::cli {
namespace {

/// Saves the model as text; the directory, or nothing when that failed too.
std::string writeReproducer(mlir::ModuleOp module) {
  llvm::SmallString<128> directory;
  if (llvm::sys::fs::createUniqueDirectory("ingot-reproducer", directory))
    return "";
  std::string path = directory.str().str();
  std::ofstream file(path + "/module.mlir");
  file << moduleText(module);
  file.close();
  return file ? path : "";
}

enum class End { Done, Failed, Crashed };

/// Runs `work` so that a crash in it is survived; `message` gets the text of an exception.
End runGuarded(llvm::function_ref<llvm::LogicalResult()> work, std::string &message) {
  bool succeeded = false;
  llvm::CrashRecoveryContext recovery;
  llvm::CrashRecoveryContext::Enable();
  // Passes follow chains of ops by recursion; 10,000 layers need tens of MiB of stack.
  constexpr unsigned stackBytes = 512u << 20;
  bool survived = recovery.RunSafelyOnThread(
      [&] {
        try {
          succeeded = llvm::succeeded(work());
        } catch (const std::exception &error) {
          message = error.what();
        }
      },
      stackBytes);
  llvm::CrashRecoveryContext::Disable();
  return !survived ? End::Crashed : succeeded ? End::Done : End::Failed;
}

} // namespace

void runCompiler(const LoadedModel &model, const std::string &path,
                 llvm::function_ref<llvm::LogicalResult()> work) {
  DiagnosticCollector collector(model.context.get(), path);
  std::string exception;
  End end = runGuarded(work, exception);
  if (end == End::Done)
    return;
  try {
    if (end == End::Failed && exception.empty())
      collector.throwErrors();
    throw Failure(kInternal, end == End::Crashed  ? "the compiler crashed"
                             : !exception.empty() ? exception
                                                  : "compilation failed without saying why");
  } catch (Failure &failure) {
    if (failure.exitCode != kInternal)
      throw;
    std::string directory = writeReproducer(*model.module);
    failure.messages.back().help =
        "this is a bug in Ingot, not in the model; please report it with " +
        (directory.empty() ? "the model" : directory + "/module.mlir");
    if (end != End::Crashed)
      throw;
    printErrors(failure.messages, kInternal);
    std::fflush(nullptr);
    _exit(kInternal);
  }
}

} // namespace ingot::cli
