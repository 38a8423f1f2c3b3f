// Named descriptions of CPUs: what code generation may assume. Nothing else asks the machine.
//
// "host" resolves to the highest level that this CPU has; the resolved name is what an artifact
// records.
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace ingot::cpu {

struct CpuTarget {
  std::string name;         // "x86-64-v4"
  std::string llvmCpu;      // LLVM's -mcpu
  std::string features;     // LLVM's feature string, e.g. "-prefer-256-bit"
  int64_t vectorBytes = 16; // width of a vector register
  int64_t vectorRegisters = 16;
  bool fma = false;           // fused multiply-add in hardware; without it mul and add are separate
  bool maskedMemory = false;  // cheap masked loads and stores (AVX-512)
  bool dotProducts = false;   // sums of four products of bytes in one instruction (VNNI)
  bool brainProducts = false; // of two products of bf16 (AVX512_BF16)
  bool tiles = false; // products of matrices of 16 rows of 64 bytes, of bytes and of bf16 (AMX)
  int64_t l1Bytes = 32 << 10, l2Bytes = 1 << 20;
  int rank = 0; // order among variants; a higher one is preferred
  /// f32 lanes of one register.
  int64_t lanes() const { return vectorBytes / 4; }
};

/// Linux gives a process the state of tiles when it asks: arch_prctl(ARCH_REQ_XCOMP_PERM, the
/// number of that state). Asking again changes nothing.
constexpr int64_t requestPermission = 0x1023, tileData = 18, archPrctl = 158;

/// x86-64 (SSE2), x86-64-v2, x86-64-v3 (AVX2, FMA), x86-64-v4 (AVX-512), the last two also with
/// VNNI (…+vnni); x86-64-v4+bf16 with VNNI and AVX512_BF16, x86-64-v4+amx with both and AMX. Null
/// for an unknown name.
const CpuTarget *lookupTarget(llvm::StringRef name);
llvm::ArrayRef<CpuTarget> allTargets();
/// The best level this machine can run.
const CpuTarget &hostTarget();
/// Whether this machine can run code for the target. Of one with tiles Linux is asked for their
/// state, which this process has from then on.
bool runsHere(const CpuTarget &target);

} // namespace ingot::cpu
