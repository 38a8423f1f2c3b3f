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

def Graph_CastOp : Graph_Op<"cast", [Pure, DeclareOpInterfaceMethods<Graph_Scalar>,
    DeclareOpInterfaceMethods<Graph_Differentiable>]> {
  let summary = "the same elements in another element type";
  let description = [{
    Float to integer truncates towards zero and saturates, NaN becomes 0; integer to integer wraps;
    anything to bool is `x != 0`; float to float rounds to nearest even.
  }];
  let arguments = (ins Graph_Tensor:$x);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `to` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}
#endif
