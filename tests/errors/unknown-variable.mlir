// error: layer `dense`: variable `dense/kernel` is not declared
graph.variable @"dense_1/kernel" {role = "trainable"} : tensor<2xf32>
func.func @predict() -> tensor<2xf32> {
  %z = graph.read @"dense/kernel" : tensor<2xf32> loc("dense")
  return %z : tensor<2xf32>
}
