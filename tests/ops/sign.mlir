// Cases of graph.sign.
func.func @floats(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.sign %x : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @signed(%x: tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xsi32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.sign %x : tensor<?xsi32, #graph.dims<[n]>>
  return %r : tensor<?xsi32, #graph.dims<[n]>>
}

func.func @unsigned(%x: tensor<?xui8, #graph.dims<[n]>>) -> tensor<?xui8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.sign %x : tensor<?xui8, #graph.dims<[n]>>
  return %r : tensor<?xui8, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<4xf32>) -> tensor<4xf32> attributes {graph.inputs = [dense<[-3.0, 0.0, 2.0, 0x7FC00000]> : tensor<4xf32>], graph.expected = [dense<[-1.0, 0.0, 1.0, 0x7FC00000]> : tensor<4xf32>], gradient = false} {
  %r = graph.sign %x : tensor<4xf32>
  return %r : tensor<4xf32>
}

func.func @goldenIntegers(%x: tensor<3xsi8>) -> tensor<3xsi8> attributes {graph.inputs = [dense<[-128, 0, 7]> : tensor<3xsi8>], graph.expected = [dense<[-1, 0, 1]> : tensor<3xsi8>], gradient = false} {
  %r = graph.sign %x : tensor<3xsi8>
  return %r : tensor<3xsi8>
}
