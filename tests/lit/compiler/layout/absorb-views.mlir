// A view does not come between a product and what is done with it: the maps behind it run over its
// shape, with their biases and constants. Reductions follow, and what they make is read through views.
// RUN: ingot-opt %s --phases=until=fuse | FileCheck %s

// CHECK-LABEL: func.func @dense
// CHECK: exec.kernel {{.*}} over <[b * 7, 12]>
// CHECK: exec.nest add domain <[b * 7, 12, 5]>
// CHECK: exec.nest none domain <[b * 7, 12]>
// CHECK-NOT: exec.kernel
// CHECK: return
func.func @dense(%x: tensor<?x7x5xf32, #graph.dims<[b, 7, 5]>>, %w: tensor<5x12xf32>, %bias: tensor<12xf32>) -> tensor<?x7x12xf32, #graph.dims<[b, 7, 12]>> {
  %a = graph.reshape %x : tensor<?x7x5xf32, #graph.dims<[b, 7, 5]>> to tensor<?x5xf32, #graph.dims<[b * 7, 5]>>
  %m = graph.matmul %a, %w : (tensor<?x5xf32, #graph.dims<[b * 7, 5]>>, tensor<5x12xf32>) -> tensor<?x12xf32, #graph.dims<[b * 7, 12]>>
  %v = graph.reshape %m : tensor<?x12xf32, #graph.dims<[b * 7, 12]>> to tensor<?x7x12xf32, #graph.dims<[b, 7, 12]>>
  %wide = graph.broadcast %bias {axes = array<i64: 2>} : tensor<12xf32> to tensor<?x7x12xf32, #graph.dims<[b, 7, 12]>>
  %s = graph.add %v, %wide : tensor<?x7x12xf32, #graph.dims<[b, 7, 12]>>
  %r = graph.relu %s : tensor<?x7x12xf32, #graph.dims<[b, 7, 12]>>
  return %r : tensor<?x7x12xf32, #graph.dims<[b, 7, 12]>>
}

// CHECK-LABEL: func.func @softmax
// CHECK-COUNT-1: exec.kernel
// CHECK-NOT: exec.kernel
// CHECK: return
func.func @softmax(%x: tensor<?x6x9xf32, #graph.dims<[b, 6, 9]>>) -> tensor<?x6x9xf32, #graph.dims<[b, 6, 9]>> {
  %y = graph.softmax %x {axis = 2 : i64} : (tensor<?x6x9xf32, #graph.dims<[b, 6, 9]>>) -> tensor<?x6x9xf32, #graph.dims<[b, 6, 9]>>
  return %y : tensor<?x6x9xf32, #graph.dims<[b, 6, 9]>>
}
