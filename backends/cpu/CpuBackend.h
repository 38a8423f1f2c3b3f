// The CPU back end: code for every requested level, one artifact.
#pragma once
#include "backends/cpu/Object.h"

namespace ingot::cpu {

/// Writes the artifact of a planned module, with the code for devices that other back ends made.
mlir::LogicalResult generateArtifact(mlir::ModuleOp planned,
                                     llvm::MutableArrayRef<DeviceCode> devices,
                                     const CompileOptions &options, const std::string &path);

} // namespace ingot::cpu
