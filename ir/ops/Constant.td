// Tensors known when compiling.
#ifndef INGOT_CONSTANT_TD
#define INGOT_CONSTANT_TD
include "ir/GraphBase.td"

def Graph_ConstantOp : Graph_Op<"constant", [Pure, ConstantLike,
    DeclareOpInterfaceMethods<Graph_Evaluable>, DeclareOpInterfaceMethods<Graph_Structured>]> {
  let summary = "a tensor known when compiling; a splat may have any shape";
  let description = [{
    `value` is a dense elements attribute. A splat of rank 0 fills the result, whose dimensions may be
    symbolic; otherwise the value's shape is the result's.
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$value attr-dict `:` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Graph_ExtentOp : Graph_Op<"extent", [Pure, DeclareOpInterfaceMethods<Graph_Evaluable>,
    DeclareOpInterfaceMethods<Graph_Structured>]> {
  let summary = "the value of a dimension expression as a scalar";
  let arguments = (ins Graph_DimsAttr:$dim);
  let results = (outs Graph_NumberTensor:$result);
  let assemblyFormat = "$dim attr-dict `:` type($result)";
  let hasFolder = 1;
}

def Graph_IotaOp : Graph_Op<"iota", [Pure, DeclareOpInterfaceMethods<Graph_Evaluable>,
    DeclareOpInterfaceMethods<Graph_Structured>]> {
  let summary = "the index along `axis`: 0, 1, 2, …";
  let arguments = (ins I64Attr:$axis);
  let results = (outs Graph_NumberTensor:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
  let hasVerifier = 1;
}
#endif
