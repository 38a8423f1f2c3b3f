// Cases of graph.reshape.
func.func @flatten(%x: tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>>) -> tensor<?x12xf32, #graph.dims<[n, 12]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.reshape %x : tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>> to tensor<?x12xf32, #graph.dims<[n, 12]>>
  return %r : tensor<?x12xf32, #graph.dims<[n, 12]>>
}

func.func @mergesBatch(%x: tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<?xf32, #graph.dims<[n * 3]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.reshape %x : tensor<?x3xf32, #graph.dims<[n, 3]>> to tensor<?xf32, #graph.dims<[n * 3]>>
  return %r : tensor<?xf32, #graph.dims<[n * 3]>>
}

func.func @strings(%x: tensor<?x6x!text.string, #graph.dims<[n, 6]>>) -> tensor<?x2x3x!text.string, #graph.dims<[n, 2, 3]>> attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %r = graph.reshape %x : tensor<?x6x!text.string, #graph.dims<[n, 6]>> to tensor<?x2x3x!text.string, #graph.dims<[n, 2, 3]>>
  return %r : tensor<?x2x3x!text.string, #graph.dims<[n, 2, 3]>>
}
