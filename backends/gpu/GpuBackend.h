// The GPU back end: code for the devices that are asked for, to be part of an artifact.
#pragma once
#include "backends/cpu/Object.h"

namespace ingot::gpu {

/// Code for every family of devices in options.gpu, of a module that has passed the phase `plan`
/// for Machine::Gpu. The preferred family is first.
mlir::FailureOr<std::vector<cpu::DeviceCode>> makeDeviceCode(mlir::ModuleOp planned,
                                                             const CompileOptions &options);

} // namespace ingot::gpu
