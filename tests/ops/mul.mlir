// Cases of graph.mul.
func.func @floats(%lhs: tensor<?xf32, #graph.dims<[n]>>, %rhs: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.mul %lhs, %rhs : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @signed(%lhs: tensor<?xsi32, #graph.dims<[n]>>, %rhs: tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xsi32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.mul %lhs, %rhs : tensor<?xsi32, #graph.dims<[n]>>
  return %r : tensor<?xsi32, #graph.dims<[n]>>
}

func.func @unsigned(%lhs: tensor<?xui8, #graph.dims<[n]>>, %rhs: tensor<?xui8, #graph.dims<[n]>>) -> tensor<?xui8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.mul %lhs, %rhs : tensor<?xui8, #graph.dims<[n]>>
  return %r : tensor<?xui8, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<2xsi8>, %y: tensor<2xsi8>) -> tensor<2xsi8> attributes {graph.inputs = [dense<[-128, 16]> : tensor<2xsi8>, dense<[-1, 16]> : tensor<2xsi8>], graph.expected = [dense<[-128, 0]> : tensor<2xsi8>], gradient = false} {
  %r = graph.mul %x, %y : tensor<2xsi8>
  return %r : tensor<2xsi8>
}
