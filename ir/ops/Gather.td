// Ops that find their elements by computed indices, and those that compute indices. An index outside
// its range makes the run fail with a status that names the node; indices are not wrapped.
#ifndef INGOT_GATHER_TD
#define INGOT_GATHER_TD
include "ir/GraphBase.td"

def Graph_GatherOp : Graph_Inferred<"gather", [DeclareOpInterfaceMethods<Graph_Evaluable>,
    DeclareOpInterfaceMethods<Graph_Structured>, DeclareOpInterfaceMethods<Graph_Differentiable>]> {
  let summary = "slices of x along `axis` at the indices, whose dimensions take the axis's place";
  let arguments = (ins Graph_Tensor:$x, Graph_IntegerTensor:$indices, I64Attr:$axis);
  let results = (outs Graph_Tensor:$result);
}
def Graph_PickOp : Graph_Inferred<"pick", [DeclareOpInterfaceMethods<Graph_Evaluable>,
    DeclareOpInterfaceMethods<Graph_Structured>, DeclareOpInterfaceMethods<Graph_Differentiable>]> {
  let summary = "one element of each row: x (…, C), indices (…) -> (…)";
  let arguments = (ins Graph_Tensor:$x, Graph_IntegerTensor:$indices);
  let results = (outs Graph_Tensor:$result);
}
def Graph_OneHotOp : Graph_Op<"one_hot", [Pure, DeclareOpInterfaceMethods<Graph_Evaluable>,
    DeclareOpInterfaceMethods<Graph_Structured>]> {
  let summary = "1 where the last index is the label, else 0: labels (…) -> (…, depth)";
  let description = "A label outside 0 … depth - 1 gives a row of zeros.";
  let arguments = (ins Graph_IntegerTensor:$labels);
  let results = (outs Graph_NumberTensor:$result);
  let assemblyFormat = "$labels attr-dict `:` type($labels) `to` type($result)";
  let hasVerifier = 1;
}

class Graph_ArgExtremum<string mnemonic, string text>
    : Graph_Inferred<mnemonic, [DeclareOpInterfaceMethods<Graph_Evaluable>,
        DeclareOpInterfaceMethods<Graph_Structured>]> {
  let summary = text;
  let description = "The first NaN counts as the extremum. 0 over no element.";
  let arguments = (ins Graph_NumberTensor:$x, I64Attr:$axis);
  let results = (outs Graph_IntegerTensor:$result);
}
def Graph_ArgMaxOp : Graph_ArgExtremum<"argmax", "index (si64) of the first maximum along the axis">;
def Graph_ArgMinOp : Graph_ArgExtremum<"argmin", "index (si64) of the first minimum along the axis">;
#endif
