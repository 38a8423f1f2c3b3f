// Elementwise functions of one tensor.
#ifndef INGOT_UNARY_TD
#define INGOT_UNARY_TD
include "ir/GraphBase.td"

class Graph_Unary<string mnemonic, string text, Type operand = Graph_FloatTensor>
    : Graph_Op<mnemonic, [Pure, SameOperandsAndResultType,
        DeclareOpInterfaceMethods<Graph_Scalar>, DeclareOpInterfaceMethods<Graph_Differentiable>]> {
  let summary = text;
  let arguments = (ins operand:$x);
  let results = (outs operand:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

def Graph_NegOp : Graph_Unary<"neg", "-x; integers wrap", Graph_NumberTensor>;
def Graph_AbsOp : Graph_Unary<"abs", "magnitude; the least integer stays itself", Graph_NumberTensor>;
def Graph_ExpOp : Graph_Unary<"exp", "e to the x">;
def Graph_LogOp : Graph_Unary<"log", "natural logarithm; -inf at 0, NaN below">;
def Graph_SqrtOp : Graph_Unary<"sqrt", "square root; NaN below 0">;
def Graph_RsqrtOp : Graph_Unary<"rsqrt", "1 / sqrt(x)">;
def Graph_TanhOp : Graph_Unary<"tanh", "hyperbolic tangent">;
def Graph_SigmoidOp : Graph_Unary<"sigmoid", "1 / (1 + exp(-x))">;
def Graph_ReluOp : Graph_Unary<"relu", "max(x, 0); NaN stays NaN, the gradient at 0 is 0">;
def Graph_Exp2Op : Graph_Unary<"exp2", "2 to the x">;
def Graph_Expm1Op : Graph_Unary<"expm1", "exp(x) - 1, exact near 0">;
def Graph_Log1pOp : Graph_Unary<"log1p", "log(1 + x), exact near 0; -inf at -1, NaN below">;
def Graph_SinOp : Graph_Unary<"sin", "sine of radians; NaN at infinity">;
def Graph_CosOp : Graph_Unary<"cos", "cosine of radians; NaN at infinity">;
def Graph_TanOp : Graph_Unary<"tan", "tangent of radians; NaN at infinity">;
def Graph_ErfOp : Graph_Unary<"erf", "error function">;
def Graph_ReciprocalOp : Graph_Unary<"reciprocal", "1 / x">;
def Graph_SoftplusOp : Graph_Unary<"softplus", "log(1 + exp(x)) without overflow">;
def Graph_SignOp : Graph_Unary<"sign", "-1, 0 or 1; zeros and NaN stay; the gradient is 0",
    Graph_NumberTensor>;
def Graph_FloorOp : Graph_Unary<"floor", "the greatest integer <= x; the gradient is 0">;
def Graph_CeilOp : Graph_Unary<"ceil", "the least integer >= x; the gradient is 0">;
def Graph_RoundOp : Graph_Unary<"round", "the nearest integer, the even one of two; the gradient is 0">;

def Graph_ClampOp : Graph_Op<"clamp", [Pure, SameOperandsAndResultType,
    DeclareOpInterfaceMethods<Graph_Scalar>, DeclareOpInterfaceMethods<Graph_Differentiable>]> {
  let summary = "min(max(x, low), high); NaN stays; the gradient passes where low <= x <= high";
  let arguments = (ins Graph_FloatTensor:$x, F64Attr:$low, F64Attr:$high);
  let results = (outs Graph_FloatTensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

class Graph_Test<string mnemonic, string text>
    : Graph_Inferred<mnemonic, [DeclareOpInterfaceMethods<Graph_Scalar>]> {
  let summary = text;
  let arguments = (ins Graph_FloatTensor:$x);
  let results = (outs Graph_BoolTensor:$result);
}
def Graph_IsNanOp : Graph_Test<"is_nan", "whether x is not a number">;
def Graph_IsInfOp : Graph_Test<"is_inf", "whether x is inf or -inf">;
def Graph_IsFiniteOp : Graph_Test<"is_finite", "whether x is neither infinite nor NaN">;
#endif
