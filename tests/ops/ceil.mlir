// Cases of graph.ceil.
func.func @floats(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-9.3, 9.0]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.ceil %x : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<2xf32>) -> tensor<2xf32> attributes {graph.inputs = [dense<[-1.5, 1.5]> : tensor<2xf32>], graph.expected = [dense<[-1.0, 2.0]> : tensor<2xf32>], gradient = false} {
  %r = graph.ceil %x : tensor<2xf32>
  return %r : tensor<2xf32>
}
