// Cases of graph.tanh.
func.func @floats(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-4.0, 4.0]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.tanh %x : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}
