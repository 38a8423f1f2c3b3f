// A copy across the lanes is a kernel of its own, so that what is done with it runs over memory in
// order; copies of copies are one.
// RUN: ingot-opt %s --phases=until=fuse | FileCheck %s

// CHECK-LABEL: func.func @update
// CHECK: exec.kernel {{.*}} over <[96, 64]>
// CHECK-NEXT: ^bb0
// CHECK-NEXT: exec.nest none
// CHECK: exec.kernel {{.*}} over <[96, 64]>
// CHECK-NOT: exec.kernel
// CHECK: return
func.func @update(%w: tensor<96x64xf32>, %g: tensor<64x96xf32>) -> tensor<96x64xf32> {
  %t = graph.transpose %g {permutation = array<i64: 1, 0>} : (tensor<64x96xf32>) -> tensor<96x64xf32>
  %s = graph.mul %t, %t : tensor<96x64xf32>
  %n = graph.sub %w, %s : tensor<96x64xf32>
  return %n : tensor<96x64xf32>
}

// CHECK-LABEL: func.func @turned
// CHECK-COUNT-1: exec.kernel
// CHECK-NOT: exec.kernel
// CHECK: return
func.func @turned(%x: tensor<64x96xf32>) -> tensor<96x64xf32> {
  %r = graph.reverse %x {axes = array<i64: 0>} : tensor<64x96xf32>
  %t = graph.transpose %r {permutation = array<i64: 1, 0>} : (tensor<64x96xf32>) -> tensor<96x64xf32>
  return %t : tensor<96x64xf32>
}
