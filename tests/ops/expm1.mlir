// Cases of graph.expm1.
func.func @floats(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.expm1 %x : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<2xf32>) -> tensor<2xf32> attributes {graph.inputs = [dense<[0.0, 0xFF800000]> : tensor<2xf32>], graph.expected = [dense<[0.0, -1.0]> : tensor<2xf32>], gradient = false} {
  %r = graph.expm1 %x : tensor<2xf32>
  return %r : tensor<2xf32>
}
