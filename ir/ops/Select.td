// Choosing between tensors, and conversion of element types.
#ifndef INGOT_SELECT_TD
#define INGOT_SELECT_TD
include "ir/GraphBase.td"

def Graph_SelectOp : Graph_Inferred<"select", [DeclareOpInterfaceMethods<Graph_Scalar>,
    DeclareOpInterfaceMethods<Graph_Differentiable>]> {
  let summary = "onTrue where the condition holds, else onFalse; all of one shape";
  let arguments = (ins Graph_BoolTensor:$condition, Graph_Tensor:$onTrue, Graph_Tensor:$onFalse);
  let results = (outs Graph_Tensor:$result);
  let hasFolder = 1;
}

def Graph_RoundMode : I32EnumAttr<"RoundMode", "which power of two a float becomes", [
    I32EnumAttrCase<"Up", 0, "up">, I32EnumAttrCase<"Down", 1, "down">,
    I32EnumAttrCase<"Nearest", 2, "nearest">]> {
  let cppNamespace = "::ingot::graph";
}
def Graph_CastOp : Graph_Op<"cast", [Pure, DeclareOpInterfaceMethods<Graph_Scalar>,
    DeclareOpInterfaceMethods<Graph_Differentiable>]> {
  let summary = "the same elements in another element type";
  let description = [{
    Float to integer truncates towards zero and saturates, NaN becomes 0; integer to integer wraps;
    anything to bool is `x != 0`; float to float rounds to nearest even.

    What rounds beyond the greatest finite value of an 8-bit float becomes that with `saturate`, also
    from infinity, else infinity, or NaN where the type has none. f4E2M1FN, which has neither, always
    saturates; NaN becomes 0 of its sign. f8E8M0FNU has the powers of two from 2^-127 to 2^127: a
    number between two becomes one by `roundMode` (of two nearest the greater); one outside, 0 too,
    the nearest with `saturate`, else NaN; a negative one is NaN. The gradient of a cast to or from
    these small floats is 0.
  }];
  let arguments = (ins Graph_Tensor:$x, DefaultValuedAttr<BoolAttr, "true">:$saturate,
      DefaultValuedAttr<Graph_RoundMode, "::ingot::graph::RoundMode::Up">:$roundMode);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `to` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Graph_BitCastOp : Graph_Op<"bit_cast", [Pure, DeclareOpInterfaceMethods<Graph_Scalar>]> {
  let summary = "the same bits as elements of another type of as many bits";
  let description = [{
    A bool has 8 bits, 0 or 1; bits that become bools are true where any is set. Which NaN a NaN is
    may change.
  }];
  let arguments = (ins Graph_Tensor:$x);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `to` type($result)";
  let hasVerifier = 1;
}
#endif
