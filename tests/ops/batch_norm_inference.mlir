// Cases of graph.batch_norm_inference.
func.func @images(%x: tensor<?x3x2x4xf32, #graph.dims<[n, 3, 2, 4]>>, %gamma: tensor<4xf32>, %beta: tensor<4xf32>, %mean: tensor<4xf32>, %variance: tensor<4xf32> {graph.domain = [0.1, 2.0]}) -> tensor<?x3x2x4xf32, #graph.dims<[n, 3, 2, 4]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.batch_norm_inference %x, %gamma, %beta, %mean, %variance {axis = 3 : i64, epsilon = 1.000000e-03 : f64} : (tensor<?x3x2x4xf32, #graph.dims<[n, 3, 2, 4]>>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x3x2x4xf32, #graph.dims<[n, 3, 2, 4]>>
  return %r : tensor<?x3x2x4xf32, #graph.dims<[n, 3, 2, 4]>>
}

func.func @channelsFirst(%x: tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>>, %gamma: tensor<3xf32>, %beta: tensor<3xf32>, %mean: tensor<3xf32>, %variance: tensor<3xf32> {graph.domain = [0.1, 2.0]}) -> tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.batch_norm_inference %x, %gamma, %beta, %mean, %variance {axis = 1 : i64, epsilon = 1.000000e-03 : f64} : (tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>>
  return %r : tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>>
}
