// Cases of graph.select.
func.func @floats(%c: tensor<?xi1, #graph.dims<[n]>>, %x: tensor<?xf32, #graph.dims<[n]>>, %y: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.select %c, %x, %y : (tensor<?xi1, #graph.dims<[n]>>, tensor<?xf32, #graph.dims<[n]>>, tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}
