// The operand that runs along the lanes is packed where it is not contiguous; of a variable, once, in
// `derive`.
// RUN: ingot-opt %s --phases=until=layout | FileCheck %s

graph.variable @"dense/kernel" {role = "trainable"} : tensor<10x4xf32>

// CHECK-DAG: #[[RHS:.*]] = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-DAG: #[[TURN:.*]] = affine_map<(d0, d1) -> (d1, d0)>
// CHECK: graph.variable @"derived/0" {role = "derived"} : tensor<4x10xf32>
// CHECK-LABEL: func.func @predict
// CHECK: %[[W:.*]] = exec.read_variable @"derived/0" : tensor<4x10xf32>
// CHECK-NEXT: exec.nest add domain <[batch, 10, 4]> parallel 2(%arg0, %[[W]]) at [{{.*}}, #[[RHS]]]
// CHECK-LABEL: func.func @derive
// CHECK: exec.read_variable @"dense/kernel"
// CHECK: exec.nest none domain <[4, 10]> parallel 2({{.*}}) at [#[[TURN]]]
// CHECK: exec.assign_variable @"derived/0"
func.func @predict(%x: tensor<?x4xf32, #graph.dims<[batch, 4]>>) -> tensor<?x10xf32, #graph.dims<[batch, 10]>> {
  %w = graph.read @"dense/kernel" : tensor<10x4xf32>
  %y = graph.matmul %x, %w {transposeRhs = true} : (tensor<?x4xf32, #graph.dims<[batch, 4]>>, tensor<10x4xf32>) -> tensor<?x10xf32, #graph.dims<[batch, 10]>>
  return %y : tensor<?x10xf32, #graph.dims<[batch, 10]>>
}
