// Ops whose result at a place depends on the order of elements along an axis.
#ifndef INGOT_ORDERED_TD
#define INGOT_ORDERED_TD
include "ir/GraphBase.td"

def Graph_CumulateKind : I32EnumAttr<"CumulateKind", "how elements are combined", [
    I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Prod", 1, "prod">]> {
  let cppNamespace = "::ingot::graph";
}
def Graph_CumulateOp : Graph_Inferred<"cumulate", [DeclareOpInterfaceMethods<Graph_Evaluable>,
    DeclareOpInterfaceMethods<Graph_Structured>, DeclareOpInterfaceMethods<Graph_Differentiable>]> {
  let summary = "running sum or product along `axis`";
  let description = [{
    Each element is combined with all before it, or behind it with `reverse`; `exclusive` leaves the
    element itself out, so that the first is 0 or 1.
  }];
  let arguments = (ins Graph_NumberTensor:$x, Graph_CumulateKind:$kind, I64Attr:$axis,
                       DefaultValuedAttr<BoolAttr, "false">:$exclusive,
                       DefaultValuedAttr<BoolAttr, "false">:$reverse);
  let results = (outs Graph_NumberTensor:$result);
}
def Graph_ArgSortOp : Graph_Inferred<"argsort", [DeclareOpInterfaceMethods<Graph_Evaluable>,
    DeclareOpInterfaceMethods<Graph_Structured>]> {
  let summary = "positions (si64) of each row's elements in increasing order: x (…, n) -> (…, n)";
  let description = [{
    With `descending` in decreasing order; of equal elements the first comes first in both. NaN counts
    as greater than every number, the two zeros as equal.
  }];
  let arguments = (ins Graph_NumberTensor:$x, DefaultValuedAttr<BoolAttr, "false">:$descending);
  let results = (outs Graph_IntegerTensor:$result);
}
#endif
