// f16 and bf16: arithmetic in f32, conversions as integer arithmetic where the CPU has none.
//
// Used by expandMath, before and after its formulas.
#pragma once
#include "backends/cpu/CpuTarget.h"

namespace mlir {
class ModuleOp;
}

namespace ingot::cpu {

/// Every arith, math and vector.fma op that computes on f16 or bf16 does so in f32 on widened
/// operands and rounds its result; comparisons and conversions to and from integers too (from
/// integers through f64). With f32 arithmetic this rounds +, -, *, / and sqrt as if once.
void widenHalves(mlir::ModuleOp module);

/// Conversions between f16 or bf16 and f32 or f64, each rounded once, need no call: all of bf16's
/// and f64's become integer arithmetic, f16's with f32 only where the target has no F16C. A format
/// without conversions of the CPU's is its bits, an i16, from here on: LLVM would carry a bf16
/// through branches as an f32, and call a library to narrow it.
void expandHalfConversions(mlir::ModuleOp module, const CpuTarget &target);

} // namespace ingot::cpu
