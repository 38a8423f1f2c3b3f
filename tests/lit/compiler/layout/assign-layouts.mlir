// Permutations move behind the maps that read them, and cancel: what runs between two channels-last
// convolutions of a channels-first model is channels last.
// RUN: ingot-opt %s --phases=until=layout | FileCheck %s

// CHECK-DAG: #[[ID:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
// CHECK-DAG: #[[FIRST:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d2, d3, d1)>

// A residual connection: both inputs of the sum are permuted alike.
// CHECK-LABEL: func.func @residual
// CHECK: exec.nest none domain <[n, 5, 6, 3]> parallel 4(%arg0, %arg1) at [#[[ID]], #[[ID]]]
// CHECK: exec.nest none domain <[n, 5, 6, 3]>
// CHECK-NOT: exec.nest none domain <[n, 3, 5, 6]>
// CHECK: return
func.func @residual(%x: tensor<?x5x6x3xf32, #graph.dims<[n, 5, 6, 3]>>, %y: tensor<?x5x6x3xf32, #graph.dims<[n, 5, 6, 3]>>) -> tensor<?x5x6x3xf32, #graph.dims<[n, 5, 6, 3]>> {
  %a = graph.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<?x5x6x3xf32, #graph.dims<[n, 5, 6, 3]>>) -> tensor<?x3x5x6xf32, #graph.dims<[n, 3, 5, 6]>>
  %b = graph.transpose %y {permutation = array<i64: 0, 3, 1, 2>} : (tensor<?x5x6x3xf32, #graph.dims<[n, 5, 6, 3]>>) -> tensor<?x3x5x6xf32, #graph.dims<[n, 3, 5, 6]>>
  %sum = graph.add %a, %b : tensor<?x3x5x6xf32, #graph.dims<[n, 3, 5, 6]>>
  %r = graph.relu %sum : tensor<?x3x5x6xf32, #graph.dims<[n, 3, 5, 6]>>
  %c = graph.transpose %r {permutation = array<i64: 0, 2, 3, 1>} : (tensor<?x3x5x6xf32, #graph.dims<[n, 3, 5, 6]>>) -> tensor<?x5x6x3xf32, #graph.dims<[n, 5, 6, 3]>>
  return %c : tensor<?x5x6x3xf32, #graph.dims<[n, 5, 6, 3]>>
}

// What leaves the function has its own order: the permutation stays where it is.
// CHECK-LABEL: func.func @leaves
// CHECK: %[[A:.*]] = exec.nest none domain <[n, 3, 5, 6]> parallel 4(%arg0) at [#[[FIRST]]]
// CHECK: exec.nest none domain <[n, 3, 5, 6]> parallel 4(%[[A]]) at [#[[ID]]]
func.func @leaves(%x: tensor<?x5x6x3xf32, #graph.dims<[n, 5, 6, 3]>>) -> tensor<?x3x5x6xf32, #graph.dims<[n, 3, 5, 6]>> {
  %a = graph.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<?x5x6x3xf32, #graph.dims<[n, 5, 6, 3]>>) -> tensor<?x3x5x6xf32, #graph.dims<[n, 3, 5, 6]>>
  %r = graph.relu %a : tensor<?x3x5x6xf32, #graph.dims<[n, 3, 5, 6]>>
  return %r : tensor<?x3x5x6xf32, #graph.dims<[n, 3, 5, 6]>>
}

// A sum over the image reads through the permutation: channels are its lanes.
// CHECK-LABEL: func.func @pooled
// CHECK: exec.nest add domain <[n, 3, 5, 6]> parallel 2(%arg0) at [#[[FIRST]]]
func.func @pooled(%x: tensor<?x5x6x3xf32, #graph.dims<[n, 5, 6, 3]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>> {
  %a = graph.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<?x5x6x3xf32, #graph.dims<[n, 5, 6, 3]>>) -> tensor<?x3x5x6xf32, #graph.dims<[n, 3, 5, 6]>>
  %r = graph.reduce %a {axes = array<i64: 2, 3>, kind = 0 : i32} : (tensor<?x3x5x6xf32, #graph.dims<[n, 3, 5, 6]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

// Heads of attention: the left operand's rows are apart, its innermost loop in unit steps.
// CHECK-LABEL: func.func @heads
// CHECK: exec.nest add domain <[n, 4, 7, 9, 16]> parallel 4(%arg0, %arg1) at
func.func @heads(%q: tensor<?x7x4x16xf32, #graph.dims<[n, 7, 4, 16]>>, %k: tensor<?x4x16x9xf32, #graph.dims<[n, 4, 16, 9]>>) -> tensor<?x4x7x9xf32, #graph.dims<[n, 4, 7, 9]>> {
  %a = graph.transpose %q {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x7x4x16xf32, #graph.dims<[n, 7, 4, 16]>>) -> tensor<?x4x7x16xf32, #graph.dims<[n, 4, 7, 16]>>
  %r = graph.matmul %a, %k : (tensor<?x4x7x16xf32, #graph.dims<[n, 4, 7, 16]>>, tensor<?x4x16x9xf32, #graph.dims<[n, 4, 16, 9]>>) -> tensor<?x4x7x9xf32, #graph.dims<[n, 4, 7, 9]>>
  return %r : tensor<?x4x7x9xf32, #graph.dims<[n, 4, 7, 9]>>
}

// An image of three colours is padded and read as it lies.
// CHECK-LABEL: func.func @colours
// CHECK: exec.nest none domain <[n, 3, 10, 10]> parallel 4(%arg0)
// CHECK: exec.nest add domain <[n, 8, 8, 4, 3, 3, 3]> parallel 4(
func.func @colours(%x: tensor<?x3x8x8xf32, #graph.dims<[n, 3, 8, 8]>>, %w: tensor<3x3x3x4xf32>) -> tensor<?x8x8x4xf32, #graph.dims<[n, 8, 8, 4]>> {
  %a = graph.transpose %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<?x3x8x8xf32, #graph.dims<[n, 3, 8, 8]>>) -> tensor<?x8x8x3xf32, #graph.dims<[n, 8, 8, 3]>>
  %y = graph.conv %a, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, paddingHigh = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x8x8x3xf32, #graph.dims<[n, 8, 8, 3]>>, tensor<3x3x3x4xf32>) -> tensor<?x8x8x4xf32, #graph.dims<[n, 8, 8, 4]>>
  return %y : tensor<?x8x8x4xf32, #graph.dims<[n, 8, 8, 4]>>
}
