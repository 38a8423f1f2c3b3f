// error: `predict` has two inputs called `a`
func.func @predict(%x: tensor<2xf32> {graph.name = "a"}, %y: tensor<2xf32> {graph.name = "a"}) -> tensor<2xf32> {
  %z = graph.add %x, %y : tensor<2xf32>
  return %z : tensor<2xf32>
}
