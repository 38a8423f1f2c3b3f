// What `ingot inspect` and the summary of `ingot compile` say of an artifact's code for GPUs: read
// from the machine code itself.
#pragma once
#include "compiler/package/ArtifactDescription.h"
#include "tools/ingot/TensorFile.h"

namespace ingot::cli {

/// A list: of each family its images, the functions that are left to the CPU, and what every kernel
/// takes of a GPU, by the target of the image: registers, shared and local memory, how many of a
/// multiprocessor's warps can be there at once, and what bounds them.
Json deviceInfos(const ingot_artifact_table &table);

/// The same as text.
void printDevices(const Json &devices);

/// Of a family that was compiled: how many kernels and units, the bytes of its images, and the most
/// that a kernel takes of a GPU.
Json deviceSummary(const DeviceDescription &device);
/// The same in one line.
std::string deviceSummaryText(const Json &summary);

} // namespace ingot::cli
