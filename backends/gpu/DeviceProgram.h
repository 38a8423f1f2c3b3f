// What the functions of an artifact share on a device: kernels, each once, and constants.
#pragma once
#include "backends/cpu/Object.h"
#include "backends/gpu/GpuTarget.h"
#include "backends/gpu/KernelText.h"
#include "backends/gpu/MathFunctions.h"
#include "llvm/ADT/StringMap.h"

namespace ingot::gpu {

/// A kernel of the program, and what it is made from first.
struct DeviceKernel {
  std::string symbol, node;
  KernelText text;
};

class DeviceProgram {
public:
  /// The number of the kernel with this text, which is added when it is new.
  int64_t kernel(const KernelText &text, llvm::StringRef symbol, llvm::StringRef node);
  /// Where the bytes stand among the constants, aligned to INGOT_ALIGNMENT.
  int64_t constant(llvm::StringRef bytes);
  explicit DeviceProgram(bool fastMath) : math(fastMath) {}
  MathFunctions math;
  std::vector<DeviceKernel> kernels;
  std::string constants;

private:
  llvm::StringMap<int64_t> kernelNumbers, constantPlaces;
};

/// The code of one family: host code for `plan` and `run`, and the kernels that `run` launches,
/// which are yet to be made images of.
struct DeviceFunctions {
  cpu::Variant host;
  DeviceProgram program;
  std::vector<DeviceDescription::LeftFunction> left;
};

/// Generates the functions of a module that has passed the phase `plan` for a device. `host` runs
/// the host code.
mlir::FailureOr<DeviceFunctions> generateDeviceFunctions(mlir::ModuleOp planned,
                                                         const GpuTarget &target,
                                                         const cpu::CpuTarget &host,
                                                         const CompileOptions &options);

} // namespace ingot::gpu
