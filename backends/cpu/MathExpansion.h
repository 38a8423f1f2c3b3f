// Math without a math library: rewrites the math dialect into plain arithmetic.
//
// Invariant: what comes out needs no function outside the module on the target, and a scalar, a
// vector of any width and each of its lanes give the same bits. Called by the CPU back end on the
// code of one variant before it is lowered to LLVM; see docs in the functions' files.
#pragma once
#include "backends/cpu/CpuTarget.h"

namespace mlir {
class ModuleOp;
}

namespace ingot::cpu {

/// Rewrites the math ops in every function of the module (and the arith ops that LLVM would turn
/// into calls on this target) for f64, f32, f16 and bf16, scalars and fixed-length vectors of rank
/// one. Values follow IEEE 754 in round-to-nearest with denormals: at most 4 ulp off over the whole
/// range, NaN in gives NaN out, signs of zero and limits are those of C's functions. f16 and bf16
/// are computed in f32 and rounded. Without FMA in the target, math.fma and vector.fma become a
/// product and a sum, each rounded.
/// Left as they are because LLVM has instructions for them: sqrt, absf, copysign, and from
/// x86-64-v2 on floor, ceil, trunc, roundeven. Loads the dialects it writes into the module's
/// context. Not safe while another thread uses that context.
/// `fast`: exp and erf of f32 within 2^-15 of the result instead (above 2^127 perhaps infinite),
/// and what else is there may be contracted and put into another order, each lane as the compiler
/// sees fit.
void expandMath(mlir::ModuleOp module, const CpuTarget &target, bool fast = false);

/// The same for code of scalars on a device, which has fused multiply-adds, rounding and all
/// conversions of f16 and bf16 itself: these stay.
void expandMathForDevice(mlir::ModuleOp module, bool fast = false);

} // namespace ingot::cpu
