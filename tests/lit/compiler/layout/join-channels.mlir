// Zeros around a colour image with its channels last are put around lines of columns x channels; around
// an image of many channels, as they are.
// RUN: ingot-opt %s --phases=until=layout | FileCheck %s

// CHECK-LABEL: func.func @colours
// CHECK: exec.view {{.*}} to tensor<1x8x24xf32>
// CHECK: exec.nest none domain <[1, 10, 30]>
// CHECK: exec.view {{.*}} to tensor<1x10x10x3xf32>
// CHECK: exec.nest add domain <[1, 8, 8, 16, 3, 3, 3]>
func.func @colours(%x: tensor<1x8x8x3xf32>, %w: tensor<3x3x3x16xf32>) -> tensor<1x8x8x16xf32> {
  %r = graph.conv %x, %w {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x8x8x3xf32>, tensor<3x3x3x16xf32>) -> tensor<1x8x8x16xf32>
  return %r : tensor<1x8x8x16xf32>
}

// CHECK-LABEL: func.func @many
// CHECK: exec.nest none domain <[1, 10, 10, 12]>
func.func @many(%x: tensor<1x8x8x12xf32>, %w: tensor<3x3x12x16xf32>) -> tensor<1x8x8x16xf32> {
  %r = graph.conv %x, %w {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x8x8x12xf32>, tensor<3x3x12x16xf32>) -> tensor<1x8x8x16xf32>
  return %r : tensor<1x8x8x16xf32>
}
