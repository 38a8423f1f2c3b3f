// Cases of graph.conv_input_gradient.
func.func @plain(%dy: tensor<?x4x3x4xf32, #graph.dims<[n, 4, 3, 4]>>, %kernel: tensor<3x3x2x4xf32>) -> tensor<?x6x5x2xf32, #graph.dims<[n, 6, 5, 2]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_input_gradient %dy, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 0, 0>, paddingLow = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<?x4x3x4xf32, #graph.dims<[n, 4, 3, 4]>>, tensor<3x3x2x4xf32>) -> tensor<?x6x5x2xf32, #graph.dims<[n, 6, 5, 2]>>
  return %r : tensor<?x6x5x2xf32, #graph.dims<[n, 6, 5, 2]>>
}

func.func @samePadding(%dy: tensor<?x5x4x2xf32, #graph.dims<[n, 5, 4, 2]>>, %kernel: tensor<3x3x3x2xf32>) -> tensor<?x5x4x3xf32, #graph.dims<[n, 5, 4, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_input_gradient %dy, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x5x4x2xf32, #graph.dims<[n, 5, 4, 2]>>, tensor<3x3x3x2xf32>) -> tensor<?x5x4x3xf32, #graph.dims<[n, 5, 4, 3]>>
  return %r : tensor<?x5x4x3xf32, #graph.dims<[n, 5, 4, 3]>>
}

func.func @strided(%dy: tensor<?x4x3x3xf32, #graph.dims<[n, 4, 3, 3]>>, %kernel: tensor<3x2x2x3xf32>) -> tensor<?x8x7x2xf32, #graph.dims<[n, 8, 7, 2]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_input_gradient %dy, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 0>, strides = array<i64: 2, 3>} : (tensor<?x4x3x3xf32, #graph.dims<[n, 4, 3, 3]>>, tensor<3x2x2x3xf32>) -> tensor<?x8x7x2xf32, #graph.dims<[n, 8, 7, 2]>>
  return %r : tensor<?x8x7x2xf32, #graph.dims<[n, 8, 7, 2]>>
}

func.func @stridedLeavesARest(%dy: tensor<?x2x3x2xf32, #graph.dims<[n, 2, 3, 2]>>, %kernel: tensor<3x3x1x2xf32>) -> tensor<?x8x8x1xf32, #graph.dims<[n, 8, 8, 1]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_input_gradient %dy, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 0, 0>, paddingLow = array<i64: 0, 0>, strides = array<i64: 3, 2>} : (tensor<?x2x3x2xf32, #graph.dims<[n, 2, 3, 2]>>, tensor<3x3x1x2xf32>) -> tensor<?x8x8x1xf32, #graph.dims<[n, 8, 8, 1]>>
  return %r : tensor<?x8x8x1xf32, #graph.dims<[n, 8, 8, 1]>>
}

func.func @dilated(%dy: tensor<?x7x4x3xf32, #graph.dims<[n, 7, 4, 3]>>, %kernel: tensor<3x2x2x3xf32>) -> tensor<?x8x7x2xf32, #graph.dims<[n, 8, 7, 2]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_input_gradient %dy, %kernel {dilations = array<i64: 2, 3>, groups = 1 : i64, paddingHigh = array<i64: 1, 2>, paddingLow = array<i64: 2, 1>, strides = array<i64: 1, 2>} : (tensor<?x7x4x3xf32, #graph.dims<[n, 7, 4, 3]>>, tensor<3x2x2x3xf32>) -> tensor<?x8x7x2xf32, #graph.dims<[n, 8, 7, 2]>>
  return %r : tensor<?x8x7x2xf32, #graph.dims<[n, 8, 7, 2]>>
}

func.func @groups(%dy: tensor<?x5x5x6xf32, #graph.dims<[n, 5, 5, 6]>>, %kernel: tensor<3x3x2x6xf32>) -> tensor<?x5x5x4xf32, #graph.dims<[n, 5, 5, 4]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_input_gradient %dy, %kernel {dilations = array<i64: 1, 1>, groups = 2 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x5x5x6xf32, #graph.dims<[n, 5, 5, 6]>>, tensor<3x3x2x6xf32>) -> tensor<?x5x5x4xf32, #graph.dims<[n, 5, 5, 4]>>
  return %r : tensor<?x5x5x4xf32, #graph.dims<[n, 5, 5, 4]>>
}

func.func @depthwise(%dy: tensor<?x3x3x6xf32, #graph.dims<[n, 3, 3, 6]>>, %kernel: tensor<3x3x1x6xf32>) -> tensor<?x6x6x3xf32, #graph.dims<[n, 6, 6, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_input_gradient %dy, %kernel {dilations = array<i64: 1, 1>, groups = 3 : i64, paddingHigh = array<i64: 0, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 2, 2>} : (tensor<?x3x3x6xf32, #graph.dims<[n, 3, 3, 6]>>, tensor<3x3x1x6xf32>) -> tensor<?x6x6x3xf32, #graph.dims<[n, 6, 6, 3]>>
  return %r : tensor<?x6x6x3xf32, #graph.dims<[n, 6, 6, 3]>>
}

func.func @oneDimension(%dy: tensor<?x5x5xf32, #graph.dims<[n, 5, 5]>>, %kernel: tensor<4x3x5xf32>) -> tensor<?x9x3xf32, #graph.dims<[n, 9, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_input_gradient %dy, %kernel {dilations = array<i64: 1>, groups = 1 : i64, paddingHigh = array<i64: 0>, paddingLow = array<i64: 3>, strides = array<i64: 2>} : (tensor<?x5x5xf32, #graph.dims<[n, 5, 5]>>, tensor<4x3x5xf32>) -> tensor<?x9x3xf32, #graph.dims<[n, 9, 3]>>
  return %r : tensor<?x9x3xf32, #graph.dims<[n, 9, 3]>>
}

func.func @threeDimensions(%dy: tensor<?x3x3x3x3xf32, #graph.dims<[n, 3, 3, 3, 3]>>, %kernel: tensor<2x3x2x2x3xf32>) -> tensor<?x4x3x5x2xf32, #graph.dims<[n, 4, 3, 5, 2]>> attributes {graph.sizes = {n = [1, 2]}} {
  %r = graph.conv_input_gradient %dy, %kernel {dilations = array<i64: 1, 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 0, 1, 1>, paddingLow = array<i64: 0, 1, 0>, strides = array<i64: 1, 1, 2>} : (tensor<?x3x3x3x3xf32, #graph.dims<[n, 3, 3, 3, 3]>>, tensor<2x3x2x2x3xf32>) -> tensor<?x4x3x5x2xf32, #graph.dims<[n, 4, 3, 5, 2]>>
  return %r : tensor<?x4x3x5x2xf32, #graph.dims<[n, 4, 3, 5, 2]>>
}

func.func @pointwise(%dy: tensor<?x3x3x7xf32, #graph.dims<[n, 3, 3, 7]>>, %kernel: tensor<1x1x5x7xf32>) -> tensor<?x3x3x5xf32, #graph.dims<[n, 3, 3, 5]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_input_gradient %dy, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 0, 0>, paddingLow = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<?x3x3x7xf32, #graph.dims<[n, 3, 3, 7]>>, tensor<1x1x5x7xf32>) -> tensor<?x3x3x5xf32, #graph.dims<[n, 3, 3, 5]>>
  return %r : tensor<?x3x3x5xf32, #graph.dims<[n, 3, 3, 5]>>
}

func.func @pointwiseStrided(%dy: tensor<?x3x3x2xf32, #graph.dims<[n, 3, 3, 2]>>, %kernel: tensor<1x1x3x2xf32>) -> tensor<?x5x5x3xf32, #graph.dims<[n, 5, 5, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_input_gradient %dy, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 0, 0>, paddingLow = array<i64: 0, 0>, strides = array<i64: 2, 2>} : (tensor<?x3x3x2xf32, #graph.dims<[n, 3, 3, 2]>>, tensor<1x1x3x2xf32>) -> tensor<?x5x5x3xf32, #graph.dims<[n, 5, 5, 3]>>
  return %r : tensor<?x5x5x3xf32, #graph.dims<[n, 5, 5, 3]>>
}

func.func @paddingLargerThanTheWindow(%dy: tensor<?x5x8x1xf32, #graph.dims<[n, 5, 8, 1]>>, %kernel: tensor<2x2x1x1xf32>) -> tensor<?x3x3x1xf32, #graph.dims<[n, 3, 3, 1]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv_input_gradient %dy, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 0, 4>, paddingLow = array<i64: 3, 2>, strides = array<i64: 1, 1>} : (tensor<?x5x8x1xf32, #graph.dims<[n, 5, 8, 1]>>, tensor<2x2x1x1xf32>) -> tensor<?x3x3x1xf32, #graph.dims<[n, 3, 3, 1]>>
  return %r : tensor<?x3x3x1xf32, #graph.dims<[n, 3, 3, 1]>>
}
func.func @phases(%dy: tensor<?x4x3x5xf32, #graph.dims<[n, 4, 3, 5]>>, %kernel: tensor<3x3x4x5xf32>) -> tensor<?x8x6x4xf32, #graph.dims<[n, 8, 6, 4]>> attributes {graph.sizes = {n = [1, 2]}} {
  %r = graph.conv_input_gradient %dy, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 1, 0>, paddingLow = array<i64: 1, 1>, strides = array<i64: 2, 2>} : (tensor<?x4x3x5xf32, #graph.dims<[n, 4, 3, 5]>>, tensor<3x3x4x5xf32>) -> tensor<?x8x6x4xf32, #graph.dims<[n, 8, 6, 4]>>
  return %r : tensor<?x8x6x4xf32, #graph.dims<[n, 8, 6, 4]>>
}
func.func @phases_with_wide_windows(%dy: tensor<?x4x5x2xf32, #graph.dims<[n, 4, 5, 2]>>, %kernel: tensor<7x2x3x2xf32>) -> tensor<?x8x10x3xf32, #graph.dims<[n, 8, 10, 3]>> attributes {graph.sizes = {n = [1, 2]}} {
  %r = graph.conv_input_gradient %dy, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 2, 0>, paddingLow = array<i64: 3, 0>, strides = array<i64: 2, 2>} : (tensor<?x4x5x2xf32, #graph.dims<[n, 4, 5, 2]>>, tensor<7x2x3x2xf32>) -> tensor<?x8x10x3xf32, #graph.dims<[n, 8, 10, 3]>>
  return %r : tensor<?x8x10x3xf32, #graph.dims<[n, 8, 10, 3]>>
}
func.func @phases_of_one_dimension(%dy: tensor<?x5x5xf32, #graph.dims<[n, 5, 5]>>, %kernel: tensor<4x3x5xf32>) -> tensor<?x8x3xf32, #graph.dims<[n, 8, 3]>> attributes {graph.sizes = {n = [1, 2]}} {
  %r = graph.conv_input_gradient %dy, %kernel {dilations = array<i64: 1>, groups = 1 : i64, paddingHigh = array<i64: 2>, paddingLow = array<i64: 2>, strides = array<i64: 2>} : (tensor<?x5x5xf32, #graph.dims<[n, 5, 5]>>, tensor<4x3x5xf32>) -> tensor<?x8x3xf32, #graph.dims<[n, 8, 3]>>
  return %r : tensor<?x8x3xf32, #graph.dims<[n, 8, 3]>>
}

// Channels and columns in whole vectors of 16 bytes.
func.func @wholeVectors(%dy: tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>, %kernel: tensor<3x3x8x8xf32>) -> tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>> attributes {graph.sizes = {n = [2]}, gradient = false} {
  %r = graph.conv_input_gradient %dy, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>, tensor<3x3x8x8xf32>) -> tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>
  return %r : tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>
}

// Channels and columns in whole vectors of 16 bytes.
func.func @depthwiseOfWholeVectors(%dy: tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>, %kernel: tensor<3x3x1x8xf32>) -> tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>> attributes {graph.sizes = {n = [2]}, gradient = false} {
  %r = graph.conv_input_gradient %dy, %kernel {dilations = array<i64: 1, 1>, groups = 8 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>, tensor<3x3x1x8xf32>) -> tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>
  return %r : tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>
}
