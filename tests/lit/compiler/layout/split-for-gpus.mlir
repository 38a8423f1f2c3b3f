// RUN: ingot-opt "--phases=until=fuse gpu" %s | FileCheck %s
// On GPUs a weight's gradient, a long sum with few results, is summed in parts.

// Of a known extent as many as keep the processors busy.
// CHECK-LABEL: @known
// CHECK: exec.nest add domain <[16, 128, 128, 256]> parallel 3
// CHECK: exec.nest add domain <[128, 128, 16]> parallel 2
func.func @known(%x: tensor<4096x128xf32>, %d: tensor<4096x128xf32>) -> tensor<128x128xf32> {
  %r = graph.matmul %x, %d {transposeLhs = true} : (tensor<4096x128xf32>, tensor<4096x128xf32>) -> tensor<128x128xf32>
  return %r : tensor<128x128xf32>
}

// Of one that is not known of a length that divides it: the tokens of a sentence.
// CHECK-LABEL: @tokens
// CHECK: exec.nest add domain <[batch * 2, 128, 64, 192]> parallel 3
// CHECK: exec.nest add domain <[128, 64, batch * 2]> parallel 2
func.func @tokens(%x: tensor<?x128xf32, #graph.dims<[batch * 384, 128]>>, %d: tensor<?x64xf32, #graph.dims<[batch * 384, 64]>>) -> tensor<128x64xf32> {
  %r = graph.matmul %x, %d {transposeLhs = true} : (tensor<?x128xf32, #graph.dims<[batch * 384, 128]>>, tensor<?x64xf32, #graph.dims<[batch * 384, 64]>>) -> tensor<128x64xf32>
  return %r : tensor<128x64xf32>
}

// Rows alone are not cut: parts of one row each would be more work than the sum.
// CHECK-LABEL: @rows
// CHECK: exec.nest add domain <[128, 64, batch]> parallel 2
func.func @rows(%x: tensor<?x128xf32, #graph.dims<[batch, 128]>>, %d: tensor<?x64xf32, #graph.dims<[batch, 64]>>) -> tensor<128x64xf32> {
  %r = graph.matmul %x, %d {transposeLhs = true} : (tensor<?x128xf32, #graph.dims<[batch, 128]>>, tensor<?x64xf32, #graph.dims<[batch, 64]>>) -> tensor<128x64xf32>
  return %r : tensor<128x64xf32>
}

// Nor are products of nothing.
// CHECK-LABEL: @empty
// CHECK: exec.nest add domain <[0, 64, 4096]> parallel 2
func.func @empty(%x: tensor<4096x0xf32>, %d: tensor<4096x64xf32>) -> tensor<0x64xf32> {
  %r = graph.matmul %x, %d {transposeLhs = true} : (tensor<4096x0xf32>, tensor<4096x64xf32>) -> tensor<0x64xf32>
  return %r : tensor<0x64xf32>
}

// A bias' gradient over rows of an unknown number of sentences is summed by the sentence.
// CHECK-LABEL: func.func @bias
// CHECK: exec.nest add domain <[batch, 256, 64]>
// CHECK: exec.nest add domain <[256, batch]>
func.func @bias(%d: tensor<?x256xf32, #graph.dims<[batch * 64, 256]>>) -> tensor<256xf32> {
  %g = graph.reduce %d {axes = array<i64: 0>, kind = 0 : i32} : (tensor<?x256xf32, #graph.dims<[batch * 64, 256]>>) -> tensor<256xf32>
  return %g : tensor<256xf32>
}
