// Dimension expressions are read and printed in one normal form.
// RUN: ingot-opt %s | FileCheck %s
// RUN: ingot-opt %s | ingot-opt | FileCheck %s

// CHECK-LABEL: func.func @normalForm
// CHECK-SAME: tensor<?x4xf32, #graph.dims<[batch * 2 + 3, 4]>>
func.func @normalForm(%x: tensor<?x4xf32, #graph.dims<[3 + batch + batch, 4]>>) {
  return
}

// CHECK-LABEL: func.func @constants
// CHECK-SAME: tensor<?x?xf32, #graph.dims<[n, (m * 6) ceildiv 4]>>
func.func @constants(%x: tensor<?x?xf32, #graph.dims<[n * 1 + 0, (m * 6) ceildiv 4]>>) {
  return
}
