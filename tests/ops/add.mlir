// Cases of graph.add.
func.func @floats(%lhs: tensor<?xf32, #graph.dims<[n]>>, %rhs: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.add %lhs, %rhs : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @doubles(%lhs: tensor<?xf64, #graph.dims<[n]>>, %rhs: tensor<?xf64, #graph.dims<[n]>>) -> tensor<?xf64, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.add %lhs, %rhs : tensor<?xf64, #graph.dims<[n]>>
  return %r : tensor<?xf64, #graph.dims<[n]>>
}

func.func @signed(%lhs: tensor<?xsi32, #graph.dims<[n]>>, %rhs: tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xsi32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.add %lhs, %rhs : tensor<?xsi32, #graph.dims<[n]>>
  return %r : tensor<?xsi32, #graph.dims<[n]>>
}

func.func @unsigned(%lhs: tensor<?xui8, #graph.dims<[n]>>, %rhs: tensor<?xui8, #graph.dims<[n]>>) -> tensor<?xui8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.add %lhs, %rhs : tensor<?xui8, #graph.dims<[n]>>
  return %r : tensor<?xui8, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<2xsi8>, %y: tensor<2xsi8>) -> tensor<2xsi8> attributes {graph.inputs = [dense<[127, 100]> : tensor<2xsi8>, dense<[1, 27]> : tensor<2xsi8>], graph.expected = [dense<[-128, 127]> : tensor<2xsi8>], gradient = false} {
  %r = graph.add %x, %y : tensor<2xsi8>
  return %r : tensor<2xsi8>
}

// Several of them in a vector of 16 bytes, and a rest.
func.func @bytes(%lhs: tensor<?xsi8, #graph.dims<[n]>>, %rhs: tensor<?xsi8, #graph.dims<[n]>>) -> tensor<?xsi8, #graph.dims<[n]>> attributes {graph.sizes = {n = [7, 33, 64]}, gradient = false} {
  %r = graph.add %lhs, %rhs : tensor<?xsi8, #graph.dims<[n]>>
  return %r : tensor<?xsi8, #graph.dims<[n]>>
}

// Several of them in a vector of 16 bytes, and a rest.
func.func @halves(%lhs: tensor<?xf16, #graph.dims<[n]>>, %rhs: tensor<?xf16, #graph.dims<[n]>>) -> tensor<?xf16, #graph.dims<[n]>> attributes {graph.sizes = {n = [7, 33, 64]}, gradient = false} {
  %r = graph.add %lhs, %rhs : tensor<?xf16, #graph.dims<[n]>>
  return %r : tensor<?xf16, #graph.dims<[n]>>
}
