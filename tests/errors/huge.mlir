// error: input `input_0` of `predict` of type tensor<4000000000x4000000000xf32> has more bytes than any machine
func.func @predict(%x: tensor<4000000000x4000000000xf32>) -> tensor<4000000000x4000000000xf32> {
  %0 = graph.neg %x : tensor<4000000000x4000000000xf32>
  return %0 : tensor<4000000000x4000000000xf32>
}
