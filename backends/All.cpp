// The back ends together make one artifact.
#include "backends/cpu/CpuBackend.h"
#include "backends/gpu/GpuBackend.h"
#include "compiler/target/Target.h"

namespace ingot {

mlir::LogicalResult generateArtifact(const PlannedModules &planned, const CompileOptions &options,
                                     const std::string &path) {
  std::vector<cpu::DeviceCode> devices;
  if (planned.gpu) {
    auto made = gpu::makeDeviceCode(planned.gpu, options);
    if (failed(made))
      return mlir::failure();
    devices = std::move(*made);
  }
  return cpu::generateArtifact(planned.cpu, devices, options, path);
}

} // namespace ingot
