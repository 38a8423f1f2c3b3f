// Random numbers: pure functions of (seed, step, op id, element index), the same bits everywhere,
// whatever the layout, fusion, device or number of threads.
#ifndef INGOT_RANDOM_TD
#define INGOT_RANDOM_TD
include "ir/GraphBase.td"

defvar Graph_RandomOperands = (ins Graph_IntegerTensor:$seed, Graph_IntegerTensor:$step, I64Attr:$id);

def Graph_RandomBitsOp : Graph_Op<"random_bits", [Pure, DeclareOpInterfaceMethods<Graph_Evaluable>,
    DeclareOpInterfaceMethods<Graph_Structured>]> {
  let summary = "32 random bits (ui32) an element";
  let description = [{
    Word `word` (0 … 3) of Philox4x32-10 with the key (low, high half of the seed) and the counter
    (low, high half of the row-major element number, low half of step, id). seed and step are scalars
    of any integer type; 0 <= id < 2^32, different for each op of a model.
  }];
  let arguments = !con(Graph_RandomOperands, (ins DefaultValuedAttr<I64Attr, "0">:$word));
  let results = (outs RankedTensorOf<[UI<32>]>:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
class Graph_Random<string mnemonic, string text>
    : Graph_Op<mnemonic, [Pure, DeclareOpInterfaceMethods<Graph_Composite>]> {
  let summary = text;
  let arguments = Graph_RandomOperands;
  let results = (outs Graph_FloatTensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}
def Graph_RandomUniformOp : Graph_Random<"random_uniform", "uniform in [0, 1)"> {
  let description = [{
    The top bits of random_bits, as many as the element type's significand has, at most 24, times the
    power of two that makes them less than 1: exact in the element type.
  }];
}
def Graph_RandomNormalOp : Graph_Random<"random_normal", "normal with mean 0 and variance 1"> {
  let description = [{
    Box-Muller on words 0 and 1: sqrt(-2 log(1 - u0)) cos(2 pi u1), in f32 for narrower types. The
    bits behind it are the same everywhere; the last places depend on the target's log and cos.
  }];
}
def Graph_DropoutOp : Graph_Inferred<"dropout", [DeclareOpInterfaceMethods<Graph_Composite>,
    DeclareOpInterfaceMethods<Graph_Differentiable>]> {
  let summary = "0 with probability `rate`, else x / (1 - rate)";
  let description = [{
    An element is kept where random_bits >= rate * 2^32. The gradient is the same op on the gradient:
    the mask is computed again, not stored.
  }];
  let arguments = !con((ins Graph_FloatTensor:$x), Graph_RandomOperands, (ins F64Attr:$rate));
  let results = (outs Graph_FloatTensor:$result);
}
#endif
