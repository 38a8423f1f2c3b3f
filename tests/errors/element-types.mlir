// error: layer `add`: `graph.add`
func.func @predict(%x: tensor<2xf32>, %y: tensor<2xf64>) -> tensor<2xf32> {
  %z = "graph.add"(%x, %y) : (tensor<2xf32>, tensor<2xf64>) -> tensor<2xf32> loc("add")
  return %z : tensor<2xf32>
}
