// Cases of graph.one_hot.
func.func @rows(%l: tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?x4xf32, #graph.dims<[n, 4]>> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.one_hot %l : tensor<?xsi32, #graph.dims<[n]>> to tensor<?x4xf32, #graph.dims<[n, 4]>>
  return %r : tensor<?x4xf32, #graph.dims<[n, 4]>>
}

func.func @outOfRangeIsZero(%l: tensor<3xsi8>) -> tensor<3x2xsi32> attributes {graph.inputs = [dense<[-1, 1, 2]> : tensor<3xsi8>], graph.expected = [dense<[[0, 0], [0, 1], [0, 0]]> : tensor<3x2xsi32>], gradient = false} {
  %r = graph.one_hot %l : tensor<3xsi8> to tensor<3x2xsi32>
  return %r : tensor<3x2xsi32>
}
