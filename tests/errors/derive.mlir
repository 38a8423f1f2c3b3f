// error: the function name `derive` belongs to what the compiler makes
func.func @derive(%x: tensor<2xf32>) -> tensor<2xf32> {
  %y = graph.neg %x : tensor<2xf32>
  return %y : tensor<2xf32>
}
