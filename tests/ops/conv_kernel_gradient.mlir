// Cases of graph.conv_kernel_gradient.
func.func @plain(%x: tensor<?x6x5x2xf32, #graph.dims<[n, 6, 5, 2]>>, %dy: tensor<?x4x3x4xf32, #graph.dims<[n, 4, 3, 4]>>) -> tensor<3x3x2x4xf32> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_kernel_gradient %x, %dy {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 0, 0>, paddingLow = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<?x6x5x2xf32, #graph.dims<[n, 6, 5, 2]>>, tensor<?x4x3x4xf32, #graph.dims<[n, 4, 3, 4]>>) -> tensor<3x3x2x4xf32>
  return %r : tensor<3x3x2x4xf32>
}

func.func @samePadding(%x: tensor<?x5x4x3xf32, #graph.dims<[n, 5, 4, 3]>>, %dy: tensor<?x5x4x2xf32, #graph.dims<[n, 5, 4, 2]>>) -> tensor<3x3x3x2xf32> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_kernel_gradient %x, %dy {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x5x4x3xf32, #graph.dims<[n, 5, 4, 3]>>, tensor<?x5x4x2xf32, #graph.dims<[n, 5, 4, 2]>>) -> tensor<3x3x3x2xf32>
  return %r : tensor<3x3x3x2xf32>
}

func.func @strided(%x: tensor<?x8x7x2xf32, #graph.dims<[n, 8, 7, 2]>>, %dy: tensor<?x4x3x3xf32, #graph.dims<[n, 4, 3, 3]>>) -> tensor<3x2x2x3xf32> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_kernel_gradient %x, %dy {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 0>, strides = array<i64: 2, 3>} : (tensor<?x8x7x2xf32, #graph.dims<[n, 8, 7, 2]>>, tensor<?x4x3x3xf32, #graph.dims<[n, 4, 3, 3]>>) -> tensor<3x2x2x3xf32>
  return %r : tensor<3x2x2x3xf32>
}

func.func @stridedLeavesARest(%x: tensor<?x8x8x1xf32, #graph.dims<[n, 8, 8, 1]>>, %dy: tensor<?x2x3x2xf32, #graph.dims<[n, 2, 3, 2]>>) -> tensor<3x3x1x2xf32> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_kernel_gradient %x, %dy {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 0, 0>, paddingLow = array<i64: 0, 0>, strides = array<i64: 3, 2>} : (tensor<?x8x8x1xf32, #graph.dims<[n, 8, 8, 1]>>, tensor<?x2x3x2xf32, #graph.dims<[n, 2, 3, 2]>>) -> tensor<3x3x1x2xf32>
  return %r : tensor<3x3x1x2xf32>
}

func.func @dilated(%x: tensor<?x8x7x2xf32, #graph.dims<[n, 8, 7, 2]>>, %dy: tensor<?x7x4x3xf32, #graph.dims<[n, 7, 4, 3]>>) -> tensor<3x2x2x3xf32> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_kernel_gradient %x, %dy {dilations = array<i64: 2, 3>, groups = 1 : i64, paddingHigh = array<i64: 1, 2>, paddingLow = array<i64: 2, 1>, strides = array<i64: 1, 2>} : (tensor<?x8x7x2xf32, #graph.dims<[n, 8, 7, 2]>>, tensor<?x7x4x3xf32, #graph.dims<[n, 7, 4, 3]>>) -> tensor<3x2x2x3xf32>
  return %r : tensor<3x2x2x3xf32>
}

func.func @groups(%x: tensor<?x5x5x4xf32, #graph.dims<[n, 5, 5, 4]>>, %dy: tensor<?x5x5x6xf32, #graph.dims<[n, 5, 5, 6]>>) -> tensor<3x3x2x6xf32> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_kernel_gradient %x, %dy {dilations = array<i64: 1, 1>, groups = 2 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x5x5x4xf32, #graph.dims<[n, 5, 5, 4]>>, tensor<?x5x5x6xf32, #graph.dims<[n, 5, 5, 6]>>) -> tensor<3x3x2x6xf32>
  return %r : tensor<3x3x2x6xf32>
}

func.func @depthwise(%x: tensor<?x6x6x3xf32, #graph.dims<[n, 6, 6, 3]>>, %dy: tensor<?x3x3x6xf32, #graph.dims<[n, 3, 3, 6]>>) -> tensor<3x3x1x6xf32> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_kernel_gradient %x, %dy {dilations = array<i64: 1, 1>, groups = 3 : i64, paddingHigh = array<i64: 0, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 2, 2>} : (tensor<?x6x6x3xf32, #graph.dims<[n, 6, 6, 3]>>, tensor<?x3x3x6xf32, #graph.dims<[n, 3, 3, 6]>>) -> tensor<3x3x1x6xf32>
  return %r : tensor<3x3x1x6xf32>
}

func.func @oneDimension(%x: tensor<?x9x3xf32, #graph.dims<[n, 9, 3]>>, %dy: tensor<?x5x5xf32, #graph.dims<[n, 5, 5]>>) -> tensor<4x3x5xf32> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_kernel_gradient %x, %dy {dilations = array<i64: 1>, groups = 1 : i64, paddingHigh = array<i64: 0>, paddingLow = array<i64: 3>, strides = array<i64: 2>} : (tensor<?x9x3xf32, #graph.dims<[n, 9, 3]>>, tensor<?x5x5xf32, #graph.dims<[n, 5, 5]>>) -> tensor<4x3x5xf32>
  return %r : tensor<4x3x5xf32>
}

func.func @threeDimensions(%x: tensor<?x4x3x5x2xf32, #graph.dims<[n, 4, 3, 5, 2]>>, %dy: tensor<?x3x3x3x3xf32, #graph.dims<[n, 3, 3, 3, 3]>>) -> tensor<2x3x2x2x3xf32> attributes {graph.sizes = {n = [1, 2]}} {
  %r = graph.conv_kernel_gradient %x, %dy {dilations = array<i64: 1, 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 0, 1, 1>, paddingLow = array<i64: 0, 1, 0>, strides = array<i64: 1, 1, 2>} : (tensor<?x4x3x5x2xf32, #graph.dims<[n, 4, 3, 5, 2]>>, tensor<?x3x3x3x3xf32, #graph.dims<[n, 3, 3, 3, 3]>>) -> tensor<2x3x2x2x3xf32>
  return %r : tensor<2x3x2x2x3xf32>
}

func.func @pointwise(%x: tensor<?x3x3x5xf32, #graph.dims<[n, 3, 3, 5]>>, %dy: tensor<?x3x3x7xf32, #graph.dims<[n, 3, 3, 7]>>) -> tensor<1x1x5x7xf32> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_kernel_gradient %x, %dy {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 0, 0>, paddingLow = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<?x3x3x5xf32, #graph.dims<[n, 3, 3, 5]>>, tensor<?x3x3x7xf32, #graph.dims<[n, 3, 3, 7]>>) -> tensor<1x1x5x7xf32>
  return %r : tensor<1x1x5x7xf32>
}

func.func @pointwiseStrided(%x: tensor<?x5x5x3xf32, #graph.dims<[n, 5, 5, 3]>>, %dy: tensor<?x3x3x2xf32, #graph.dims<[n, 3, 3, 2]>>) -> tensor<1x1x3x2xf32> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_kernel_gradient %x, %dy {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 0, 0>, paddingLow = array<i64: 0, 0>, strides = array<i64: 2, 2>} : (tensor<?x5x5x3xf32, #graph.dims<[n, 5, 5, 3]>>, tensor<?x3x3x2xf32, #graph.dims<[n, 3, 3, 2]>>) -> tensor<1x1x3x2xf32>
  return %r : tensor<1x1x3x2xf32>
}

func.func @paddingLargerThanTheWindow(%x: tensor<?x3x3x1xf32, #graph.dims<[n, 3, 3, 1]>>, %dy: tensor<?x5x8x1xf32, #graph.dims<[n, 5, 8, 1]>>) -> tensor<2x2x1x1xf32> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_kernel_gradient %x, %dy {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 0, 4>, paddingLow = array<i64: 3, 2>, strides = array<i64: 1, 1>} : (tensor<?x3x3x1xf32, #graph.dims<[n, 3, 3, 1]>>, tensor<?x5x8x1xf32, #graph.dims<[n, 5, 8, 1]>>) -> tensor<2x2x1x1xf32>
  return %r : tensor<2x2x1x1xf32>
}

// Channels and columns in whole vectors of 16 bytes.
func.func @wholeVectors(%x: tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>, %dy: tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>) -> tensor<3x3x8x8xf32> attributes {graph.sizes = {n = [2]}, gradient = false} {
  %r = graph.conv_kernel_gradient %x, %dy {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>, tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>) -> tensor<3x3x8x8xf32>
  return %r : tensor<3x3x8x8xf32>
}

// Channels and columns in whole vectors of 16 bytes.
func.func @depthwiseOfWholeVectors(%x: tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>, %dy: tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>) -> tensor<3x3x1x8xf32> attributes {graph.sizes = {n = [2]}, gradient = false} {
  %r = graph.conv_kernel_gradient %x, %dy {dilations = array<i64: 1, 1>, groups = 8 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>, tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>) -> tensor<3x3x1x8xf32>
  return %r : tensor<3x3x1x8xf32>
}
