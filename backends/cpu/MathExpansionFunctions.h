// The functions of the math expansion as formulas over Real: one function per math op.
//
// Each keeps the contract of MathExpansion.h for f32 and f64. Used by the patterns in
// MathExpansion.cpp and by one another.
#pragma once
#include "backends/cpu/MathExpansionFormula.h"

namespace ingot::cpu::math {

// MathExpansionExp.cpp
Real exp(Real x);
Real exp2(Real x);
Real expm1(Real x);
/// exp(x) * 2^scale, rounded as if once; |scale| <= 64.
Real scaledExp(Real x, int scale);
/// The same for a pair of f64.
Real scaledExp(Pair x, int scale);
Real sinh(Real x);
Real cosh(Real x);
Real tanh(Real x);
Real erf(Real x);
Real erfc(Real x);

// MathExpansionLog.cpp
Real log(Real x);
Real log2(Real x);
Real log10(Real x);
Real log1p(Real x);
Real asinh(Real x);
Real acosh(Real x);
Real atanh(Real x);
Real cbrt(Real x);
Real pow(Real x, Real y);
/// The same in f64 for x that was an f32: precise enough for an f32 result only.
Real powOfWidened(Real x, Real y);

// MathExpansionTrigonometry.cpp
Real sin(Real x);
Real cos(Real x);
Real tan(Real x);
Real asin(Real x);
Real acos(Real x);
Real atan(Real x);
Real atan2(Real y, Real x);

// MathExpansionRound.cpp
Real floor(Real x);
Real ceil(Real x);
Real trunc(Real x);
/// Ties away from zero.
Real round(Real x);
Real roundEven(Real x);
/// C's fmod: x - n y exactly, n the quotient's whole part; the sign of x.
Real remainder(Real x, Real y);

} // namespace ingot::cpu::math
