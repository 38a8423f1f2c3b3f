// Cases of graph.div.
func.func @floats(%lhs: tensor<?xf32, #graph.dims<[n]>>, %rhs: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [0.5, 3.0]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.div %lhs, %rhs : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @signed(%lhs: tensor<?xsi32, #graph.dims<[n]>>, %rhs: tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xsi32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.div %lhs, %rhs : tensor<?xsi32, #graph.dims<[n]>>
  return %r : tensor<?xsi32, #graph.dims<[n]>>
}

func.func @unsigned(%lhs: tensor<?xui8, #graph.dims<[n]>>, %rhs: tensor<?xui8, #graph.dims<[n]>>) -> tensor<?xui8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.div %lhs, %rhs : tensor<?xui8, #graph.dims<[n]>>
  return %r : tensor<?xui8, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<6xsi32>, %y: tensor<6xsi32>) -> tensor<6xsi32> attributes {graph.inputs = [dense<[7, -7, 7, -2147483648, 5, 0]> : tensor<6xsi32>, dense<[2, 2, -2, -1, 0, 0]> : tensor<6xsi32>], graph.expected = [dense<[3, -3, -3, -2147483648, 0, 0]> : tensor<6xsi32>], gradient = false} {
  %r = graph.div %x, %y : tensor<6xsi32>
  return %r : tensor<6xsi32>
}

func.func @goldenUnsigned(%x: tensor<2xui8>, %y: tensor<2xui8>) -> tensor<2xui8> attributes {graph.inputs = [dense<[255, 7]> : tensor<2xui8>, dense<[2, 0]> : tensor<2xui8>], graph.expected = [dense<[127, 0]> : tensor<2xui8>], gradient = false} {
  %r = graph.div %x, %y : tensor<2xui8>
  return %r : tensor<2xui8>
}
