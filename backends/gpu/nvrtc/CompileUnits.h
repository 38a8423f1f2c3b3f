// Kernels' text to images for an artifact: many units for many architectures, at once on all CPUs,
// each text compiled once, and found again in the compile cache. Checks what became of each kernel:
// that it is there as it will be launched, keeps its values in registers, and can run on the GPUs
// that it is for. Called by GpuBackend.
#pragma once
#include "backends/gpu/nvrtc/Architecture.h"
#include "backends/gpu/nvrtc/Cubin.h"
#include "backends/gpu/nvrtc/Occupancy.h"
#include "ingot/artifact.h"

namespace ingot {
struct CompileCache; // compiler/Compile.h
}

namespace ingot::gpu {

class Nvrtc;

struct UnitKernel {
  std::string symbol;
  std::string node;    ///< the user's layer or node, for messages
  int64_t threads;     ///< of a block
  int64_t sharedBytes; ///< dynamic, of a block
  int64_t parameters;
};

/// One source text: the prelude and some kernels.
struct Unit {
  std::string source;
  std::vector<UnitKernel> kernels;
};

struct Image {
  ingot_image_kind kind; ///< INGOT_IMAGE_CUBIN or INGOT_IMAGE_PTX
  std::string target;    ///< "sm_80", or "compute_75" of PTX
  int64_t unit;
  std::string bytes; ///< PTX ends with a 0, which is counted
};

/// What a kernel takes on GPUs of an architecture.
struct KernelUse {
  int64_t unit, kernel; ///< indices into the units, and into the unit's kernels
  Architecture architecture;
  KernelResources resources;
  Occupancy occupancy;
};

struct CompiledUnits {
  std::vector<Image> images;   ///< by unit; of each the cubins by architecture, then PTX
  std::vector<KernelUse> uses; ///< by unit, architecture and kernel
  int64_t compiled = 0;        ///< texts that NVRTC compiled: new ones, each once
  /// Why the cache does not keep what was compiled; empty: it does, or there is none.
  std::string cacheFailure;
};

struct CompileUnitsOptions {
  const Nvrtc *nvrtc = nullptr; ///< null: the process's, see Nvrtc::get()
  const CompileCache *cache = nullptr;
  unsigned threads = 0; ///< 0: as many as there are CPUs
  /// PTX for GPUs that come later, of ptxFallback(architectures).
  bool ptx = true;
  /// Symbols of kernels that may spill registers and have stack frames.
  std::vector<std::string> mayUseLocalMemory;
};

/// The same bytes for the same arguments and NVRTC, whatever the number of threads. An error has
/// all that is wrong, one kernel or unit a line, each for the first architecture that shows it.
llvm::Expected<CompiledUnits> compileUnits(llvm::ArrayRef<Unit> units,
                                           llvm::ArrayRef<Architecture> architectures,
                                           const CompileUnitsOptions &options = {});

} // namespace ingot::gpu
