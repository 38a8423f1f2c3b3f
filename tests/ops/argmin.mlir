// Cases of graph.argmin.
func.func @rows(%x: tensor<?x5xf32, #graph.dims<[n, 5]>>) -> tensor<?xsi64, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.argmin %x {axis = 1 : i64} : (tensor<?x5xf32, #graph.dims<[n, 5]>>) -> tensor<?xsi64, #graph.dims<[n]>>
  return %r : tensor<?xsi64, #graph.dims<[n]>>
}

func.func @batch(%x: tensor<?x3xsi32, #graph.dims<[n, 3]>>) -> tensor<3xsi64> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.argmin %x {axis = 0 : i64} : (tensor<?x3xsi32, #graph.dims<[n, 3]>>) -> tensor<3xsi64>
  return %r : tensor<3xsi64>
}

func.func @middle(%x: tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>>) -> tensor<?x3xsi64, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.argmin %x {axis = 1 : i64} : (tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>>) -> tensor<?x3xsi64, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xsi64, #graph.dims<[n, 3]>>
}

func.func @unsigned(%x: tensor<2xui8>) -> tensor<si64> attributes {graph.inputs = [dense<[100, 200]> : tensor<2xui8>], graph.expected = [dense<0> : tensor<si64>], gradient = false} {
  %r = graph.argmin %x {axis = 0 : i64} : (tensor<2xui8>) -> tensor<si64>
  return %r : tensor<si64>
}

func.func @firstOfEqualAndNan(%x: tensor<2x4xf32>) -> tensor<2xsi64> attributes {graph.inputs = [dense<[[1.0, 7.0, 0.0, 0.0], [0x7FC00000, 9.0, 0x7FC00000, 1.0]]> : tensor<2x4xf32>], graph.expected = [dense<[2, 0]> : tensor<2xsi64>], gradient = false} {
  %r = graph.argmin %x {axis = 1 : i64} : (tensor<2x4xf32>) -> tensor<2xsi64>
  return %r : tensor<2xsi64>
}
