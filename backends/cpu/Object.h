// From generated code to a file: LLVM dialect, LLVM IR, object code, in-process link.
#pragma once
#include "backends/cpu/CpuTarget.h"
#include "compiler/Compile.h"
#include "compiler/package/ArtifactDescription.h"

namespace ingot::cpu {

/// The code of one CPU level: a module of func.func over scf, cf, arith, math, vector, index and
/// the LLVM dialect (bare pointers), with the description of what it exports.
struct Variant {
  const CpuTarget *target;
  mlir::OwningOpRef<mlir::ModuleOp> code;
  ArtifactDescription description;
};

/// Lowers every variant to the LLVM dialect and LLVM IR, adds the artifact's constant tables and
/// the one exported function that chooses the variant by the CPU it runs on (CPUID and XGETBV),
/// emits object code and links. The file is written under a temporary name and renamed. Its bytes
/// depend only on the inputs. Checks that only memcpy, memmove and memset stay undefined. Errors
/// are reported at the module's location.
mlir::LogicalResult writeArtifact(llvm::MutableArrayRef<Variant> variants,
                                  const CompileOptions &options, const std::string &path);

} // namespace ingot::cpu
