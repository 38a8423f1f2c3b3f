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

def Graph_NegOp : Graph_Unary<"neg", "-x; integers wrap", Graph_Tensor>;
def Graph_AbsOp : Graph_Unary<"abs", "magnitude; the least integer stays itself", Graph_Tensor>;
def Graph_ExpOp : Graph_Unary<"exp", "e to the x">;
def Graph_LogOp : Graph_Unary<"log", "natural logarithm; -inf at 0, NaN below">;
def Graph_SqrtOp : Graph_Unary<"sqrt", "square root; NaN below 0">;
def Graph_RsqrtOp : Graph_Unary<"rsqrt", "1 / sqrt(x)">;
def Graph_TanhOp : Graph_Unary<"tanh", "hyperbolic tangent">;
def Graph_SigmoidOp : Graph_Unary<"sigmoid", "1 / (1 + exp(-x))">;
def Graph_ReluOp : Graph_Unary<"relu", "max(x, 0); NaN stays NaN, the gradient at 0 is 0">;
#endif
