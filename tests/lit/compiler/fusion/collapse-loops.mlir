// The rows and columns of an image under a 1 x 1 convolution are rows of one matrix; under a window
// they are not.
// RUN: ingot-opt %s --phases=until=fuse | FileCheck %s

// CHECK-LABEL: func.func @pointwise
// CHECK: %[[X:.*]] = exec.view %arg0 : {{.*}} to tensor<?x35x16xf32, #graph.dims<[n, 35, 16]>>
// CHECK: exec.kernel {{.*}} over <[n, 35, 8]>(%[[X]]
// CHECK: exec.nest add domain <[n, 35, 8, 1, 1, 16]> parallel 3
// CHECK: exec.view {{.*}} to tensor<?x5x7x8xf32, #graph.dims<[n, 5, 7, 8]>>

// CHECK-LABEL: func.func @window
// CHECK: exec.kernel {{.*}} over <[n, 4, 6, 8]>
graph.variable @point {role = "trainable"} : tensor<1x1x16x8xf32>
graph.variable @square {role = "trainable"} : tensor<2x2x16x8xf32>
func.func @pointwise(%x: tensor<?x5x7x16xf32, #graph.dims<[n, 5, 7, 16]>>) -> tensor<?x5x7x8xf32, #graph.dims<[n, 5, 7, 8]>> {
  %w = graph.read @point : tensor<1x1x16x8xf32>
  %y = graph.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, paddingLow = array<i64: 0, 0>, paddingHigh = array<i64: 0, 0>, groups = 1 : i64} : (tensor<?x5x7x16xf32, #graph.dims<[n, 5, 7, 16]>>, tensor<1x1x16x8xf32>) -> tensor<?x5x7x8xf32, #graph.dims<[n, 5, 7, 8]>>
  %r = graph.relu %y : tensor<?x5x7x8xf32, #graph.dims<[n, 5, 7, 8]>>
  return %r : tensor<?x5x7x8xf32, #graph.dims<[n, 5, 7, 8]>>
}
func.func @window(%x: tensor<?x5x7x16xf32, #graph.dims<[n, 5, 7, 16]>>) -> tensor<?x4x6x8xf32, #graph.dims<[n, 4, 6, 8]>> {
  %w = graph.read @square : tensor<2x2x16x8xf32>
  %y = graph.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, paddingLow = array<i64: 0, 0>, paddingHigh = array<i64: 0, 0>, groups = 1 : i64} : (tensor<?x5x7x16xf32, #graph.dims<[n, 5, 7, 16]>>, tensor<2x2x16x8xf32>) -> tensor<?x4x6x8xf32, #graph.dims<[n, 4, 6, 8]>>
  return %y : tensor<?x4x6x8xf32, #graph.dims<[n, 4, 6, 8]>>
}
