// Cases of graph.argsort.
func.func @rows(%x: tensor<?x?xf32, #graph.dims<[n, m]>>) -> tensor<?x?xsi64, #graph.dims<[n, m]>> attributes {graph.sizes = {n = [0, 1, 17], m = [0, 1, 2, 9]}, gradient = false} {
  %r = graph.argsort %x : (tensor<?x?xf32, #graph.dims<[n, m]>>) -> tensor<?x?xsi64, #graph.dims<[n, m]>>
  return %r : tensor<?x?xsi64, #graph.dims<[n, m]>>
}

func.func @descending(%x: tensor<?x?xf64, #graph.dims<[n, m]>>) -> tensor<?x?xsi64, #graph.dims<[n, m]>> attributes {graph.sizes = {n = [0, 1, 3], m = [0, 1, 40]}, gradient = false} {
  %r = graph.argsort %x {descending = true} : (tensor<?x?xf64, #graph.dims<[n, m]>>) -> tensor<?x?xsi64, #graph.dims<[n, m]>>
  return %r : tensor<?x?xsi64, #graph.dims<[n, m]>>
}

func.func @ties(%x: tensor<?x?xsi8, #graph.dims<[n, m]>>) -> tensor<?x?xsi64, #graph.dims<[n, m]>> attributes {graph.sizes = {n = [2], m = [33]}, gradient = false} {
  %r = graph.argsort %x : (tensor<?x?xsi8, #graph.dims<[n, m]>>) -> tensor<?x?xsi64, #graph.dims<[n, m]>>
  return %r : tensor<?x?xsi64, #graph.dims<[n, m]>>
}

func.func @tiesDescending(%x: tensor<?x?xsi64, #graph.dims<[n, m]>>) -> tensor<?x?xsi64, #graph.dims<[n, m]>> attributes {graph.sizes = {n = [2], m = [33]}, gradient = false} {
  %r = graph.argsort %x {descending = true} : (tensor<?x?xsi64, #graph.dims<[n, m]>>) -> tensor<?x?xsi64, #graph.dims<[n, m]>>
  return %r : tensor<?x?xsi64, #graph.dims<[n, m]>>
}

func.func @half(%x: tensor<?x?xf16, #graph.dims<[n, m]>>) -> tensor<?x?xsi64, #graph.dims<[n, m]>> attributes {graph.sizes = {n = [2], m = [9]}, gradient = false} {
  %r = graph.argsort %x : (tensor<?x?xf16, #graph.dims<[n, m]>>) -> tensor<?x?xsi64, #graph.dims<[n, m]>>
  return %r : tensor<?x?xsi64, #graph.dims<[n, m]>>
}

func.func @unsigned(%x: tensor<4xui32>) -> tensor<4xsi64> attributes {graph.inputs = [dense<[7, 4000000000, 3, 7]> : tensor<4xui32>], graph.expected = [dense<[2, 0, 3, 1]> : tensor<4xsi64>], gradient = false} {
  %r = graph.argsort %x : (tensor<4xui32>) -> tensor<4xsi64>
  return %r : tensor<4xsi64>
}

func.func @bools(%x: tensor<4xi1>) -> tensor<4xsi64> attributes {graph.inputs = [dense<[false, true, false, true]> : tensor<4xi1>], graph.expected = [dense<[1, 3, 0, 2]> : tensor<4xsi64>], gradient = false} {
  %r = graph.argsort %x {descending = true} : (tensor<4xi1>) -> tensor<4xsi64>
  return %r : tensor<4xsi64>
}

func.func @special(%x: tensor<6xf32>) -> tensor<6xsi64> attributes {graph.inputs = [dense<[0x7FC00000, 0.0, -0.0, 0x7F800000, 0xFF800000, -1.0]> : tensor<6xf32>], graph.expected = [dense<[4, 5, 1, 2, 3, 0]> : tensor<6xsi64>], gradient = false} {
  %r = graph.argsort %x : (tensor<6xf32>) -> tensor<6xsi64>
  return %r : tensor<6xsi64>
}

func.func @specialDescending(%x: tensor<6xf32>) -> tensor<6xsi64> attributes {graph.inputs = [dense<[0x7FC00000, 0.0, -0.0, 0x7F800000, 0xFFC00000, -1.0]> : tensor<6xf32>], graph.expected = [dense<[0, 4, 3, 1, 2, 5]> : tensor<6xsi64>], gradient = false} {
  %r = graph.argsort %x {descending = true} : (tensor<6xf32>) -> tensor<6xsi64>
  return %r : tensor<6xsi64>
}
