// Products of bf16 read them as they are, the weight from panels of 16 lanes with 2 elements of the sum
// together for each.
// RUN: ingot-opt %s --phases=until=layout | FileCheck %s

// CHECK: graph.variable @"derived/0" {role = "derived"} : tensor<3x36x16x2xbf16>
// CHECK-LABEL: func.func @predict
// CHECK: exec.nest add domain <[b, 40, 71]> {{.*}} : (tensor<?x71xbf16, #{{.*}}>, tensor<3x36x16x2xbf16>) -> tensor<?x40xf32
graph.variable @kernel {role = "trainable"} : tensor<71x40xf32>
func.func @predict(%x: tensor<?x71xf32, #graph.dims<[b, 71]>>) -> tensor<?x40xbf16, #graph.dims<[b, 40]>> {
  %w = graph.read @kernel : tensor<71x40xf32>
  %wb = graph.cast %w : tensor<71x40xf32> to tensor<71x40xbf16>
  %xb = graph.cast %x : tensor<?x71xf32, #graph.dims<[b, 71]>> to tensor<?x71xbf16, #graph.dims<[b, 71]>>
  %y = graph.matmul %xb, %wb : (tensor<?x71xbf16, #graph.dims<[b, 71]>>, tensor<71x40xbf16>) -> tensor<?x40xbf16, #graph.dims<[b, 40]>>
  return %y : tensor<?x40xbf16, #graph.dims<[b, 40]>>
}

// A convolution whose kernel is another input.
// CHECK-LABEL: func.func @convolution
// CHECK-NOT: exec.winograd
// CHECK: exec.nest add domain <[n, 28, 28, 64, 3, 3, 64]> {{.*}}, tensor<4x3x3x32x16x2xbf16>)
func.func @convolution(%x: tensor<?x28x28x64xbf16, #graph.dims<[n, 28, 28, 64]>>, %w: tensor<3x3x64x64xbf16>) -> tensor<?x28x28x64xbf16, #graph.dims<[n, 28, 28, 64]>> {
  %y = graph.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, paddingHigh = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x28x28x64xbf16, #graph.dims<[n, 28, 28, 64]>>, tensor<3x3x64x64xbf16>) -> tensor<?x28x28x64xbf16, #graph.dims<[n, 28, 28, 64]>>
  return %y : tensor<?x28x28x64xbf16, #graph.dims<[n, 28, 28, 64]>>
}

// Where the sum's length is known only then, they are made f32 first.
// CHECK-LABEL: func.func @anyLength
// CHECK: exec.nest add domain <[71, 40, b]> {{.*}}xf32
func.func @anyLength(%x: tensor<?x71xbf16, #graph.dims<[b, 71]>>, %y: tensor<?x40xbf16, #graph.dims<[b, 40]>>) -> tensor<71x40xbf16> {
  %r = graph.matmul %x, %y {transposeLhs = true} : (tensor<?x71xbf16, #graph.dims<[b, 71]>>, tensor<?x40xbf16, #graph.dims<[b, 40]>>) -> tensor<71x40xbf16>
  return %r : tensor<71x40xbf16>
}
