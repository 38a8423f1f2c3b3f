// What a cubin says of its kernels: the resources that each takes, and which instructions it is
// made of. Called by CompileUnits, whose gate it feeds, by the cost model, and by tests of what the
// emitter's text becomes.
#pragma once
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ingot::gpu {

struct KernelParameter {
  int64_t offset; ///< from the first one
  int64_t bytes;
};

/// How often each machine instruction is in a piece of code, by its name without modifiers
/// ("HMMA"); and once more with those that matter to us: "LDG.64" and "LDG.128" (LDS, STS, STG,
/// LDL, STL, LDGSTS alike), "LDSM.2" and "LDSM.4", "HMMA.1688", "HMMA.16816", "HMMA.BF16",
/// "HMMA.TF32", "HGMMA.64x128x16". What has no name here is counted by its number ("?1ab").
using InstructionCounts = std::map<std::string, int64_t>;

/// A loop with arithmetic on floats, and no other such loop in it. Loops that wait or copy are
/// none.
struct InstructionLoop {
  int64_t first, last; ///< instructions, by number; the last one branches to the first
  InstructionCounts instructions;
  /// How many groups of asynchronous copies (LDGSTS) may be under way when an iteration goes on to
  /// what it waited for.
  int64_t groupsUnderWay = 0;

  int64_t count(llvm::StringRef instruction) const;
};

struct KernelResources {
  std::string symbol;
  int64_t registers = 0;   ///< 32-bit ones of a thread
  int64_t sharedBytes = 0; ///< of a block, static; without what the system keeps for itself
  /// A thread's memory outside of registers, in bytes: spilled registers and indexed arrays.
  int64_t localBytes = 0;
  int64_t maxThreads = 0; ///< of a block, as the kernel was bounded; 0: it was not
  std::vector<KernelParameter> parameters;
  InstructionCounts instructions;
  /// In the order of the code.
  std::vector<InstructionLoop> loops;

  /// How often; 0 for none.
  int64_t count(llvm::StringRef instruction) const;
};

struct Cubin {
  int architecture = 0;                 ///< 86: compute capability 8.6
  std::vector<KernelResources> kernels; ///< by symbol
};

/// Reads machine code for GPUs of 7.5 and later, made by CUDA 12 or 13. Any bytes may be given:
/// what is not such a cubin, whole and consistent, is an error, found in time linear in the bytes.
llvm::Expected<Cubin> readCubin(llvm::StringRef bytes);

} // namespace ingot::gpu
