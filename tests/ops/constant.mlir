// Cases of graph.constant.
func.func @splatOfSymbolicShape(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %c = graph.constant dense<2.5> : tensor<f32> : tensor<?xf32, #graph.dims<[n]>>
  %r = graph.mul %x, %c : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @content(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %c = graph.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32> : tensor<2x3xf32>
  %r = graph.add %x, %c : tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}

func.func @integers() -> tensor<3xsi16> attributes {graph.expected = [dense<[-1, 0, 300]> : tensor<3xsi16>], gradient = false} {
  %c = graph.constant dense<[-1, 0, 300]> : tensor<3xsi16> : tensor<3xsi16>
  return %c : tensor<3xsi16>
}
