// Cases of graph.sigmoid.
func.func @floats(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-8.0, 8.0]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.sigmoid %x : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<3xf32>) -> tensor<3xf32> attributes {graph.inputs = [dense<[0.0, -200.0, 200.0]> : tensor<3xf32>], graph.expected = [dense<[0.5, 0.0, 1.0]> : tensor<3xf32>], gradient = false} {
  %r = graph.sigmoid %x : tensor<3xf32>
  return %r : tensor<3xf32>
}
