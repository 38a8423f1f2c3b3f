// Two layers are wrong; both are named in one run.
// error: layer `dense_1`: inner dimensions 64 and 128 differ
// error: layer `dense_2`: inner dimensions 10 and 12 differ
func.func @predict(%x: tensor<?x64xf32, #graph.dims<[batch, 64]>>, %w: tensor<128x10xf32>, %v: tensor<12x4xf32>) -> tensor<?x4xf32, #graph.dims<[batch, 4]>> {
  %y = graph.matmul %x, %w : (tensor<?x64xf32, #graph.dims<[batch, 64]>>, tensor<128x10xf32>) -> tensor<?x10xf32, #graph.dims<[batch, 10]>> loc("dense_1")
  %z = graph.matmul %y, %v : (tensor<?x10xf32, #graph.dims<[batch, 10]>>, tensor<12x4xf32>) -> tensor<?x4xf32, #graph.dims<[batch, 4]>> loc("dense_2")
  return %z : tensor<?x4xf32, #graph.dims<[batch, 4]>>
}
