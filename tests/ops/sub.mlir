// Cases of graph.sub.
func.func @floats(%lhs: tensor<?xf32, #graph.dims<[n]>>, %rhs: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.sub %lhs, %rhs : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @signed(%lhs: tensor<?xsi32, #graph.dims<[n]>>, %rhs: tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xsi32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.sub %lhs, %rhs : tensor<?xsi32, #graph.dims<[n]>>
  return %r : tensor<?xsi32, #graph.dims<[n]>>
}

func.func @unsigned(%lhs: tensor<?xui8, #graph.dims<[n]>>, %rhs: tensor<?xui8, #graph.dims<[n]>>) -> tensor<?xui8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.sub %lhs, %rhs : tensor<?xui8, #graph.dims<[n]>>
  return %r : tensor<?xui8, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<2xui8>, %y: tensor<2xui8>) -> tensor<2xui8> attributes {graph.inputs = [dense<[0, 5]> : tensor<2xui8>, dense<[1, 2]> : tensor<2xui8>], graph.expected = [dense<[255, 3]> : tensor<2xui8>], gradient = false} {
  %r = graph.sub %x, %y : tensor<2xui8>
  return %r : tensor<2xui8>
}
