// Cases of graph.sparse_cross_entropy.
func.func @rows(%x: tensor<?x5xf32, #graph.dims<[n, 5]>>, %l: tensor<?xsi64, #graph.dims<[n]>> {graph.domain = [0, 4]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.sparse_cross_entropy %x, %l : (tensor<?x5xf32, #graph.dims<[n, 5]>>, tensor<?xsi64, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @sequence(%x: tensor<?x3x5xf32, #graph.dims<[n, 3, 5]>>, %l: tensor<?x3xui8, #graph.dims<[n, 3]>> {graph.domain = [0, 4]}) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.sparse_cross_entropy %x, %l : (tensor<?x3x5xf32, #graph.dims<[n, 3, 5]>>, tensor<?x3xui8, #graph.dims<[n, 3]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @golden(%x: tensor<2x2xf32>, %l: tensor<2xsi32>) -> tensor<2xf32> attributes {graph.inputs = [dense<[[0.0, 0.0], [1000.0, 0.0]]> : tensor<2x2xf32>, dense<[0, 1]> : tensor<2xsi32>], graph.expected = [dense<[0.693147182, 1000.0]> : tensor<2xf32>], gradient = false} {
  %r = graph.sparse_cross_entropy %x, %l : (tensor<2x2xf32>, tensor<2xsi32>) -> tensor<2xf32>
  return %r : tensor<2xf32>
}

func.func @labelOutOfRange(%x: tensor<2x3xf32>, %l: tensor<2xsi32>) -> tensor<2xf32> attributes {graph.inputs = [dense<1.0> : tensor<2x3xf32>, dense<[0, 3]> : tensor<2xsi32>], graph.error = "index 3 at position 1 is outside 0 ... 2"} {
  %r = graph.sparse_cross_entropy %x, %l : (tensor<2x3xf32>, tensor<2xsi32>) -> tensor<2xf32>
  return %r : tensor<2xf32>
}
