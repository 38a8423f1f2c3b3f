// Cases of graph.erf.
func.func @floats(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-3.0, 3.0]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.erf %x : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}
