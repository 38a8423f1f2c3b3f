// Cases of graph.layer_norm.
func.func @rows(%x: tensor<?x5xf32, #graph.dims<[n, 5]>>, %gamma: tensor<5xf32>, %beta: tensor<5xf32>) -> tensor<?x5xf32, #graph.dims<[n, 5]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.layer_norm %x, %gamma, %beta {axes = array<i64: 1>, epsilon = 1.000000e-05 : f64} : (tensor<?x5xf32, #graph.dims<[n, 5]>>, tensor<5xf32>, tensor<5xf32>) -> tensor<?x5xf32, #graph.dims<[n, 5]>>
  return %r : tensor<?x5xf32, #graph.dims<[n, 5]>>
}

func.func @twoAxes(%x: tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>>, %gamma: tensor<3x4xf32>, %beta: tensor<3x4xf32>) -> tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.layer_norm %x, %gamma, %beta {axes = array<i64: 1, 2>, epsilon = 1.000000e-05 : f64} : (tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>>
  return %r : tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>>
}

func.func @middle(%x: tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>>, %gamma: tensor<4xf32>, %beta: tensor<4xf32>) -> tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.layer_norm %x, %gamma, %beta {axes = array<i64: 1>, epsilon = 1.000000e-05 : f64} : (tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>>
  return %r : tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>>
}

// Shared by the threads of a block on a GPU.
func.func @longRows(%x: tensor<?x136xf32, #graph.dims<[n, 136]>>, %gamma: tensor<136xf32>, %beta: tensor<136xf32>) -> tensor<?x136xf32, #graph.dims<[n, 136]>> attributes {graph.sizes = {n = [1, 3]}, gradient = false} {
  %r = graph.layer_norm %x, %gamma, %beta {axes = array<i64: 1>, epsilon = 1.000000e-05 : f64} : (tensor<?x136xf32, #graph.dims<[n, 136]>>, tensor<136xf32>, tensor<136xf32>) -> tensor<?x136xf32, #graph.dims<[n, 136]>>
  return %r : tensor<?x136xf32, #graph.dims<[n, 136]>>
}
