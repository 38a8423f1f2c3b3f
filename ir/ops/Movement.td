// Ops that move elements and compute nothing.
#ifndef INGOT_MOVEMENT_TD
#define INGOT_MOVEMENT_TD
include "ir/GraphBase.td"

class Graph_Movement<string mnemonic, list<Trait> traits = []>
    : Graph_Op<mnemonic, [Pure, DeclareOpInterfaceMethods<Graph_Evaluable>,
        DeclareOpInterfaceMethods<Graph_Structured>,
        DeclareOpInterfaceMethods<Graph_Differentiable>] # traits>;

def Graph_ReshapeOp : Graph_Movement<"reshape"> {
  let summary = "the same elements in row-major order with other dimensions";
  let arguments = (ins Graph_Tensor:$x);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `to` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Graph_TransposeOp : Graph_Movement<"transpose", [InferTypeOpAdaptor]> {
  let summary = "dimension d of the result is dimension permutation[d] of x";
  let arguments = (ins Graph_Tensor:$x, DenseI64ArrayAttr:$permutation);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type($x, $result)";
  let hasFolder = 1;
}

def Graph_BroadcastOp : Graph_Movement<"broadcast"> {
  let summary = "repeats x along the dimensions of the result that `axes` does not name";
  let description = [{
    axes[d] is the dimension of the result that dimension d of x becomes (increasing). A dimension of
    x of size 1 may become one of any size; otherwise the sizes are equal.
  }];
  let arguments = (ins Graph_Tensor:$x, DenseI64ArrayAttr:$axes);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `to` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}
#endif
