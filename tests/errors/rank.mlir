// error: input `input_0` of `predict` has 2 dimensions, its #graph.dims names 1
func.func @predict(%x: tensor<?x3xf32, #graph.dims<[n]>>) -> tensor<?x3xf32, #graph.dims<[n]>> {
  return %x : tensor<?x3xf32, #graph.dims<[n]>>
}
