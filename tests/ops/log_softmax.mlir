// Cases of graph.log_softmax.
func.func @rows(%x: tensor<?x5xf32, #graph.dims<[n, 5]>>) -> tensor<?x5xf32, #graph.dims<[n, 5]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.log_softmax %x {axis = 1 : i64} : (tensor<?x5xf32, #graph.dims<[n, 5]>>) -> tensor<?x5xf32, #graph.dims<[n, 5]>>
  return %r : tensor<?x5xf32, #graph.dims<[n, 5]>>
}

func.func @batch(%x: tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>>) -> tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.log_softmax %x {axis = 0 : i64} : (tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>>) -> tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>>
  return %r : tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>>
}
