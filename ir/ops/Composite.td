// Formulas over other ops that networks use as one: normalisation, losses, activations.
#ifndef INGOT_COMPOSITE_TD
#define INGOT_COMPOSITE_TD
include "ir/GraphBase.td"

class Graph_Formula<string mnemonic, dag operands, list<Trait> traits = []>
    : Graph_Inferred<mnemonic, [DeclareOpInterfaceMethods<Graph_Composite>] # traits> {
  let arguments = operands;
  let results = (outs Graph_FloatTensor:$result);
}
defvar Graph_OwnGradient = [DeclareOpInterfaceMethods<Graph_Differentiable>];

def Graph_SoftmaxOp : Graph_Formula<"softmax", (ins Graph_FloatTensor:$x, I64Attr:$axis),
    Graph_OwnGradient> {
  let summary = "exp(x) / sum of exp(x) along the axis, without overflow";
}
def Graph_LogSoftmaxOp : Graph_Formula<"log_softmax", (ins Graph_FloatTensor:$x, I64Attr:$axis),
    Graph_OwnGradient> {
  let summary = "log(softmax(x)) along the axis, without overflow";
}
def Graph_CrossEntropyOp : Graph_Formula<"cross_entropy",
    (ins Graph_FloatTensor:$logits, Graph_FloatTensor:$targets), Graph_OwnGradient> {
  let summary = "- sum of targets x log_softmax(logits) along the last axis: one loss a sample";
}
def Graph_SparseCrossEntropyOp : Graph_Formula<"sparse_cross_entropy",
    (ins Graph_FloatTensor:$logits, Graph_IntegerTensor:$labels), Graph_OwnGradient> {
  let summary = "- log_softmax(logits) at the label's class: logits (…, C), labels (…) -> (…)";
  let description = "A label outside 0 … C - 1 is a run-time error.";
}
def Graph_GeluOp : Graph_Formula<"gelu",
    (ins Graph_FloatTensor:$x, DefaultValuedAttr<BoolAttr, "false">:$approximate)> {
  let summary = "x times the normal distribution at x; `approximate`: by its tanh formula";
}

def Graph_BatchNormOp : Graph_Inferred<"batch_norm", [DeclareOpInterfaceMethods<Graph_Composite>,
    DeclareOpInterfaceMethods<Graph_Differentiable>]> {
  let summary = "normalisation by the batch's own mean and variance a feature, for training";
  let description = [{
    Over all axes but `axis`: result = (x - mean) / sqrt(variance + epsilon) * gamma + beta, variance
    being the mean squared deviation (not the unbiased estimate). gamma, beta, mean and variance have
    the feature dimension alone.
  }];
  let arguments = (ins Graph_FloatTensor:$x, Graph_FloatTensor:$gamma, Graph_FloatTensor:$beta,
                       I64Attr:$axis, F64Attr:$epsilon);
  let results = (outs Graph_FloatTensor:$result, Graph_FloatTensor:$mean,
                      Graph_FloatTensor:$variance);
}
def Graph_BatchNormInferenceOp : Graph_Formula<"batch_norm_inference",
    (ins Graph_FloatTensor:$x, Graph_FloatTensor:$gamma, Graph_FloatTensor:$beta,
         Graph_FloatTensor:$mean, Graph_FloatTensor:$variance, I64Attr:$axis, F64Attr:$epsilon)> {
  let summary = "(x - mean) * (gamma / sqrt(variance + epsilon)) + beta along the feature axis";
}
def Graph_LayerNormOp : Graph_Formula<"layer_norm",
    (ins Graph_FloatTensor:$x, Graph_FloatTensor:$gamma, Graph_FloatTensor:$beta,
         DenseI64ArrayAttr:$axes, F64Attr:$epsilon), Graph_OwnGradient> {
  let summary = "normalisation of each sample over `axes`, times gamma plus beta";
  let description = "`axes` increase; gamma and beta have x's dimensions along them.";
}
#endif
