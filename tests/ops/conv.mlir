// Cases of graph.conv.
func.func @plain(%x: tensor<?x6x5x2xf32, #graph.dims<[n, 6, 5, 2]>>, %kernel: tensor<3x3x2x4xf32>) -> tensor<?x4x3x4xf32, #graph.dims<[n, 4, 3, 4]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv %x, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 0, 0>, paddingLow = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<?x6x5x2xf32, #graph.dims<[n, 6, 5, 2]>>, tensor<3x3x2x4xf32>) -> tensor<?x4x3x4xf32, #graph.dims<[n, 4, 3, 4]>>
  return %r : tensor<?x4x3x4xf32, #graph.dims<[n, 4, 3, 4]>>
}

func.func @samePadding(%x: tensor<?x5x4x3xf32, #graph.dims<[n, 5, 4, 3]>>, %kernel: tensor<3x3x3x2xf32>) -> tensor<?x5x4x2xf32, #graph.dims<[n, 5, 4, 2]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv %x, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x5x4x3xf32, #graph.dims<[n, 5, 4, 3]>>, tensor<3x3x3x2xf32>) -> tensor<?x5x4x2xf32, #graph.dims<[n, 5, 4, 2]>>
  return %r : tensor<?x5x4x2xf32, #graph.dims<[n, 5, 4, 2]>>
}

func.func @strided(%x: tensor<?x8x7x2xf32, #graph.dims<[n, 8, 7, 2]>>, %kernel: tensor<3x2x2x3xf32>) -> tensor<?x4x3x3xf32, #graph.dims<[n, 4, 3, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv %x, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 0>, strides = array<i64: 2, 3>} : (tensor<?x8x7x2xf32, #graph.dims<[n, 8, 7, 2]>>, tensor<3x2x2x3xf32>) -> tensor<?x4x3x3xf32, #graph.dims<[n, 4, 3, 3]>>
  return %r : tensor<?x4x3x3xf32, #graph.dims<[n, 4, 3, 3]>>
}

func.func @stridedLeavesARest(%x: tensor<?x8x8x1xf32, #graph.dims<[n, 8, 8, 1]>>, %kernel: tensor<3x3x1x2xf32>) -> tensor<?x2x3x2xf32, #graph.dims<[n, 2, 3, 2]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv %x, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 0, 0>, paddingLow = array<i64: 0, 0>, strides = array<i64: 3, 2>} : (tensor<?x8x8x1xf32, #graph.dims<[n, 8, 8, 1]>>, tensor<3x3x1x2xf32>) -> tensor<?x2x3x2xf32, #graph.dims<[n, 2, 3, 2]>>
  return %r : tensor<?x2x3x2xf32, #graph.dims<[n, 2, 3, 2]>>
}

func.func @dilated(%x: tensor<?x8x7x2xf32, #graph.dims<[n, 8, 7, 2]>>, %kernel: tensor<3x2x2x3xf32>) -> tensor<?x7x4x3xf32, #graph.dims<[n, 7, 4, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv %x, %kernel {dilations = array<i64: 2, 3>, groups = 1 : i64, paddingHigh = array<i64: 1, 2>, paddingLow = array<i64: 2, 1>, strides = array<i64: 1, 2>} : (tensor<?x8x7x2xf32, #graph.dims<[n, 8, 7, 2]>>, tensor<3x2x2x3xf32>) -> tensor<?x7x4x3xf32, #graph.dims<[n, 7, 4, 3]>>
  return %r : tensor<?x7x4x3xf32, #graph.dims<[n, 7, 4, 3]>>
}

func.func @groups(%x: tensor<?x5x5x4xf32, #graph.dims<[n, 5, 5, 4]>>, %kernel: tensor<3x3x2x6xf32>) -> tensor<?x5x5x6xf32, #graph.dims<[n, 5, 5, 6]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv %x, %kernel {dilations = array<i64: 1, 1>, groups = 2 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x5x5x4xf32, #graph.dims<[n, 5, 5, 4]>>, tensor<3x3x2x6xf32>) -> tensor<?x5x5x6xf32, #graph.dims<[n, 5, 5, 6]>>
  return %r : tensor<?x5x5x6xf32, #graph.dims<[n, 5, 5, 6]>>
}

func.func @depthwise(%x: tensor<?x6x6x3xf32, #graph.dims<[n, 6, 6, 3]>>, %kernel: tensor<3x3x1x6xf32>) -> tensor<?x3x3x6xf32, #graph.dims<[n, 3, 3, 6]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv %x, %kernel {dilations = array<i64: 1, 1>, groups = 3 : i64, paddingHigh = array<i64: 0, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 2, 2>} : (tensor<?x6x6x3xf32, #graph.dims<[n, 6, 6, 3]>>, tensor<3x3x1x6xf32>) -> tensor<?x3x3x6xf32, #graph.dims<[n, 3, 3, 6]>>
  return %r : tensor<?x3x3x6xf32, #graph.dims<[n, 3, 3, 6]>>
}

func.func @oneDimension(%x: tensor<?x9x3xf32, #graph.dims<[n, 9, 3]>>, %kernel: tensor<4x3x5xf32>) -> tensor<?x5x5xf32, #graph.dims<[n, 5, 5]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv %x, %kernel {dilations = array<i64: 1>, groups = 1 : i64, paddingHigh = array<i64: 0>, paddingLow = array<i64: 3>, strides = array<i64: 2>} : (tensor<?x9x3xf32, #graph.dims<[n, 9, 3]>>, tensor<4x3x5xf32>) -> tensor<?x5x5xf32, #graph.dims<[n, 5, 5]>>
  return %r : tensor<?x5x5xf32, #graph.dims<[n, 5, 5]>>
}

func.func @threeDimensions(%x: tensor<?x4x3x5x2xf32, #graph.dims<[n, 4, 3, 5, 2]>>, %kernel: tensor<2x3x2x2x3xf32>) -> tensor<?x3x3x3x3xf32, #graph.dims<[n, 3, 3, 3, 3]>> attributes {graph.sizes = {n = [1, 2]}} {
  %r = graph.conv %x, %kernel {dilations = array<i64: 1, 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 0, 1, 1>, paddingLow = array<i64: 0, 1, 0>, strides = array<i64: 1, 1, 2>} : (tensor<?x4x3x5x2xf32, #graph.dims<[n, 4, 3, 5, 2]>>, tensor<2x3x2x2x3xf32>) -> tensor<?x3x3x3x3xf32, #graph.dims<[n, 3, 3, 3, 3]>>
  return %r : tensor<?x3x3x3x3xf32, #graph.dims<[n, 3, 3, 3, 3]>>
}

func.func @pointwise(%x: tensor<?x3x3x5xf32, #graph.dims<[n, 3, 3, 5]>>, %kernel: tensor<1x1x5x7xf32>) -> tensor<?x3x3x7xf32, #graph.dims<[n, 3, 3, 7]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv %x, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 0, 0>, paddingLow = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<?x3x3x5xf32, #graph.dims<[n, 3, 3, 5]>>, tensor<1x1x5x7xf32>) -> tensor<?x3x3x7xf32, #graph.dims<[n, 3, 3, 7]>>
  return %r : tensor<?x3x3x7xf32, #graph.dims<[n, 3, 3, 7]>>
}

func.func @pointwiseStrided(%x: tensor<?x5x5x3xf32, #graph.dims<[n, 5, 5, 3]>>, %kernel: tensor<1x1x3x2xf32>) -> tensor<?x3x3x2xf32, #graph.dims<[n, 3, 3, 2]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv %x, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 0, 0>, paddingLow = array<i64: 0, 0>, strides = array<i64: 2, 2>} : (tensor<?x5x5x3xf32, #graph.dims<[n, 5, 5, 3]>>, tensor<1x1x3x2xf32>) -> tensor<?x3x3x2xf32, #graph.dims<[n, 3, 3, 2]>>
  return %r : tensor<?x3x3x2xf32, #graph.dims<[n, 3, 3, 2]>>
}

func.func @paddingLargerThanTheWindow(%x: tensor<?x3x3x1xf32, #graph.dims<[n, 3, 3, 1]>>, %kernel: tensor<2x2x1x1xf32>) -> tensor<?x5x8x1xf32, #graph.dims<[n, 5, 8, 1]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.conv %x, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 0, 4>, paddingLow = array<i64: 3, 2>, strides = array<i64: 1, 1>} : (tensor<?x3x3x1xf32, #graph.dims<[n, 3, 3, 1]>>, tensor<2x2x1x1xf32>) -> tensor<?x5x8x1xf32, #graph.dims<[n, 5, 8, 1]>>
  return %r : tensor<?x5x8x1xf32, #graph.dims<[n, 5, 8, 1]>>
}

func.func @golden(%x: tensor<1x3x3x1xf32>, %kernel: tensor<2x2x1x1xf32>) -> tensor<1x2x2x1xf32> attributes {graph.inputs = [dense<[[[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]], [[7.0], [8.0], [9.0]]]]> : tensor<1x3x3x1xf32>, dense<[[[[1.0]], [[10.0]]], [[[100.0]], [[1000.0]]]]> : tensor<2x2x1x1xf32>], graph.expected = [dense<[[[[5421.0], [6532.0]], [[8754.0], [9865.0]]]]> : tensor<1x2x2x1xf32>]} {
  %r = graph.conv %x, %kernel {dilations = array<i64: 1, 1>, paddingHigh = array<i64: 0, 0>, paddingLow = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x3x3x1xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x2x1xf32>
  return %r : tensor<1x2x2x1xf32>
}

func.func @integers(%x: tensor<?x4x4x2xsi32, #graph.dims<[n, 4, 4, 2]>>, %kernel: tensor<3x3x2x2xsi32>) -> tensor<?x4x4x2xsi32, #graph.dims<[n, 4, 4, 2]>> attributes {graph.sizes = {n = [0, 1, 3]}, gradient = false} {
  %r = graph.conv %x, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x4x4x2xsi32, #graph.dims<[n, 4, 4, 2]>>, tensor<3x3x2x2xsi32>) -> tensor<?x4x4x2xsi32, #graph.dims<[n, 4, 4, 2]>>
  return %r : tensor<?x4x4x2xsi32, #graph.dims<[n, 4, 4, 2]>>
}

func.func @symbolicSpatial(%x: tensor<?x?x5x2xf32, #graph.dims<[n, h, 5, 2]>>, %kernel: tensor<3x3x2x3xf32>) -> tensor<?x?x5x3xf32, #graph.dims<[n, max((h + -3) floordiv 2 + 1, 0), 5, 3]>> attributes {graph.sizes = {n = [2], h = [0, 1, 3, 8]}} {
  %r = graph.conv %x, %kernel {dilations = array<i64: 1, 1>, paddingHigh = array<i64: 0, 1>, paddingLow = array<i64: 0, 1>, strides = array<i64: 2, 1>} : (tensor<?x?x5x2xf32, #graph.dims<[n, h, 5, 2]>>, tensor<3x3x2x3xf32>) -> tensor<?x?x5x3xf32, #graph.dims<[n, max((h + -3) floordiv 2 + 1, 0), 5, 3]>>
  return %r : tensor<?x?x5x3xf32, #graph.dims<[n, max((h + -3) floordiv 2 + 1, 0), 5, 3]>>
}

// Tiles of rows go on from one line of the image to the next.
func.func @rowsOfSeveralLines(%x: tensor<?x7x7x8xf32, #graph.dims<[n, 7, 7, 8]>>, %kernel: tensor<3x3x8x32xf32>) -> tensor<?x7x7x32xf32, #graph.dims<[n, 7, 7, 32]>> attributes {graph.sizes = {n = [0, 1, 2]}, gradient = false} {
  %r = graph.conv %x, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x7x7x8xf32, #graph.dims<[n, 7, 7, 8]>>, tensor<3x3x8x32xf32>) -> tensor<?x7x7x32xf32, #graph.dims<[n, 7, 7, 32]>>
  return %r : tensor<?x7x7x32xf32, #graph.dims<[n, 7, 7, 32]>>
}

// Large enough for lanes before rows.
func.func @lanesOutermost(%x: tensor<?x3x3x64xf32, #graph.dims<[n, 3, 3, 64]>>, %kernel: tensor<3x3x64x128xf32>) -> tensor<?x3x3x128xf32, #graph.dims<[n, 3, 3, 128]>> attributes {graph.sizes = {n = [0, 1]}, gradient = false} {
  %r = graph.conv %x, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x3x3x64xf32, #graph.dims<[n, 3, 3, 64]>>, tensor<3x3x64x128xf32>) -> tensor<?x3x3x128xf32, #graph.dims<[n, 3, 3, 128]>>
  return %r : tensor<?x3x3x128xf32, #graph.dims<[n, 3, 3, 128]>>
}

// Of bf16, with f32 sums.
func.func @brains(%x: tensor<?x7x6x20xbf16, #graph.dims<[n, 7, 6, 20]>>, %kernel: tensor<3x3x20x24xbf16>) -> tensor<?x7x6x24xf32, #graph.dims<[n, 7, 6, 24]>> attributes {graph.sizes = {n = [0, 1, 3]}, gradient = false} {
  %a = graph.cast %x : tensor<?x7x6x20xbf16, #graph.dims<[n, 7, 6, 20]>> to tensor<?x7x6x20xf32, #graph.dims<[n, 7, 6, 20]>>
  %b = graph.cast %kernel : tensor<3x3x20x24xbf16> to tensor<3x3x20x24xf32>
  %r = graph.conv %a, %b {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x7x6x20xf32, #graph.dims<[n, 7, 6, 20]>>, tensor<3x3x20x24xf32>) -> tensor<?x7x6x24xf32, #graph.dims<[n, 7, 6, 24]>>
  return %r : tensor<?x7x6x24xf32, #graph.dims<[n, 7, 6, 24]>>
}

// The same of single points.
func.func @pointsOfBrains(%x: tensor<?x5x5x33xbf16, #graph.dims<[n, 5, 5, 33]>>, %kernel: tensor<1x1x33x40xbf16>) -> tensor<?x5x5x40xf32, #graph.dims<[n, 5, 5, 40]>> attributes {graph.sizes = {n = [1, 2]}, gradient = false} {
  %a = graph.cast %x : tensor<?x5x5x33xbf16, #graph.dims<[n, 5, 5, 33]>> to tensor<?x5x5x33xf32, #graph.dims<[n, 5, 5, 33]>>
  %b = graph.cast %kernel : tensor<1x1x33x40xbf16> to tensor<1x1x33x40xf32>
  %r = graph.conv %a, %b {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 0, 0>, paddingLow = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<?x5x5x33xf32, #graph.dims<[n, 5, 5, 33]>>, tensor<1x1x33x40xf32>) -> tensor<?x5x5x40xf32, #graph.dims<[n, 5, 5, 40]>>
  return %r : tensor<?x5x5x40xf32, #graph.dims<[n, 5, 5, 40]>>
}

// Of bytes, whose sums are integers.
func.func @bytes(%x: tensor<?x7x6x20xui8, #graph.dims<[n, 7, 6, 20]>> {graph.domain = [0, 255]}, %kernel: tensor<3x3x20x24xsi8> {graph.domain = [-128, 127]}) -> tensor<?x7x6x24xf32, #graph.dims<[n, 7, 6, 24]>> attributes {graph.sizes = {n = [0, 1, 3]}, gradient = false} {
  %a = graph.cast %x : tensor<?x7x6x20xui8, #graph.dims<[n, 7, 6, 20]>> to tensor<?x7x6x20xf32, #graph.dims<[n, 7, 6, 20]>>
  %b = graph.cast %kernel : tensor<3x3x20x24xsi8> to tensor<3x3x20x24xf32>
  %r = graph.conv %a, %b {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x7x6x20xf32, #graph.dims<[n, 7, 6, 20]>>, tensor<3x3x20x24xf32>) -> tensor<?x7x6x24xf32, #graph.dims<[n, 7, 6, 24]>>
  return %r : tensor<?x7x6x24xf32, #graph.dims<[n, 7, 6, 24]>>
}

// Of signed bytes.
func.func @signedBytes(%x: tensor<?x6x5x67xsi8, #graph.dims<[n, 6, 5, 67]>> {graph.domain = [-128, 127]}, %kernel: tensor<3x3x67x18xsi8> {graph.domain = [-128, 127]}) -> tensor<?x6x5x18xf32, #graph.dims<[n, 6, 5, 18]>> attributes {graph.sizes = {n = [1, 2]}, gradient = false} {
  %a = graph.cast %x : tensor<?x6x5x67xsi8, #graph.dims<[n, 6, 5, 67]>> to tensor<?x6x5x67xf32, #graph.dims<[n, 6, 5, 67]>>
  %b = graph.cast %kernel : tensor<3x3x67x18xsi8> to tensor<3x3x67x18xf32>
  %r = graph.conv %a, %b {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x6x5x67xf32, #graph.dims<[n, 6, 5, 67]>>, tensor<3x3x67x18xf32>) -> tensor<?x6x5x18xf32, #graph.dims<[n, 6, 5, 18]>>
  return %r : tensor<?x6x5x18xf32, #graph.dims<[n, 6, 5, 18]>>
}

// Of unsigned bytes.
func.func @unsignedBytes(%x: tensor<?x7x6x20xui8, #graph.dims<[n, 7, 6, 20]>> {graph.domain = [0, 255]}, %kernel: tensor<3x3x20x24xui8> {graph.domain = [0, 255]}) -> tensor<?x7x6x24xf32, #graph.dims<[n, 7, 6, 24]>> attributes {graph.sizes = {n = [0, 1, 3]}, gradient = false} {
  %a = graph.cast %x : tensor<?x7x6x20xui8, #graph.dims<[n, 7, 6, 20]>> to tensor<?x7x6x20xf32, #graph.dims<[n, 7, 6, 20]>>
  %b = graph.cast %kernel : tensor<3x3x20x24xui8> to tensor<3x3x20x24xf32>
  %r = graph.conv %a, %b {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x7x6x20xf32, #graph.dims<[n, 7, 6, 20]>>, tensor<3x3x20x24xf32>) -> tensor<?x7x6x24xf32, #graph.dims<[n, 7, 6, 24]>>
  return %r : tensor<?x7x6x24xf32, #graph.dims<[n, 7, 6, 24]>>
}

// Channels and columns in whole vectors of 16 bytes.
func.func @wholeVectors(%x: tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>, %kernel: tensor<3x3x8x8xf32>) -> tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>> attributes {graph.sizes = {n = [2]}, gradient = false} {
  %r = graph.conv %x, %kernel {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>, tensor<3x3x8x8xf32>) -> tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>
  return %r : tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>
}

// Channels and columns in whole vectors of 16 bytes.
func.func @depthwiseOfWholeVectors(%x: tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>, %kernel: tensor<3x3x1x8xf32>) -> tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>> attributes {graph.sizes = {n = [2]}, gradient = false} {
  %r = graph.conv %x, %kernel {dilations = array<i64: 1, 1>, groups = 8 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>, tensor<3x3x1x8xf32>) -> tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>
  return %r : tensor<?x5x4x8xf32, #graph.dims<[n, 5, 4, 8]>>
}
