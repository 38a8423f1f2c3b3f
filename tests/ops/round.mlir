// Cases of graph.round.
func.func @floats(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-9.3, 9.0]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.round %x : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<6xf32>) -> tensor<6xf32> attributes {graph.inputs = [dense<[-1.5, -0.5, 0.5, 1.5, 2.5, 2.6]> : tensor<6xf32>], graph.expected = [dense<[-2.0, 0.0, 0.0, 2.0, 2.0, 3.0]> : tensor<6xf32>], gradient = false} {
  %r = graph.round %x : tensor<6xf32>
  return %r : tensor<6xf32>
}
