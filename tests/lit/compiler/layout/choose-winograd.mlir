// A 3 x 3 convolution whose kernel is a variable is computed by Winograd's algorithm, with the
// padding taken in and the kernel transformed by `derive`.
// RUN: ingot-opt %s --phases=until=layout | FileCheck %s

// CHECK: graph.variable @"derived/0" {role = "derived"} : tensor<4x6x6x64x16xf32>
// CHECK-LABEL: func.func @predict
// CHECK: %[[U:.*]] = exec.read_variable @"derived/0"
// CHECK: exec.winograd %arg0, %[[U]] {blockTiles = 18 : i64, low = array<i64: 1, 1>, outputs = 4 : i64, parts = 2 : i64}
// CHECK-SAME: -> (tensor<?x28x28x64xf32, #graph.dims<[n, 28, 28, 64]>>, tensor<?x{{[0-9]+}}xf32,

// What is trained is not transformed in each step.
// CHECK-LABEL: func.func @train
// CHECK-NOT: exec.winograd
// CHECK-LABEL: func.func @derive
graph.variable @kernel {role = "trainable"} : tensor<3x3x64x64xf32>
func.func @predict(%x: tensor<?x28x28x64xf32, #graph.dims<[n, 28, 28, 64]>>) -> tensor<?x28x28x64xf32, #graph.dims<[n, 28, 28, 64]>> {
  %w = graph.read @kernel : tensor<3x3x64x64xf32>
  %y = graph.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, paddingHigh = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x28x28x64xf32, #graph.dims<[n, 28, 28, 64]>>, tensor<3x3x64x64xf32>) -> tensor<?x28x28x64xf32, #graph.dims<[n, 28, 28, 64]>>
  return %y : tensor<?x28x28x64xf32, #graph.dims<[n, 28, 28, 64]>>
}
func.func @train(%x: tensor<?x28x28x64xf32, #graph.dims<[n, 28, 28, 64]>>) -> tensor<?x28x28x64xf32, #graph.dims<[n, 28, 28, 64]>> {
  %w = graph.read @kernel : tensor<3x3x64x64xf32>
  %y = graph.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, paddingHigh = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x28x28x64xf32, #graph.dims<[n, 28, 28, 64]>>, tensor<3x3x64x64xf32>) -> tensor<?x28x28x64xf32, #graph.dims<[n, 28, 28, 64]>>
  %next = graph.mul %w, %w : tensor<3x3x64x64xf32>
  graph.assign @kernel, %next : tensor<3x3x64x64xf32>
  return %y : tensor<?x28x28x64xf32, #graph.dims<[n, 28, 28, 64]>>
}
