// What `ingot inspect` says of an artifact's code for GPUs: read from the machine code itself.
#pragma once
#include "ingot/artifact.h"
#include "tools/ingot/TensorFile.h"

namespace ingot::cli {

/// A list: of each family its images, the functions that are left to the CPU, and what every kernel
/// takes of a GPU, by the target of the image: registers, shared and local memory, how many of a
/// multiprocessor's warps can be there at once, and what bounds them.
Json deviceInfos(const ingot_artifact_table &table);

/// The same as text.
void printDevices(const Json &devices);

} // namespace ingot::cli
