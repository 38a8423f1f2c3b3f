// error: input `input_0` of `predict` has elements of f8E4M3FN
func.func @predict(%x: tensor<2xf8E4M3FN>) -> tensor<2xf8E4M3FN> {
  %y = graph.neg %x : tensor<2xf8E4M3FN>
  return %y : tensor<2xf8E4M3FN>
}
