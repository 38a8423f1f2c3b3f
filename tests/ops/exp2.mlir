// Cases of graph.exp2.
func.func @floats(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.exp2 %x : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<2xf32>) -> tensor<2xf32> attributes {graph.inputs = [dense<[3.0, -1.0]> : tensor<2xf32>], graph.expected = [dense<[8.0, 0.5]> : tensor<2xf32>], gradient = false} {
  %r = graph.exp2 %x : tensor<2xf32>
  return %r : tensor<2xf32>
}
