// Cases of graph.log.
func.func @floats(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [0.1, 9.0]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.log %x : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<3xf32>) -> tensor<3xf32> attributes {graph.inputs = [dense<[0.0, 1.0, -1.0]> : tensor<3xf32>], graph.expected = [dense<[0xFF800000, 0.0, 0x7FC00000]> : tensor<3xf32>], gradient = false} {
  %r = graph.log %x : tensor<3xf32>
  return %r : tensor<3xf32>
}
