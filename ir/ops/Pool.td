// Pooling over windows of the spatial dimensions, channels last, and its gradients.
#ifndef INGOT_POOL_TD
#define INGOT_POOL_TD
include "ir/ops/Convolution.td"

defvar Graph_PoolAttributes = !con((ins DenseI64ArrayAttr:$window), Graph_WindowAttributes);

def Graph_MaxPoolOp : Graph_Inferred<"max_pool", [DeclareOpInterfaceMethods<Graph_Evaluable>,
    DeclareOpInterfaceMethods<Graph_Structured>, DeclareOpInterfaceMethods<Graph_Differentiable>]> {
  let summary = "the maximum of each window: x (N, spatial…, C) -> (N, out…, C)";
  let description = [{
    Sizes and positions of the windows are those of conv. Padding counts as -inf (integers: the least
    value). A window with a NaN gives NaN.
  }];
  let arguments = !con((ins Graph_NumberTensor:$x), Graph_PoolAttributes);
  let results = (outs Graph_NumberTensor:$result);
}
def Graph_MaxPoolGradientOp : Graph_Inferred<"max_pool_gradient", [
    DeclareOpInterfaceMethods<Graph_Evaluable>, DeclareOpInterfaceMethods<Graph_Structured>]> {
  let summary = "the gradient of max_pool for x, given the gradient dy of its result";
  let description = [{
    dy of a window goes to its first maximum in row-major order (its first NaN if it has one), padding
    counting as -inf: what goes to padding is lost.
  }];
  let arguments = !con((ins Graph_FloatTensor:$x, Graph_FloatTensor:$dy), Graph_PoolAttributes);
  let results = (outs Graph_FloatTensor:$result);
}
class Graph_AveragePool<string mnemonic, dag operands, list<Trait> traits>
    : Graph_Op<mnemonic, [Pure, DeclareOpInterfaceMethods<Graph_Evaluable>,
        DeclareOpInterfaceMethods<Graph_Structured>,
        DeclareOpInterfaceMethods<Graph_Differentiable>] # traits> {
  let arguments = !con(operands, Graph_PoolAttributes,
      (ins DefaultValuedAttr<BoolAttr, "false">:$countIncludePad));
  let results = (outs Graph_FloatTensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}
def Graph_AvgPoolOp : Graph_AveragePool<"avg_pool", (ins Graph_FloatTensor:$x),
    [InferTypeOpAdaptor]> {
  let summary = "the mean of each window: x (N, spatial…, C) -> (N, out…, C)";
  let description = [{
    The sum is divided by the number of elements that are not padding, or by the window's size with
    `countIncludePad`. A window of padding alone gives 0.
  }];
}
def Graph_AvgPoolGradientOp : Graph_AveragePool<"avg_pool_gradient", (ins Graph_FloatTensor:$dy),
    []> {
  let summary = "the gradient of avg_pool for x, given the gradient dy of its result";
  let description = "Attributes are those of the avg_pool; the result's type is that of its x.";
  let hasVerifier = 1;
}
#endif
