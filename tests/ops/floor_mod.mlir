// Cases of graph.floor_mod.
func.func @floats(%lhs: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-9.0, 9.0]}, %rhs: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [0.7, 3.0]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.floor_mod %lhs, %rhs : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @signed(%lhs: tensor<?xsi32, #graph.dims<[n]>>, %rhs: tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xsi32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.floor_mod %lhs, %rhs : tensor<?xsi32, #graph.dims<[n]>>
  return %r : tensor<?xsi32, #graph.dims<[n]>>
}

func.func @unsigned(%lhs: tensor<?xui8, #graph.dims<[n]>>, %rhs: tensor<?xui8, #graph.dims<[n]>>) -> tensor<?xui8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.floor_mod %lhs, %rhs : tensor<?xui8, #graph.dims<[n]>>
  return %r : tensor<?xui8, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<5xsi32>, %y: tensor<5xsi32>) -> tensor<5xsi32> attributes {graph.inputs = [dense<[7, -7, 7, -2147483648, 5]> : tensor<5xsi32>, dense<[2, 2, -2, -1, 0]> : tensor<5xsi32>], graph.expected = [dense<[1, 1, -1, 0, 0]> : tensor<5xsi32>], gradient = false} {
  %r = graph.floor_mod %x, %y : tensor<5xsi32>
  return %r : tensor<5xsi32>
}

func.func @goldenFloats(%x: tensor<2xf32>, %y: tensor<2xf32>) -> tensor<2xf32> attributes {graph.inputs = [dense<[-7.5, 7.5]> : tensor<2xf32>, dense<[2.0, -2.0]> : tensor<2xf32>], graph.expected = [dense<[0.5, -0.5]> : tensor<2xf32>], gradient = false} {
  %r = graph.floor_mod %x, %y : tensor<2xf32>
  return %r : tensor<2xf32>
}
