// Writing at computed places.
#ifndef INGOT_SCATTER_TD
#define INGOT_SCATTER_TD
include "ir/GraphBase.td"

def Graph_ScatterKind : I32EnumAttr<"ScatterKind", "what an update does to what is there", [
    I32EnumAttrCase<"Set", 0, "set">, I32EnumAttrCase<"Add", 1, "add">,
    I32EnumAttrCase<"Mul", 2, "mul">, I32EnumAttrCase<"Max", 3, "max">,
    I32EnumAttrCase<"Min", 4, "min">]> {
  let cppNamespace = "::ingot::graph";
}
def Graph_ScatterOp : Graph_Inferred<"scatter", [DeclareOpInterfaceMethods<Graph_Evaluable>,
    DeclareOpInterfaceMethods<Graph_Structured>, DeclareOpInterfaceMethods<Graph_Differentiable>]> {
  let summary = "base with its row indices[i] replaced by, or combined with, updates[i, …], in order of i";
  let description = [{
    base (v, d…), indices (i…), updates (i…, d…): the result has base's type. With `set` the last of
    several updates of a row stays. max and min give NaN if either is NaN; their gradient goes to all
    that equal the result, in equal parts. Bools can only be set. An index outside 0 … v - 1 makes the
    run fail with a status that names the node.
  }];
  let arguments = (ins Graph_NumberTensor:$base, Graph_IntegerTensor:$indices,
                       Graph_NumberTensor:$updates, Graph_ScatterKind:$kind);
  let results = (outs Graph_NumberTensor:$result);
}
#endif
