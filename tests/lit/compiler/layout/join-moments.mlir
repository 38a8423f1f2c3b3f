// RUN: ingot-opt "--phases=until=layout gpu" %s | FileCheck %s
// RUN: ingot-opt --phases=until=layout %s | FileCheck %s --check-prefix=CPU
// On GPUs a batch's mean and variance take one pass over it, in parts where it is long.

// CPU-NOT: exec.nest moments

// CHECK-LABEL: @batch
// CHECK: exec.nest moments domain <[n, 8, 64, 2]> parallel 2(%arg0)
// CHECK: exec.nest moments domain <[8, n]> parallel 1
// CHECK-NOT: exec.nest add
func.func @batch(%x: tensor<?x64x2x8xf32, #graph.dims<[n, 64, 2, 8]>>, %gamma: tensor<8xf32>, %beta: tensor<8xf32>) -> (tensor<?x64x2x8xf32, #graph.dims<[n, 64, 2, 8]>>, tensor<8xf32>, tensor<8xf32>) {
  %y, %m, %v = graph.batch_norm %x, %gamma, %beta {axis = 3 : i64, epsilon = 1.000000e-03 : f64} : (tensor<?x64x2x8xf32, #graph.dims<[n, 64, 2, 8]>>, tensor<8xf32>, tensor<8xf32>) -> (tensor<?x64x2x8xf32, #graph.dims<[n, 64, 2, 8]>>, tensor<8xf32>, tensor<8xf32>)
  return %y, %m, %v : tensor<?x64x2x8xf32, #graph.dims<[n, 64, 2, 8]>>, tensor<8xf32>, tensor<8xf32>
}

// Rows are in cache when they are read again.
// CHECK-LABEL: @rows
// CHECK-NOT: exec.nest moments
// CHECK: exec.nest add
// CHECK-NOT: exec.nest moments
// CHECK: exec.nest add
func.func @rows(%x: tensor<4x256xf32>, %gamma: tensor<256xf32>, %beta: tensor<256xf32>) -> tensor<4x256xf32> {
  %y = graph.layer_norm %x, %gamma, %beta {axes = array<i64: 1>, epsilon = 1.000000e-03 : f64} : (tensor<4x256xf32>, tensor<256xf32>, tensor<256xf32>) -> tensor<4x256xf32>
  return %y : tensor<4x256xf32>
}

// Long ones are not; and what the deviations are from need not be the mean.
// CHECK-LABEL: @around
// CHECK: exec.nest moments domain <[65536]> parallel 0(%arg0)
// CHECK-NOT: exec.nest add
func.func @around(%x: tensor<65536xf32>, %c: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %sum = graph.reduce %x {kind = 0 : i32, axes = array<i64: 0>} : (tensor<65536xf32>) -> tensor<f32>
  %all = graph.broadcast %c {axes = array<i64>} : tensor<f32> to tensor<65536xf32>
  %d = graph.sub %x, %all : tensor<65536xf32>
  %square = graph.mul %d, %d : tensor<65536xf32>
  %squares = graph.reduce %square {kind = 0 : i32, axes = array<i64: 0>} : (tensor<65536xf32>) -> tensor<f32>
  return %sum, %squares : tensor<f32>, tensor<f32>
}

// It may be the sum.
// CHECK-LABEL: @aroundSum
// CHECK: exec.nest moments domain <[65536]> parallel 0(%arg0)
// CHECK-NOT: exec.nest add
func.func @aroundSum(%x: tensor<65536xf32>) -> tensor<f32> {
  %sum = graph.reduce %x {kind = 0 : i32, axes = array<i64: 0>} : (tensor<65536xf32>) -> tensor<f32>
  %all = graph.broadcast %sum {axes = array<i64>} : tensor<f32> to tensor<65536xf32>
  %d = graph.sub %x, %all : tensor<65536xf32>
  %square = graph.mul %d, %d : tensor<65536xf32>
  %squares = graph.reduce %square {kind = 0 : i32, axes = array<i64: 0>} : (tensor<65536xf32>) -> tensor<f32>
  return %squares : tensor<f32>
}
