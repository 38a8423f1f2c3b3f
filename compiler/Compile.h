// The compiler's front door: a graph module in, an artifact or diagnostics out.
//
// A graph module holds
//   - `graph.variable` ops, named as the user sees them ("dense/kernel"), with roles;
//   - functions whose arguments and results are tensors and carry `graph.name`: by convention
//     `predict`, `evaluate`, `train_step`, `initialize`; any other name is a function of its own;
//   - locations whose innermost NameLoc is the user's layer.
// Nothing here exits or aborts on user input: failure comes with at least one message.
#pragma once
#include "compiler/package/GpuLibrary.h"
#include "ir/Graph.h"
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace ingot {

struct ArtifactDescription; // compiler/package/ArtifactDescription.h

/// The native code of a custom op (graph.custom_op), and what that needs. Ops whose `files` are the
/// same share one copy of the code.
struct CustomCode {
  std::vector<std::string> files;     ///< objects and archives
  std::vector<std::string> libraries; ///< shared libraries, by path: the artifact will need them
  std::vector<std::string> needs;     ///< symbols that the loading program defines
  bool staticData = false;            ///< it may keep writable data
};

enum class Emit { SharedLibrary, Object, StaticLibrary };

/// How convolutions may be computed. Exact: as sums of products over the window. Default: also by
/// Winograd's algorithm, whose rounding errors are larger (docs/Performance.md states the bound).
enum class ConvPrecision { Exact, Default };

/// What the arena of each function may take. Where it takes more, values are computed again
/// instead of being kept, as few as needed, by kernels that give the same bits.
struct MemoryBudget {
  uint64_t bytes = 0; ///< 0: no budget
  /// Sizes of named dimensions that the budget is meant for; one that is not here has its upper
  /// bound. The code stays right for other sizes, within more or less memory.
  std::map<std::string, int64_t> sizes;
};

/// Where generated code is kept for later compilations of the same program; weights are no part of
/// it. Any number of processes may share one directory.
struct CompileCache {
  std::string directory; ///< empty: none. Made where it is not there
  /// Beyond this, what was not used for longest is removed.
  uint64_t mostBytes = uint64_t(1) << 30;
};

struct CompileOptions {
  /// "host", or comma-separated levels for one artifact with variants:
  /// "x86-64-v4,x86-64-v3,x86-64".
  std::string targetCpu = "host";
  /// Devices that the artifact has code for besides, comma-separated: CUDA architectures
  /// ("sm_80,sm_90a"), all that are known ("all"), "opencl", or, for tests without any, "host".
  std::string gpu;
  /// For "host": makes a shared object of a unit's source; an empty one fails the compilation.
  std::function<std::string(const std::string &source)> hostImage;
  /// Kernels that may keep values in a GPU's memory instead of its registers; others that would
  /// fail the compilation.
  std::vector<std::string> mayUseLocalMemory;
  /// Lets tensor cores multiply f32, with each factor rounded to TF32: to within 2^-11 of itself.
  bool gpuTf32 = false;
  /// What computes products on CUDA's devices that have it, in the place of kernels.
  GpuLibrary gpuLibrary;
  Emit emit = Emit::SharedLibrary;
  /// The exported symbol.
  std::string symbol = "ingot_artifact";
  /// The model's name in the artifact's table.
  std::string name = "model";
  /// Functions to compile; empty means all public ones.
  std::vector<std::string> functions;
  /// Puts variables' values (graph.variable's `value`) into the artifact.
  bool embedWeights = false;
  ConvPrecision convPrecision = ConvPrecision::Default;
  /// Less exact arithmetic for speed: exp and erf of f32 within 2^-15 of the result, products and
  /// sums of elements contracted and in any order. Results are still the same for any number of
  /// threads, but perhaps no longer for any batch, and NaN and infinities may come out as numbers.
  bool fastMath = false;
  MemoryBudget memoryBudget;
  CompileCache cache;
  /// Line tables that lead to node names.
  bool debugInfo = false;
  /// "", "address" or "thread": instruments the generated code.
  std::string sanitize;
  /// Surrounds each buffer with red zones and poisons dead ones.
  bool debugArena = false;
  /// By the op's symbol. Every custom op that is called needs its code.
  std::map<std::string, CustomCode> customCode;
  /// Stop after this phase (see Phases.h) and leave the module as it is then.
  std::string stopAfter;
  /// Called once the artifact is written, with the description of each variant, the preferred one
  /// first: for headers and summaries.
  std::function<void(llvm::ArrayRef<const ArtifactDescription *>)> onWritten;
};

/// Registers every dialect that the compiler works with.
void registerDialects(mlir::DialectRegistry &registry);

/// Compiles to `path`, written under a temporary name and renamed. Messages go to the context's
/// diagnostic handlers, each at the user's layer.
mlir::LogicalResult compileToFile(mlir::ModuleOp module, const CompileOptions &options,
                                  const std::string &path);

/// Runs the phases on the module up to and including options.stopAfter; for dumps and tests.
mlir::LogicalResult runPhases(mlir::ModuleOp module, const CompileOptions &options);

} // namespace ingot
