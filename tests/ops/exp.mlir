// Cases of graph.exp.
func.func @floats(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-5.0, 5.0]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.exp %x : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @doubles(%x: tensor<?xf64, #graph.dims<[n]>>) -> tensor<?xf64, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.exp %x : tensor<?xf64, #graph.dims<[n]>>
  return %r : tensor<?xf64, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<4xf32>) -> tensor<4xf32> attributes {graph.inputs = [dense<[0xFF800000, 0.0, 0x7F800000, 0x7FC00000]> : tensor<4xf32>], graph.expected = [dense<[0.0, 1.0, 0x7F800000, 0x7FC00000]> : tensor<4xf32>], gradient = false} {
  %r = graph.exp %x : tensor<4xf32>
  return %r : tensor<4xf32>
}
