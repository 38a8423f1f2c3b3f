// From generated code to a file: LLVM dialect, LLVM IR, object code, in-process link.
#pragma once
#include "backends/cpu/EmitObject.h"
#include "compiler/Compile.h"
#include "compiler/package/ArtifactDescription.h"

namespace ingot::cpu {

/// The code of one CPU level: a module of func.func over scf, cf, arith, math, vector, index and
/// the LLVM dialect (bare pointers), with the description of what it exports.
struct Variant {
  const CpuTarget *target;
  mlir::OwningOpRef<mlir::ModuleOp> code;
  ArtifactDescription description;
  std::vector<ObjectBytes> objects =
      {};                    // of the code: made by writeArtifact, or from the compile cache
  std::string cacheKey = {}; // where the objects are to be kept; empty: nowhere
};

/// Code for a family of devices: what it says, and the host code that drives it.
struct DeviceCode {
  Variant host;
  DeviceDescription description;
};

/// Lowers every variant to the LLVM dialect and LLVM IR, adds the artifact's constant tables and
/// the one exported function that chooses the variant by the CPU it runs on (CPUID and XGETBV),
/// emits object code and links. Variants have different targets; their code is used up. The file is
/// written beside its place and renamed; nothing is left of it when that fails. Its bytes depend
/// only on the inputs, not on the path. Checks that only memcpy, memmove and memset stay undefined.
/// Errors are reported at `location`. Not safe while another thread uses the modules'
/// context. With INGOT_TIMING in the environment the time of each step goes to stderr.
mlir::LogicalResult writeArtifact(llvm::MutableArrayRef<Variant> variants,
                                  llvm::MutableArrayRef<DeviceCode> devices,
                                  const CompileOptions &options, mlir::Location location,
                                  const std::string &path);

} // namespace ingot::cpu
