// Cases of graph.scatter_add.
func.func @rows(%base: tensor<4x3xf32>, %i: tensor<?xsi32, #graph.dims<[n]>> {graph.domain = [0, 3]}, %u: tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<4x3xf32> attributes {graph.sizes = {n = [0, 1, 9]}} {
  %r = graph.scatter_add %base, %i, %u : (tensor<4x3xf32>, tensor<?xsi32, #graph.dims<[n]>>, tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<4x3xf32>
  return %r : tensor<4x3xf32>
}

func.func @manyAxes(%base: tensor<?x2x2xf32, #graph.dims<[n, 2, 2]>>, %i: tensor<2x3xsi64> {graph.domain = [0, 0]}, %u: tensor<2x3x2x2xf32>) -> tensor<?x2x2xf32, #graph.dims<[n, 2, 2]>> attributes {graph.sizes = {n = [1, 4]}} {
  %r = graph.scatter_add %base, %i, %u : (tensor<?x2x2xf32, #graph.dims<[n, 2, 2]>>, tensor<2x3xsi64>, tensor<2x3x2x2xf32>) -> tensor<?x2x2xf32, #graph.dims<[n, 2, 2]>>
  return %r : tensor<?x2x2xf32, #graph.dims<[n, 2, 2]>>
}

func.func @vector(%base: tensor<4xsi32>, %i: tensor<5xui8>, %u: tensor<5xsi32>) -> tensor<4xsi32> attributes {graph.inputs = [dense<[1, 2, 3, 4]> : tensor<4xsi32>, dense<[0, 3, 0, 3, 3]> : tensor<5xui8>, dense<[10, 20, 30, 40, 50]> : tensor<5xsi32>], graph.expected = [dense<[41, 2, 3, 114]> : tensor<4xsi32>], gradient = false} {
  %r = graph.scatter_add %base, %i, %u : (tensor<4xsi32>, tensor<5xui8>, tensor<5xsi32>) -> tensor<4xsi32>
  return %r : tensor<4xsi32>
}

func.func @outOfRange(%base: tensor<4xf32>, %i: tensor<1xsi32>, %u: tensor<1xf32>) -> tensor<4xf32> attributes {graph.inputs = [dense<0.0> : tensor<4xf32>, dense<4> : tensor<1xsi32>, dense<1.0> : tensor<1xf32>], graph.error = "index 4 at position 0 is outside 0 ... 3"} {
  %r = graph.scatter_add %base, %i, %u : (tensor<4xf32>, tensor<1xsi32>, tensor<1xf32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}
