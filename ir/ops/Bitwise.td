// Logic on bools and bits of integers.
#ifndef INGOT_BITWISE_TD
#define INGOT_BITWISE_TD
include "ir/GraphBase.td"

def Graph_Bits : RankedTensorOf<Graph_Integers # [I1], [], "tensor of integers or bools">;
class Graph_Bitwise<string mnemonic, string text, dag operands, Type type = Graph_Bits>
    : Graph_Op<mnemonic, [Pure, SameOperandsAndResultType,
        DeclareOpInterfaceMethods<Graph_Scalar>]> {
  let summary = text;
  let arguments = operands;
  let results = (outs type:$result);
  let assemblyFormat = "operands attr-dict `:` type($result)";
}
def Graph_NotOp : Graph_Bitwise<"not", "every bit inverted", (ins Graph_Bits:$x)>;
def Graph_AndOp : Graph_Bitwise<"and", "bits set in both", (ins Graph_Bits:$lhs, Graph_Bits:$rhs)>;
def Graph_OrOp : Graph_Bitwise<"or", "bits set in either", (ins Graph_Bits:$lhs, Graph_Bits:$rhs)>;
def Graph_XorOp : Graph_Bitwise<"xor", "bits set in one", (ins Graph_Bits:$lhs, Graph_Bits:$rhs)>;

class Graph_Shift<string mnemonic, string text>
    : Graph_Bitwise<mnemonic, text, (ins Graph_IntegerTensor:$x, Graph_IntegerTensor:$count),
        Graph_IntegerTensor>;
def Graph_ShlOp : Graph_Shift<"shl", "x * 2^count; 0 for a count outside 0 ... width - 1">;
def Graph_ShrOp : Graph_Shift<"shr",
    "floor(x / 2^count); 0, or -1 for a negative x, for a count outside 0 ... width - 1">;
#endif
