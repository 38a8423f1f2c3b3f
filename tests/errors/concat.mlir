// error: layer `concatenate`: concatenation along axis 1
func.func @predict(%x: tensor<2x3xf32>, %y: tensor<4x3xf32>) -> tensor<2x6xf32> {
  %z = graph.concat %x, %y {axis = 1 : i64} : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x6xf32> loc("concatenate")
  return %z : tensor<2x6xf32>
}
