// RUN: ingot-opt "--phases=until=fuse gpu" %s | FileCheck %s
// RUN: ingot-opt --phases=until=fuse %s | FileCheck %s --check-prefix=CPU
// On GPUs attention is one kernel that stores no scores, also where the sum over keys is as long as one that is cut
// into parts.

// CPU-NOT: exec.streamed

// CHECK-LABEL: @long
// CHECK: exec.kernel {{.*}}{exec.streamed = 1 : i64}
// CHECK-NOT: exec.kernel
func.func @long(%q: tensor<4x1024x64xf32>, %k: tensor<4x1024x64xf32>, %v: tensor<4x1024x64xf32>) -> tensor<4x1024x64xf32> {
  %s = graph.matmul %q, %k {transposeRhs = true} : (tensor<4x1024x64xf32>, tensor<4x1024x64xf32>) -> tensor<4x1024x1024xf32>
  %p = graph.softmax %s {axis = 2 : i64} : (tensor<4x1024x1024xf32>) -> tensor<4x1024x1024xf32>
  %r = graph.matmul %p, %v : (tensor<4x1024x1024xf32>, tensor<4x1024x64xf32>) -> tensor<4x1024x64xf32>
  return %r : tensor<4x1024x64xf32>
}

// Scores that are an output are stored.
// CHECK-LABEL: @weights
// CHECK-NOT: exec.streamed
func.func @weights(%q: tensor<4x64x64xf32>, %k: tensor<4x64x64xf32>, %v: tensor<4x64x64xf32>) -> (tensor<4x64x64xf32>, tensor<4x64x64xf32>) {
  %s = graph.matmul %q, %k {transposeRhs = true} : (tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<4x64x64xf32>
  %p = graph.softmax %s {axis = 2 : i64} : (tensor<4x64x64xf32>) -> tensor<4x64x64xf32>
  %r = graph.matmul %p, %v : (tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<4x64x64xf32>
  return %r, %p : tensor<4x64x64xf32>, tensor<4x64x64xf32>
}
