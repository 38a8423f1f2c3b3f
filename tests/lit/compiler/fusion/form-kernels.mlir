// What runs as one kernel.
// RUN: ingot-opt %s --phases=until=fuse | FileCheck %s

// Bias and activation run on the contraction's result, in its kernel.
// CHECK-LABEL: func.func @dense
// CHECK: exec.kernel "dense" over <[batch, 10]>
// CHECK: exec.nest add domain <[batch, 10, 4]>
// CHECK: arith.addf
// CHECK: arith.maximumf
// CHECK-NOT: exec.kernel
func.func @dense(%x: tensor<?x4xf32, #graph.dims<[batch, 4]>>, %w: tensor<4x10xf32>, %b: tensor<10xf32>) -> tensor<?x10xf32, #graph.dims<[batch, 10]>> {
  %y = graph.matmul %x, %w : (tensor<?x4xf32, #graph.dims<[batch, 4]>>, tensor<4x10xf32>) -> tensor<?x10xf32, #graph.dims<[batch, 10]>> loc("dense")
  %bb = graph.broadcast %b {axes = array<i64: 1>} : tensor<10xf32> to tensor<?x10xf32, #graph.dims<[batch, 10]>>
  %z = graph.add %y, %bb : tensor<?x10xf32, #graph.dims<[batch, 10]>>
  %r = graph.relu %z : tensor<?x10xf32, #graph.dims<[batch, 10]>>
  return %r : tensor<?x10xf32, #graph.dims<[batch, 10]>>
}

// A softmax is one kernel over its rows: maximum, exponentials, sum and division of a row in turn.
// CHECK-LABEL: func.func @softmax
// CHECK: exec.kernel {{.*}} over <[batch]>
// CHECK: exec.nest max domain <[batch, 10]> parallel 1
// CHECK: math.exp
// CHECK: exec.nest add domain <[batch, 10]> parallel 1
// CHECK: arith.divf
// CHECK-NOT: exec.kernel
func.func @softmax(%x: tensor<?x10xf32, #graph.dims<[batch, 10]>>) -> tensor<?x10xf32, #graph.dims<[batch, 10]>> {
  %y = graph.softmax %x {axis = 1 : i64} : (tensor<?x10xf32, #graph.dims<[batch, 10]>>) -> tensor<?x10xf32, #graph.dims<[batch, 10]>>
  return %y : tensor<?x10xf32, #graph.dims<[batch, 10]>>
}

// Two contractions in a row are two kernels: the second needs whole rows of the first.
// CHECK-LABEL: func.func @twice
// CHECK-COUNT-2: exec.kernel
// CHECK-NOT: exec.kernel
func.func @twice(%x: tensor<?x4xf32, #graph.dims<[batch, 4]>>, %w: tensor<4x4xf32>) -> tensor<?x4xf32, #graph.dims<[batch, 4]>> {
  %y = graph.matmul %x, %w : (tensor<?x4xf32, #graph.dims<[batch, 4]>>, tensor<4x4xf32>) -> tensor<?x4xf32, #graph.dims<[batch, 4]>>
  %z = graph.matmul %y, %w : (tensor<?x4xf32, #graph.dims<[batch, 4]>>, tensor<4x4xf32>) -> tensor<?x4xf32, #graph.dims<[batch, 4]>>
  return %z : tensor<?x4xf32, #graph.dims<[batch, 4]>>
}

graph.variable @v {role = "trainable"} : tensor<8xf32>

// An update does not come after what may fail where that needs a size that is computed of it.
// CHECK-LABEL: func.func @bound
// CHECK: exec.kernel
// CHECK: exec.bind
// CHECK: exec.check
func.func @bound(%x: tensor<8xf32>, %t: tensor<16xf32>, %j: tensor<si32>) -> (tensor<?xf32, #graph.dims<[k]>>, tensor<?xf32, #graph.dims<[k]>>) attributes {graph.lets = [["k", #graph.dims<[8]>]]} {
  %v = graph.read @v : tensor<8xf32>
  %u = graph.add %v, %x : tensor<8xf32>
  %zero = graph.constant dense<0.0> : tensor<f32> : tensor<8xf32>
  %above = graph.compare %u, %zero {predicate = 4 : i32} : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
  %ones = graph.cast %above : tensor<8xi1> to tensor<8xsi64>
  %count = graph.reduce %ones {axes = array<i64: 0>, kind = 0 : i32} : (tensor<8xsi64>) -> tensor<si64>
  %y = graph.bind %x, %count as "k" : (tensor<8xf32>, tensor<si64>) -> tensor<?xf32, #graph.dims<[k]>>
  %jj = graph.broadcast %j {axes = array<i64>} : tensor<si32> to tensor<?xsi32, #graph.dims<[k]>>
  %g = graph.gather %t, %jj {axis = 0 : i64} : (tensor<16xf32>, tensor<?xsi32, #graph.dims<[k]>>) -> tensor<?xf32, #graph.dims<[k]>>
  graph.assign @v, %u : tensor<8xf32>
  return %y, %g : tensor<?xf32, #graph.dims<[k]>>, tensor<?xf32, #graph.dims<[k]>>
}
