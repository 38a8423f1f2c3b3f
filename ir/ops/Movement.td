// Ops that move elements and compute nothing.
#ifndef INGOT_MOVEMENT_TD
#define INGOT_MOVEMENT_TD
include "ir/GraphBase.td"

class Graph_Movement<string mnemonic, list<Trait> traits = []>
    : Graph_Op<mnemonic, [Pure, DeclareOpInterfaceMethods<Graph_Evaluable>,
        DeclareOpInterfaceMethods<Graph_Structured>,
        DeclareOpInterfaceMethods<Graph_Differentiable>] # traits>;

def Graph_CountCheck : I32EnumAttr<"CountCheck", "when the numbers of elements are compared", [
    I32EnumAttrCase<"Now", 0, "now">, I32EnumAttrCase<"Plan", 1, "plan">,
    I32EnumAttrCase<"Never", 2, "never">]> {
  let cppNamespace = "::ingot::graph";
}
def Graph_ReshapeOp : Graph_Movement<"reshape"> {
  let summary = "the same elements in row-major order with other dimensions";
  let description = [{
    `check` says when the numbers of elements must be seen to agree: `now`, by the expressions; `plan`,
    for sizes that come from a shape input: other sizes make the plan refuse; `never`, where whoever
    made the op knows that they do whenever it runs (in a branch for just these sizes).
  }];
  let arguments = (ins Graph_Tensor:$x,
      DefaultValuedAttr<Graph_CountCheck, "::ingot::graph::CountCheck::Now">:$check);
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

def Graph_SliceOp : Graph_Movement<"slice", [InferTypeOpAdaptor]> {
  let summary = "result[i] = x[starts + i * strides], of dimensions `sizes`";
  let description = [{
    Strides are positive. What is static is checked when compiling; a symbolic start or size that
    leaves the tensor makes the run fail with a status.
  }];
  let arguments = (ins Graph_Tensor:$x, Graph_DimsAttr:$starts, Graph_DimsAttr:$sizes,
                       DenseI64ArrayAttr:$strides);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type($x, $result)";
}

def Graph_PadOp : Graph_Movement<"pad", [InferTypeOpAdaptor]> {
  let summary = "x with `value` before, after and between its elements along each dimension";
  let description = [{
    `low` elements before, `high` after, `interior` >= 0 between neighbours; negative low or high drops
    elements (after the interior ones are put in). For integers `value` is converted as by cast.
  }];
  let arguments = (ins Graph_Tensor:$x, Graph_DimsAttr:$low, Graph_DimsAttr:$high,
                       DenseI64ArrayAttr:$interior, DefaultValuedAttr<F64Attr, "0.0">:$value);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type($x, $result)";
}

def Graph_ConcatOp : Graph_Movement<"concat", [InferTypeOpAdaptor]> {
  let summary = "the inputs one after another along `axis`; other dimensions are equal";
  let arguments = (ins Variadic<Graph_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$inputs attr-dict `:` functional-type($inputs, $result)";
}

def Graph_ReverseOp : Graph_Movement<"reverse", [SameOperandsAndResultType]> {
  let summary = "x with its elements in opposite order along `axes`";
  let arguments = (ins Graph_Tensor:$x, DenseI64ArrayAttr:$axes);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let hasVerifier = 1;
}
#endif
