// Cases of graph.broadcast.
func.func @bias(%x: tensor<3xf32>, %like: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.broadcast %x {axes = array<i64: 1>} : tensor<3xf32> to tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @sizeOne(%x: tensor<1x3xf32>, %like: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?x2x3xf32, #graph.dims<[n, 2, 3]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.broadcast %x {axes = array<i64: 0, 2>} : tensor<1x3xf32> to tensor<?x2x3xf32, #graph.dims<[n, 2, 3]>>
  return %r : tensor<?x2x3xf32, #graph.dims<[n, 2, 3]>>
}

func.func @strings(%x: tensor<3x!text.string>, %like: tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?x3x!text.string, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %r = graph.broadcast %x {axes = array<i64: 1>} : tensor<3x!text.string> to tensor<?x3x!text.string, #graph.dims<[n, 3]>>
  return %r : tensor<?x3x!text.string, #graph.dims<[n, 3]>>
}
