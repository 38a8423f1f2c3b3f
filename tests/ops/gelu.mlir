// Cases of graph.gelu.
func.func @exact(%x: tensor<?x5xf32, #graph.dims<[n, 5]>>) -> tensor<?x5xf32, #graph.dims<[n, 5]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.gelu %x : (tensor<?x5xf32, #graph.dims<[n, 5]>>) -> tensor<?x5xf32, #graph.dims<[n, 5]>>
  return %r : tensor<?x5xf32, #graph.dims<[n, 5]>>
}

func.func @approximate(%x: tensor<?x5xf32, #graph.dims<[n, 5]>>) -> tensor<?x5xf32, #graph.dims<[n, 5]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.gelu %x {approximate = true} : (tensor<?x5xf32, #graph.dims<[n, 5]>>) -> tensor<?x5xf32, #graph.dims<[n, 5]>>
  return %r : tensor<?x5xf32, #graph.dims<[n, 5]>>
}
