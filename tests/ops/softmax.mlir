// Cases of graph.softmax.
func.func @rows(%x: tensor<?x5xf32, #graph.dims<[n, 5]>>) -> tensor<?x5xf32, #graph.dims<[n, 5]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.softmax %x {axis = 1 : i64} : (tensor<?x5xf32, #graph.dims<[n, 5]>>) -> tensor<?x5xf32, #graph.dims<[n, 5]>>
  return %r : tensor<?x5xf32, #graph.dims<[n, 5]>>
}

func.func @middle(%x: tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>>) -> tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.softmax %x {axis = 1 : i64} : (tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>>) -> tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>>
  return %r : tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>>
}

func.func @large(%x: tensor<1x3xf32>) -> tensor<1x3xf32> attributes {graph.inputs = [dense<[[1000.0, 1000.0, -1000.0]]> : tensor<1x3xf32>], graph.expected = [dense<[[0.5, 0.5, 0.0]]> : tensor<1x3xf32>], gradient = false} {
  %r = graph.softmax %x {axis = 1 : i64} : (tensor<1x3xf32>) -> tensor<1x3xf32>
  return %r : tensor<1x3xf32>
}

// Shared by the threads of a block on a GPU.
func.func @longRows(%x: tensor<?x264xf32, #graph.dims<[n, 264]>>) -> tensor<?x264xf32, #graph.dims<[n, 264]>> attributes {graph.sizes = {n = [1, 3]}, gradient = false} {
  %r = graph.softmax %x {axis = 1 : i64} : (tensor<?x264xf32, #graph.dims<[n, 264]>>) -> tensor<?x264xf32, #graph.dims<[n, 264]>>
  return %r : tensor<?x264xf32, #graph.dims<[n, 264]>>
}

// Shared by the threads of a block on a GPU.
func.func @rowsOfHalves(%x: tensor<?x136xf16, #graph.dims<[n, 136]>>) -> tensor<?x136xf16, #graph.dims<[n, 136]>> attributes {graph.sizes = {n = [1, 3]}, gradient = false} {
  %r = graph.softmax %x {axis = 1 : i64} : (tensor<?x136xf16, #graph.dims<[n, 136]>>) -> tensor<?x136xf16, #graph.dims<[n, 136]>>
  return %r : tensor<?x136xf16, #graph.dims<[n, 136]>>
}
