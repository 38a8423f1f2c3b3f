// Cases of graph.batch_norm.
func.func @images(%x: tensor<?x3x2x4xf32, #graph.dims<[n, 3, 2, 4]>>, %gamma: tensor<4xf32>, %beta: tensor<4xf32>) -> (tensor<?x3x2x4xf32, #graph.dims<[n, 3, 2, 4]>>, tensor<4xf32>, tensor<4xf32>) attributes {graph.sizes = {n = [1, 3]}} {
  %y, %m, %v = graph.batch_norm %x, %gamma, %beta {axis = 3 : i64, epsilon = 1.000000e-03 : f64} : (tensor<?x3x2x4xf32, #graph.dims<[n, 3, 2, 4]>>, tensor<4xf32>, tensor<4xf32>) -> (tensor<?x3x2x4xf32, #graph.dims<[n, 3, 2, 4]>>, tensor<4xf32>, tensor<4xf32>)
  return %y, %m, %v : tensor<?x3x2x4xf32, #graph.dims<[n, 3, 2, 4]>>, tensor<4xf32>, tensor<4xf32>
}

func.func @rows(%x: tensor<?x5xf32, #graph.dims<[n, 5]>>, %gamma: tensor<5xf32>, %beta: tensor<5xf32>) -> (tensor<?x5xf32, #graph.dims<[n, 5]>>, tensor<5xf32>, tensor<5xf32>) attributes {graph.sizes = {n = [2, 7]}} {
  %y, %m, %v = graph.batch_norm %x, %gamma, %beta {axis = 1 : i64, epsilon = 1.000000e-03 : f64} : (tensor<?x5xf32, #graph.dims<[n, 5]>>, tensor<5xf32>, tensor<5xf32>) -> (tensor<?x5xf32, #graph.dims<[n, 5]>>, tensor<5xf32>, tensor<5xf32>)
  return %y, %m, %v : tensor<?x5xf32, #graph.dims<[n, 5]>>, tensor<5xf32>, tensor<5xf32>
}

func.func @channelsFirst(%x: tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>>, %gamma: tensor<3xf32>, %beta: tensor<3xf32>) -> (tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>>, tensor<3xf32>, tensor<3xf32>) attributes {graph.sizes = {n = [1, 2]}} {
  %y, %m, %v = graph.batch_norm %x, %gamma, %beta {axis = 1 : i64, epsilon = 1.000000e-03 : f64} : (tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>>, tensor<3xf32>, tensor<3xf32>) -> (tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>>, tensor<3xf32>, tensor<3xf32>)
  return %y, %m, %v : tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>>, tensor<3xf32>, tensor<3xf32>
}

// The square of the mean is 10^4 times the variance, which the difference of two sums would not survive.
func.func @farFromZero(%x: tensor<?x9x4xf32, #graph.dims<[n, 9, 4]>> {graph.domain = [30, 31]}, %gamma: tensor<4xf32>, %beta: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) attributes {gradient = false, graph.sizes = {n = [1, 40]}} {
  %y, %m, %v = graph.batch_norm %x, %gamma, %beta {axis = 2 : i64, epsilon = 1.000000e-03 : f64} : (tensor<?x9x4xf32, #graph.dims<[n, 9, 4]>>, tensor<4xf32>, tensor<4xf32>) -> (tensor<?x9x4xf32, #graph.dims<[n, 9, 4]>>, tensor<4xf32>, tensor<4xf32>)
  return %m, %v : tensor<4xf32>, tensor<4xf32>
}
