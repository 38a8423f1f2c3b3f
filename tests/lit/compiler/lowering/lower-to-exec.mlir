// A contraction becomes one nest; a transposed operand is an access map, not a copy.
// RUN: ingot-opt %s --lower-to-exec | FileCheck %s

// CHECK-DAG: #[[LHS:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[RHS:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-LABEL: func.func @matmul
// CHECK: exec.nest add domain <[batch, 10, 4]> parallel 2(%{{.*}}, %{{.*}}) at [#[[LHS]], #[[RHS]]]
// CHECK: arith.mulf
// CHECK-NOT: exec.nest
func.func @matmul(%x: tensor<?x4xf32, #graph.dims<[batch, 4]>>, %w: tensor<10x4xf32>) -> tensor<?x10xf32, #graph.dims<[batch, 10]>> {
  %y = graph.matmul %x, %w {transposeRhs = true} : (tensor<?x4xf32, #graph.dims<[batch, 4]>>, tensor<10x4xf32>) -> tensor<?x10xf32, #graph.dims<[batch, 10]>>
  return %y : tensor<?x10xf32, #graph.dims<[batch, 10]>>
}

// A reshape is a view: no byte moves.
// CHECK-LABEL: func.func @reshape
// CHECK: exec.view
// CHECK-NOT: exec.nest
func.func @reshape(%x: tensor<?x2x3xf32, #graph.dims<[batch, 2, 3]>>) -> tensor<?x6xf32, #graph.dims<[batch, 6]>> {
  %y = graph.reshape %x : tensor<?x2x3xf32, #graph.dims<[batch, 2, 3]>> to tensor<?x6xf32, #graph.dims<[batch, 6]>>
  return %y : tensor<?x6xf32, #graph.dims<[batch, 6]>>
}
