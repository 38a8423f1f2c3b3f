// Cases of graph.atan2.
func.func @floats(%lhs: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [0.3, 2.0]}, %rhs: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-2.0, 2.0]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.atan2 %lhs, %rhs : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<2xf32>, %y: tensor<2xf32>) -> tensor<2xf32> attributes {graph.inputs = [dense<[0.0, 1.0]> : tensor<2xf32>, dense<[1.0, 0.0]> : tensor<2xf32>], graph.expected = [dense<[0.0, 1.57079637]> : tensor<2xf32>], gradient = false} {
  %r = graph.atan2 %x, %y : tensor<2xf32>
  return %r : tensor<2xf32>
}
