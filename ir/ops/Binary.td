// Elementwise functions of two tensors of one shape and type, and comparisons.
#ifndef INGOT_BINARY_TD
#define INGOT_BINARY_TD
include "ir/GraphBase.td"

class Graph_Binary<string mnemonic, string text, Type operand = Graph_NumberTensor>
    : Graph_Op<mnemonic, [Pure, SameOperandsAndResultType,
        DeclareOpInterfaceMethods<Graph_Scalar>, DeclareOpInterfaceMethods<Graph_Differentiable>]> {
  let summary = text;
  let arguments = (ins operand:$lhs, operand:$rhs);
  let results = (outs operand:$result);
  let assemblyFormat = "operands attr-dict `:` type($result)";
}

def Graph_AddOp : Graph_Binary<"add", "lhs + rhs; integers wrap"> { let hasFolder = 1; }
def Graph_SubOp : Graph_Binary<"sub", "lhs - rhs; integers wrap"> { let hasFolder = 1; }
def Graph_MulOp : Graph_Binary<"mul", "lhs x rhs; integers wrap"> { let hasFolder = 1; }
def Graph_DivOp : Graph_Binary<"div", "lhs / rhs; integers truncate, x / 0 = 0, least / -1 = least"> { let hasFolder = 1; }
def Graph_MaxOp : Graph_Binary<"max", "the larger; NaN if either is NaN">;
def Graph_MinOp : Graph_Binary<"min", "the smaller; NaN if either is NaN">;
def Graph_PowOp : Graph_Binary<"pow", "lhs to the rhs as C's pow; its gradient for rhs is 0 where lhs <= 0",
    Graph_FloatTensor>;
def Graph_RemOp : Graph_Binary<"rem",
    "remainder of the truncated quotient, of lhs's sign; integers: x rem 0 = 0, least rem -1 = 0">;
def Graph_FloorModOp : Graph_Binary<"floor_mod",
    "remainder of the floored quotient, of rhs's sign; integers: x mod 0 = 0">;
def Graph_Atan2Op : Graph_Binary<"atan2", "the angle of the point (rhs, lhs)", Graph_FloatTensor>;

def Graph_Predicate : I32EnumAttr<"Predicate", "comparison", [
    I32EnumAttrCase<"EQ", 0, "eq">, I32EnumAttrCase<"NE", 1, "ne">, I32EnumAttrCase<"LT", 2, "lt">,
    I32EnumAttrCase<"LE", 3, "le">, I32EnumAttrCase<"GT", 4, "gt">, I32EnumAttrCase<"GE", 5, "ge">]> {
  let cppNamespace = "::ingot::graph";
}
def Graph_CompareOp : Graph_Inferred<"compare", [SameTypeOperands,
    DeclareOpInterfaceMethods<Graph_Scalar>]> {
  let summary = "lhs <predicate> rhs as bool; only `ne` holds with a NaN";
  let arguments = (ins Graph_Predicate:$predicate, Graph_NumberTensor:$lhs, Graph_NumberTensor:$rhs);
  let results = (outs Graph_BoolTensor:$result);
}
#endif
