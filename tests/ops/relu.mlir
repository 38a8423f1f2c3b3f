// Cases of graph.relu.
func.func @floats(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.relu %x : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<3xf32>) -> tensor<3xf32> attributes {graph.inputs = [dense<[-1.0, 2.0, 0x7FC00000]> : tensor<3xf32>], graph.expected = [dense<[0.0, 2.0, 0x7FC00000]> : tensor<3xf32>], gradient = false} {
  %r = graph.relu %x : tensor<3xf32>
  return %r : tensor<3xf32>
}
