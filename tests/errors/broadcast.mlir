// A bias of 9 for 10 features.
// error: layer `dense/bias`: `graph.broadcast` cannot repeat dimension 9 of (9,) to 10 of (batch, 10)
func.func @predict(%b: tensor<9xf32>, %x: tensor<?x10xf32, #graph.dims<[batch, 10]>>) -> tensor<?x10xf32, #graph.dims<[batch, 10]>> {
  %y = graph.broadcast %b {axes = array<i64: 1>} : tensor<9xf32> to tensor<?x10xf32, #graph.dims<[batch, 10]>> loc("dense/bias")
  return %y : tensor<?x10xf32, #graph.dims<[batch, 10]>>
}
