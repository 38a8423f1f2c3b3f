// Cases of graph.is_finite.
func.func @floats(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.is_finite %x : (tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<4xf32>) -> tensor<4xi1> attributes {graph.inputs = [dense<[1.0, 0x7F800000, 0xFF800000, 0x7FC00000]> : tensor<4xf32>], graph.expected = [dense<[true, false, false, false]> : tensor<4xi1>], gradient = false} {
  %r = graph.is_finite %x : (tensor<4xf32>) -> tensor<4xi1>
  return %r : tensor<4xi1>
}
