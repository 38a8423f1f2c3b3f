// The table of what products of matrices take on GPUs, by kernels of ours and by a library: written
// by `ingot bench --tune`, read by `ingot compile --gpu-tuning`. JSON, for people to read and
// change:
//
//   {"format": "ingot-gpu-tuning", "version": 1, "products": [
//     {"device": "NVIDIA H200", "compute_capability": "9.0", "library": "cuBLASLt 13.1.0",
//      "type": "f16", "result_type": "f16", "epilogue": ["bias", "relu"],
//      "batch": 1, "rows": 512, "columns": 1024, "depth": 1024,
//      "a": {"batch": 0, "row": 1024, "depth": 1}, "b": {"batch": 0, "depth": 1024, "column": 1},
//      "d": {"batch": 0, "row": 1024},
//      "kernel_us": 21.5, "library_us": 14.25, "chosen": "library"}]}
//
// a, b and d give steps in elements, as ingot_product in artifact.h does.
#pragma once
#include "compiler/package/GpuLibrary.h"
#include "tools/ingot/Cli.h"

namespace ingot::cli {

struct TunedProduct {
  std::string device, capability, library;
  ingot_product product = {};
  double kernelMicroseconds = 0, libraryMicroseconds = 0;
  bool isLibraryChosen = false;
};

/// Throws Failure: no such file, or what is wrong in it, and where.
std::vector<TunedProduct> readTuning(const std::string &path);

/// Puts the products into the file: in the place of those of the same device that are there, others
/// stay. The file appears whole or not at all. Throws Failure.
void mergeTuning(const std::string &path, const std::vector<TunedProduct> &products);

/// What an artifact is to use a library for; nothing where no product has it chosen.
GpuLibrary libraryOf(const std::vector<TunedProduct> &products);

/// "f16 512 x 1024 x 1024, bias, relu"
std::string describe(const ingot_product &product);

} // namespace ingot::cli
