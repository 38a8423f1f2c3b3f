// A kernel for 3 channels on an image of 1.
// error: layer `conv2d`: the input (batch, 28, 28, 1) has 1 channels, the kernel (3, 3, 3, 8) with 1 group wants 3
func.func @predict(%x: tensor<?x28x28x1xf32, #graph.dims<[batch, 28, 28, 1]>>, %k: tensor<3x3x3x8xf32>) -> tensor<?x26x26x8xf32, #graph.dims<[batch, 26, 26, 8]>> {
  %y = graph.conv %x, %k {dilations = array<i64: 1, 1>, paddingHigh = array<i64: 0, 0>, paddingLow = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<?x28x28x1xf32, #graph.dims<[batch, 28, 28, 1]>>, tensor<3x3x3x8xf32>) -> tensor<?x26x26x8xf32, #graph.dims<[batch, 26, 26, 8]>> loc("conv2d")
  return %y : tensor<?x26x26x8xf32, #graph.dims<[batch, 26, 26, 8]>>
}
