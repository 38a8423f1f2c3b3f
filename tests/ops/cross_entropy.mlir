// Cases of graph.cross_entropy.
func.func @rows(%x: tensor<?x5xf32, #graph.dims<[n, 5]>>, %t: tensor<?x5xf32, #graph.dims<[n, 5]>> {graph.domain = [0.0, 1.0]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.cross_entropy %x, %t : (tensor<?x5xf32, #graph.dims<[n, 5]>>, tensor<?x5xf32, #graph.dims<[n, 5]>>) -> tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}
