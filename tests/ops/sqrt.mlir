// Cases of graph.sqrt.
func.func @floats(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [0.1, 9.0]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.sqrt %x : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<2xf32>) -> tensor<2xf32> attributes {graph.inputs = [dense<[4.0, -1.0]> : tensor<2xf32>], graph.expected = [dense<[2.0, 0x7FC00000]> : tensor<2xf32>], gradient = false} {
  %r = graph.sqrt %x : tensor<2xf32>
  return %r : tensor<2xf32>
}
