// Cases of graph.tan.
func.func @floats(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-1.3, 1.3]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.tan %x : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}
