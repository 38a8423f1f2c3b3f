// The guide's mistake: a view to 64 * 6 * 6 where the shape gives 64 * 5 * 5.
// error: layer `flatten`: `graph.reshape` cannot turn shape (batch, 5, 5, 64) (batch * 1600 elements) into (batch, 2304) (batch * 2304 elements)
func.func @predict(%x: tensor<?x5x5x64xf32, #graph.dims<[batch, 5, 5, 64]>>) -> tensor<?x2304xf32, #graph.dims<[batch, 2304]>> {
  %y = graph.reshape %x : tensor<?x5x5x64xf32, #graph.dims<[batch, 5, 5, 64]>> to tensor<?x2304xf32, #graph.dims<[batch, 2304]>> loc("flatten")
  return %y : tensor<?x2304xf32, #graph.dims<[batch, 2304]>>
}
