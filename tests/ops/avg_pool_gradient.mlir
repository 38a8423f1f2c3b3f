// Cases of graph.avg_pool_gradient.
func.func @plain(%dy: tensor<?x3x2x3xf32, #graph.dims<[n, 3, 2, 3]>>) -> tensor<?x6x4x3xf32, #graph.dims<[n, 6, 4, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.avg_pool_gradient %dy {dilations = array<i64: 1, 1>, paddingHigh = array<i64: 0, 0>, paddingLow = array<i64: 0, 0>, strides = array<i64: 2, 2>, window = array<i64: 2, 2>} : (tensor<?x3x2x3xf32, #graph.dims<[n, 3, 2, 3]>>) -> tensor<?x6x4x3xf32, #graph.dims<[n, 6, 4, 3]>>
  return %r : tensor<?x6x4x3xf32, #graph.dims<[n, 6, 4, 3]>>
}

func.func @leavesARest(%dy: tensor<?x3x2x2xf32, #graph.dims<[n, 3, 2, 2]>>) -> tensor<?x7x5x2xf32, #graph.dims<[n, 7, 5, 2]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.avg_pool_gradient %dy {dilations = array<i64: 1, 1>, paddingHigh = array<i64: 0, 0>, paddingLow = array<i64: 0, 0>, strides = array<i64: 2, 2>, window = array<i64: 2, 2>} : (tensor<?x3x2x2xf32, #graph.dims<[n, 3, 2, 2]>>) -> tensor<?x7x5x2xf32, #graph.dims<[n, 7, 5, 2]>>
  return %r : tensor<?x7x5x2xf32, #graph.dims<[n, 7, 5, 2]>>
}

func.func @overlapping(%dy: tensor<?x2x3x2xf32, #graph.dims<[n, 2, 3, 2]>>) -> tensor<?x6x5x2xf32, #graph.dims<[n, 6, 5, 2]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.avg_pool_gradient %dy {dilations = array<i64: 1, 1>, paddingHigh = array<i64: 0, 0>, paddingLow = array<i64: 0, 0>, strides = array<i64: 2, 1>, window = array<i64: 3, 3>} : (tensor<?x2x3x2xf32, #graph.dims<[n, 2, 3, 2]>>) -> tensor<?x6x5x2xf32, #graph.dims<[n, 6, 5, 2]>>
  return %r : tensor<?x6x5x2xf32, #graph.dims<[n, 6, 5, 2]>>
}

func.func @padded(%dy: tensor<?x3x3x2xf32, #graph.dims<[n, 3, 3, 2]>>) -> tensor<?x5x5x2xf32, #graph.dims<[n, 5, 5, 2]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.avg_pool_gradient %dy {dilations = array<i64: 1, 1>, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 2, 2>, window = array<i64: 3, 3>} : (tensor<?x3x3x2xf32, #graph.dims<[n, 3, 3, 2]>>) -> tensor<?x5x5x2xf32, #graph.dims<[n, 5, 5, 2]>>
  return %r : tensor<?x5x5x2xf32, #graph.dims<[n, 5, 5, 2]>>
}

func.func @paddedCountsPadding(%dy: tensor<?x3x3x2xf32, #graph.dims<[n, 3, 3, 2]>>) -> tensor<?x5x5x2xf32, #graph.dims<[n, 5, 5, 2]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.avg_pool_gradient %dy {countIncludePad = true, dilations = array<i64: 1, 1>, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 2, 2>, window = array<i64: 3, 3>} : (tensor<?x3x3x2xf32, #graph.dims<[n, 3, 3, 2]>>) -> tensor<?x5x5x2xf32, #graph.dims<[n, 5, 5, 2]>>
  return %r : tensor<?x5x5x2xf32, #graph.dims<[n, 5, 5, 2]>>
}

func.func @dilated(%dy: tensor<?x5x2x1xf32, #graph.dims<[n, 5, 2, 1]>>) -> tensor<?x7x6x1xf32, #graph.dims<[n, 7, 6, 1]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.avg_pool_gradient %dy {dilations = array<i64: 3, 2>, paddingHigh = array<i64: 0, 2>, paddingLow = array<i64: 1, 0>, strides = array<i64: 1, 2>, window = array<i64: 2, 3>} : (tensor<?x5x2x1xf32, #graph.dims<[n, 5, 2, 1]>>) -> tensor<?x7x6x1xf32, #graph.dims<[n, 7, 6, 1]>>
  return %r : tensor<?x7x6x1xf32, #graph.dims<[n, 7, 6, 1]>>
}

func.func @dilatedCountsPadding(%dy: tensor<?x5x2x1xf32, #graph.dims<[n, 5, 2, 1]>>) -> tensor<?x7x6x1xf32, #graph.dims<[n, 7, 6, 1]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.avg_pool_gradient %dy {countIncludePad = true, dilations = array<i64: 3, 2>, paddingHigh = array<i64: 0, 2>, paddingLow = array<i64: 1, 0>, strides = array<i64: 1, 2>, window = array<i64: 2, 3>} : (tensor<?x5x2x1xf32, #graph.dims<[n, 5, 2, 1]>>) -> tensor<?x7x6x1xf32, #graph.dims<[n, 7, 6, 1]>>
  return %r : tensor<?x7x6x1xf32, #graph.dims<[n, 7, 6, 1]>>
}

func.func @gaps(%dy: tensor<?x3x4x2xf32, #graph.dims<[n, 3, 4, 2]>>) -> tensor<?x8x7x2xf32, #graph.dims<[n, 8, 7, 2]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.avg_pool_gradient %dy {dilations = array<i64: 1, 1>, paddingHigh = array<i64: 0, 0>, paddingLow = array<i64: 0, 0>, strides = array<i64: 3, 2>, window = array<i64: 2, 1>} : (tensor<?x3x4x2xf32, #graph.dims<[n, 3, 4, 2]>>) -> tensor<?x8x7x2xf32, #graph.dims<[n, 8, 7, 2]>>
  return %r : tensor<?x8x7x2xf32, #graph.dims<[n, 8, 7, 2]>>
}

func.func @oneDimension(%dy: tensor<?x3x3xf32, #graph.dims<[n, 3, 3]>>) -> tensor<?x9x3xf32, #graph.dims<[n, 9, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.avg_pool_gradient %dy {dilations = array<i64: 1>, paddingHigh = array<i64: 0>, paddingLow = array<i64: 0>, strides = array<i64: 3>, window = array<i64: 3>} : (tensor<?x3x3xf32, #graph.dims<[n, 3, 3]>>) -> tensor<?x9x3xf32, #graph.dims<[n, 9, 3]>>
  return %r : tensor<?x9x3xf32, #graph.dims<[n, 9, 3]>>
}

func.func @threeDimensions(%dy: tensor<?x2x3x2x2xf32, #graph.dims<[n, 2, 3, 2, 2]>>) -> tensor<?x4x3x4x2xf32, #graph.dims<[n, 4, 3, 4, 2]>> attributes {graph.sizes = {n = [1, 2]}} {
  %r = graph.avg_pool_gradient %dy {dilations = array<i64: 1, 1, 1>, paddingHigh = array<i64: 0, 1, 0>, paddingLow = array<i64: 0, 0, 1>, strides = array<i64: 2, 1, 2>, window = array<i64: 2, 2, 3>} : (tensor<?x2x3x2x2xf32, #graph.dims<[n, 2, 3, 2, 2]>>) -> tensor<?x4x3x4x2xf32, #graph.dims<[n, 4, 3, 4, 2]>>
  return %r : tensor<?x4x3x4x2xf32, #graph.dims<[n, 4, 3, 4, 2]>>
}

// Channels and columns in whole vectors of 16 bytes.
func.func @wholeVectors(%dy: tensor<?x3x2x8xf32, #graph.dims<[n, 3, 2, 8]>>) -> tensor<?x6x4x8xf32, #graph.dims<[n, 6, 4, 8]>> attributes {graph.sizes = {n = [2]}, gradient = false} {
  %r = graph.avg_pool_gradient %dy {dilations = array<i64: 1, 1>, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 2, 2>, window = array<i64: 3, 3>} : (tensor<?x3x2x8xf32, #graph.dims<[n, 3, 2, 8]>>) -> tensor<?x6x4x8xf32, #graph.dims<[n, 6, 4, 8]>>
  return %r : tensor<?x6x4x8xf32, #graph.dims<[n, 6, 4, 8]>>
}
