// What a back end implements: from planned kernels to an artifact.
#pragma once
#include "compiler/Compile.h"
#include <memory>

namespace ingot {

class Target {
public:
  virtual ~Target() = default;
  /// Writes the artifact of a module that has passed the phase `plan`. Reports to the context.
  virtual mlir::LogicalResult generate(mlir::ModuleOp planned, const CompileOptions &options,
                                       const std::string &path) = 0;
};

/// The target of that name ("cpu"), null when there is none. Defined in backends/All.cpp.
std::unique_ptr<Target> createTarget(llvm::StringRef name);

} // namespace ingot
