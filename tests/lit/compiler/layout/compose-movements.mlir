// The slices, reshapes and transpositions around attention's heads are one copy; rows that are put in
// another order for a product, and back behind it, stay where they are.
// RUN: ingot-opt %s --phases=until=fuse | FileCheck %s

// CHECK-LABEL: func.func @heads
// CHECK: exec.kernel {{.*}} over <[b, 4, 7, 8]>
// CHECK-NOT: exec.kernel
// CHECK: return
func.func @heads(%x: tensor<7x?x96xf32, #graph.dims<[7, b, 96]>>) -> tensor<?x4x7x8xf32, #graph.dims<[b, 4, 7, 8]>> {
  %parts = graph.reshape %x : tensor<7x?x96xf32, #graph.dims<[7, b, 96]>> to tensor<7x?x3x32xf32, #graph.dims<[7, b, 3, 32]>>
  %turned = graph.transpose %parts {permutation = array<i64: 2, 0, 1, 3>} : (tensor<7x?x3x32xf32, #graph.dims<[7, b, 3, 32]>>) -> tensor<3x7x?x32xf32, #graph.dims<[3, 7, b, 32]>>
  %one = graph.slice %turned {sizes = #graph.dims<[1, 7, b, 32]>, starts = #graph.dims<[1, 0, 0, 0]>, strides = array<i64: 1, 1, 1, 1>} : (tensor<3x7x?x32xf32, #graph.dims<[3, 7, b, 32]>>) -> tensor<1x7x?x32xf32, #graph.dims<[1, 7, b, 32]>>
  %split = graph.reshape %one : tensor<1x7x?x32xf32, #graph.dims<[1, 7, b, 32]>> to tensor<7x?x8xf32, #graph.dims<[7, b * 4, 8]>>
  %heads = graph.transpose %split {permutation = array<i64: 1, 0, 2>} : (tensor<7x?x8xf32, #graph.dims<[7, b * 4, 8]>>) -> tensor<?x7x8xf32, #graph.dims<[b * 4, 7, 8]>>
  %y = graph.reshape %heads : tensor<?x7x8xf32, #graph.dims<[b * 4, 7, 8]>> to tensor<?x4x7x8xf32, #graph.dims<[b, 4, 7, 8]>>
  return %y : tensor<?x4x7x8xf32, #graph.dims<[b, 4, 7, 8]>>
}

// CHECK-LABEL: func.func @rows
// CHECK: %[[X:.*]] = exec.view %arg0 : {{.*}} to tensor<?x16xf32, #graph.dims<[b * 7, 16]>>
// CHECK: exec.kernel {{.*}} over <[b * 7, 24]>(%[[X]]
// CHECK-NOT: exec.kernel
// CHECK: return
graph.variable @w {role = "trainable"} : tensor<16x24xf32>
graph.variable @bias {role = "trainable"} : tensor<24xf32>
func.func @rows(%x: tensor<?x7x16xf32, #graph.dims<[b, 7, 16]>>) -> tensor<?x7x24xf32, #graph.dims<[b, 7, 24]>> {
  %w = graph.read @w : tensor<16x24xf32>
  %bias = graph.read @bias : tensor<24xf32>
  %turned = graph.transpose %x {permutation = array<i64: 1, 0, 2>} : (tensor<?x7x16xf32, #graph.dims<[b, 7, 16]>>) -> tensor<7x?x16xf32, #graph.dims<[7, b, 16]>>
  %a = graph.reshape %turned : tensor<7x?x16xf32, #graph.dims<[7, b, 16]>> to tensor<?x16xf32, #graph.dims<[b * 7, 16]>>
  %m = graph.matmul %a, %w : (tensor<?x16xf32, #graph.dims<[b * 7, 16]>>, tensor<16x24xf32>) -> tensor<?x24xf32, #graph.dims<[b * 7, 24]>>
  %wide = graph.broadcast %bias {axes = array<i64: 1>} : tensor<24xf32> to tensor<?x24xf32, #graph.dims<[b * 7, 24]>>
  %s = graph.add %m, %wide : tensor<?x24xf32, #graph.dims<[b * 7, 24]>>
  %v = graph.reshape %s : tensor<?x24xf32, #graph.dims<[b * 7, 24]>> to tensor<7x?x24xf32, #graph.dims<[7, b, 24]>>
  %y = graph.transpose %v {permutation = array<i64: 1, 0, 2>} : (tensor<7x?x24xf32, #graph.dims<[7, b, 24]>>) -> tensor<?x7x24xf32, #graph.dims<[b, 7, 24]>>
  return %y : tensor<?x7x24xf32, #graph.dims<[b, 7, 24]>>
}
