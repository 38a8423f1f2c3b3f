// Cases of graph.cos.
func.func @floats(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-9.0, 9.0]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.cos %x : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}
