// Cases of graph.min.
func.func @floats(%lhs: tensor<?xf32, #graph.dims<[n]>>, %rhs: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.min %lhs, %rhs : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @signed(%lhs: tensor<?xsi32, #graph.dims<[n]>>, %rhs: tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xsi32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.min %lhs, %rhs : tensor<?xsi32, #graph.dims<[n]>>
  return %r : tensor<?xsi32, #graph.dims<[n]>>
}

func.func @unsigned(%lhs: tensor<?xui8, #graph.dims<[n]>> {graph.domain = [0, 255]}, %rhs: tensor<?xui8, #graph.dims<[n]>> {graph.domain = [0, 255]}) -> tensor<?xui8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.min %lhs, %rhs : tensor<?xui8, #graph.dims<[n]>>
  return %r : tensor<?xui8, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<3xf32>, %y: tensor<3xf32>) -> tensor<3xf32> attributes {graph.inputs = [dense<[1.0, 0x7FC00000, 2.0]> : tensor<3xf32>, dense<[2.0, 1.0, 0x7FC00000]> : tensor<3xf32>], graph.expected = [dense<[1.0, 0x7FC00000, 0x7FC00000]> : tensor<3xf32>], gradient = false} {
  %r = graph.min %x, %y : tensor<3xf32>
  return %r : tensor<3xf32>
}
