// Cases of graph.extent.
func.func @expression(%x: tensor<?xf32, #graph.dims<[n]>>) -> (tensor<f32>, tensor<si64>) attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %a = graph.extent <[n * 3 + 1]> : tensor<f32>
  %b = graph.extent <[n floordiv 2]> : tensor<si64>
  return %a, %b : tensor<f32>, tensor<si64>
}
