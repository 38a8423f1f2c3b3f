// error: the dimension `n` stands in the shape of no input of `predict`
func.func @predict(%x: tensor<2xf32>) -> tensor<?xf32, #graph.dims<[n]>> {
  %c = graph.constant dense<2.5> : tensor<f32> : tensor<?xf32, #graph.dims<[n]>>
  return %c : tensor<?xf32, #graph.dims<[n]>>
}
