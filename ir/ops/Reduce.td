// Reductions along axes.
#ifndef INGOT_REDUCE_TD
#define INGOT_REDUCE_TD
include "ir/GraphBase.td"

def Graph_ReduceKind : I32EnumAttr<"ReduceKind", "how elements are combined", [
    I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Prod", 1, "prod">,
    I32EnumAttrCase<"Max", 2, "max">, I32EnumAttrCase<"Min", 3, "min">]> {
  let cppNamespace = "::ingot::graph";
}
def Graph_ReduceOp : Graph_Inferred<"reduce", [DeclareOpInterfaceMethods<Graph_Evaluable>,
    DeclareOpInterfaceMethods<Graph_Structured>, DeclareOpInterfaceMethods<Graph_Differentiable>]> {
  let summary = "combines all elements along `axes`, which disappear";
  let description = [{
    Over no element: sum 0, prod 1, max the least value (-inf), min the greatest. max and min give
    NaN when an element is NaN; their gradient goes to every element that equals the result, in equal
    parts.
  }];
  let arguments = (ins Graph_NumberTensor:$x, Graph_ReduceKind:$kind, DenseI64ArrayAttr:$axes);
  let results = (outs Graph_NumberTensor:$result);
}
#endif
