// Sizes that are known only while the program runs.
#ifndef INGOT_SIZES_TD
#define INGOT_SIZES_TD
include "ir/GraphBase.td"

def Graph_BindOp : Graph_Op<"bind", [DeclareOpInterfaceMethods<Graph_Evaluable>,
    DeclareOpInterfaceMethods<Graph_Structured>, MemoryEffects<[MemWrite]>]> {
  let summary = "the first `count` rows of x; the symbol is their number from here on";
  let description = [{
    `symbol` is one that `graph.lets` of the function defines, as x's leading dimension: up to this op,
    and in the plan, it has that value, the bound. Tensors made of the symbol are planned by the bound
    and have their real extents when they are computed. `count` (a scalar si64) outside 0 … bound makes
    the run fail with a status. Stands in the function's body, outside control flow.
  }];
  let arguments = (ins Graph_Tensor:$x, Graph_IntegerTensor:$count, StrAttr:$symbol);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$x `,` $count `as` $symbol attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
#endif
