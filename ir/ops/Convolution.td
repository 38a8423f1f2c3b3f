// Convolution over any number of spatial dimensions, channels last, and its two gradients.
#ifndef INGOT_CONVOLUTION_TD
#define INGOT_CONVOLUTION_TD
include "ir/GraphBase.td"

defvar Graph_WindowAttributes = (ins DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations,
    DenseI64ArrayAttr:$paddingLow, DenseI64ArrayAttr:$paddingHigh);
defvar Graph_ConvolutionAttributes = !con(Graph_WindowAttributes,
    (ins DefaultValuedAttr<I64Attr, "1">:$groups));

class Graph_Convolution<string mnemonic, dag operands, list<Trait> traits>
    : Graph_Op<mnemonic, [Pure, SameOperandsElementType, DeclareOpInterfaceMethods<Graph_Evaluable>,
        DeclareOpInterfaceMethods<Graph_Structured>,
        DeclareOpInterfaceMethods<Graph_Differentiable>] # traits> {
  let arguments = !con(operands, Graph_ConvolutionAttributes);
  let results = (outs Graph_NumberTensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def Graph_ConvOp : Graph_Convolution<"conv", (ins Graph_NumberTensor:$x, Graph_NumberTensor:$kernel),
    [InferTypeOpAdaptor]> {
  let summary = "x (N, spatial…, Ci) * kernel (k…, Ci / groups, Co) -> (N, out…, Co)";
  let description = [{
    result[n, o, co] = sum over k, ci of x[n, o * stride + k * dilation - paddingLow, ci] * kernel[k,
    ci, co], where x is 0 outside: what frameworks call convolution, the kernel is not turned. With
    groups, output channel co sees the input channels of its group co / (Co / groups) alone. The
    kernel's dimensions are static. out = (in + paddingLow + paddingHigh - ((k - 1) * dilation + 1))
    floordiv stride + 1, at least 0.
  }];
}
def Graph_ConvInputGradientOp : Graph_Convolution<"conv_input_gradient",
    (ins Graph_NumberTensor:$dy, Graph_NumberTensor:$kernel), []> {
  let summary = "the gradient of conv for x, given the gradient dy of its result";
  let description = "Attributes are those of the conv; the result's type is that of its x.";
  let hasVerifier = 1;
}
def Graph_ConvKernelGradientOp : Graph_Convolution<"conv_kernel_gradient",
    (ins Graph_NumberTensor:$x, Graph_NumberTensor:$dy), []> {
  let summary = "the gradient of conv for its kernel, given the gradient dy of its result";
  let description = "Attributes are those of the conv; the result's type is that of its kernel.";
  let hasVerifier = 1;
}
#endif
