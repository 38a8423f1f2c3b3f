// Where tensors live: storage is [kind, index, variable], kinds 1 output, 2 variable, 4 arena slot.
// RUN: ingot-opt %s --phases | FileCheck %s

graph.variable @w {role = "trainable"} : tensor<16xf32>

// An elementwise update writes the variable in place: no slot, no copy.
// CHECK-LABEL: func.func @train_step
// CHECK-SAME: exec.slots = #graph.dims<[]>
// CHECK: exec.kernel {{.*}} {storage = {{\[\[}}2, -1, "w"]]}
// CHECK-NOT: exec.kernel
func.func @train_step(%g: tensor<16xf32>) {
  %w = graph.read @w : tensor<16xf32>
  %n = graph.sub %w, %g : tensor<16xf32>
  graph.assign @w, %n : tensor<16xf32>
  return
}

// A result is written where the caller wants it.
// CHECK-LABEL: func.func @predict
// CHECK: {storage = {{\[\[}}1, 0, ""]]}
func.func @predict(%x: tensor<?xf32, #graph.dims<[batch]>>) -> tensor<?xf32, #graph.dims<[batch]>> {
  %y = graph.neg %x : tensor<?xf32, #graph.dims<[batch]>>
  return %y : tensor<?xf32, #graph.dims<[batch]>>
}
