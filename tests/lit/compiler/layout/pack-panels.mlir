// Large weights have their lanes in panels of 16, made from the variable in one step.
// RUN: ingot-opt %s --phases=until=layout | FileCheck %s

// CHECK: graph.variable @"derived/0" {role = "derived"} : tensor<4x600x16xf32>
// CHECK-LABEL: func.func @predict
// CHECK: %[[P:.*]] = exec.read_variable @"derived/0"
// CHECK: exec.nest add domain <[batch, 64, 600]> parallel 2(%arg0, %[[P]])
// CHECK-LABEL: func.func @derive
// CHECK: %[[W:.*]] = exec.read_variable @kernel
// CHECK-NEXT: exec.nest none domain <[4, 600, 16]> parallel 3(%[[W]])
// CHECK-NOT: exec.nest
graph.variable @kernel {role = "trainable"} : tensor<64x600xf32>
func.func @predict(%x: tensor<?x600xf32, #graph.dims<[batch, 600]>>) -> tensor<?x64xf32, #graph.dims<[batch, 64]>> {
  %w = graph.read @kernel : tensor<64x600xf32>
  %y = graph.matmul %x, %w {transposeRhs = true} : (tensor<?x600xf32, #graph.dims<[batch, 600]>>, tensor<64x600xf32>) -> tensor<?x64xf32, #graph.dims<[batch, 64]>>
  return %y : tensor<?x64xf32, #graph.dims<[batch, 64]>>
}

// RUN: sed s/64/70/g %s | ingot-opt --phases=until=layout | FileCheck --check-prefix=REST %s
// REST: graph.variable @"derived/0" {role = "derived"} : tensor<5x600x16xf32>
// REST-LABEL: func.func @derive
// REST: exec.nest none domain <[5, 600, 16]> parallel 3({{.*}}) at [unit]
// REST: arith.cmpi ult
// REST: exec.read
