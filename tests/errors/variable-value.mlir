// error: variable `v` is of type 'tensor<2xf32>', its value of type 'tensor<3xf32>'
graph.variable @v {role = "trainable", value = dense<1.0> : tensor<3xf32>} : tensor<2xf32>
func.func @predict(%x: tensor<2xf32>) -> tensor<2xf32> {
  %v = graph.read @v : tensor<2xf32>
  %0 = graph.add %x, %v : tensor<2xf32>
  return %0 : tensor<2xf32>
}
