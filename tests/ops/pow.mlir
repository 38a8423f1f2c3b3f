// Cases of graph.pow.
func.func @floats(%lhs: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [0.2, 3.0]}, %rhs: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.pow %lhs, %rhs : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @negativeBase(%lhs: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-2.0, -0.5]}, %rhs: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [2.0, 2.0]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.pow %lhs, %rhs : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> attributes {graph.inputs = [dense<[2.0, 0.0, -2.0, -8.0]> : tensor<4xf32>, dense<[3.0, 0.0, 3.0, 0.5]> : tensor<4xf32>], graph.expected = [dense<[8.0, 1.0, -8.0, 0x7FC00000]> : tensor<4xf32>], gradient = false} {
  %r = graph.pow %x, %y : tensor<4xf32>
  return %r : tensor<4xf32>
}
