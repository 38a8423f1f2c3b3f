// Where tensors live: storage is [kind, index, variable], kinds 1 output, 2 variable, 4 arena slot.
// RUN: ingot-opt %s --phases | FileCheck %s

graph.variable @w {role = "trainable"} : tensor<16xf32>

// An elementwise update writes the variable in place: no slot, no copy.
// CHECK-LABEL: func.func @train_step
// CHECK-SAME: exec.arena = #graph.dims<[0]>, {{.*}}exec.slots = #graph.dims<[]>
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

// Tensors whose sizes are multiples of the batch share one region: c, of 16 columns, is where a was,
// beside b, of 32.
// CHECK-LABEL: func.func @chain
// CHECK-SAME: exec.arena = #graph.dims<[batch * 192]>
func.func @chain(%x: tensor<?x4xf32, #graph.dims<[batch, 4]>>, %p: tensor<4x16xf32>, %q: tensor<16x32xf32>, %r: tensor<32x16xf32>, %s: tensor<16x4xf32>) -> tensor<?x4xf32, #graph.dims<[batch, 4]>> {
  %a = graph.matmul %x, %p : (tensor<?x4xf32, #graph.dims<[batch, 4]>>, tensor<4x16xf32>) -> tensor<?x16xf32, #graph.dims<[batch, 16]>>
  %b = graph.matmul %a, %q : (tensor<?x16xf32, #graph.dims<[batch, 16]>>, tensor<16x32xf32>) -> tensor<?x32xf32, #graph.dims<[batch, 32]>>
  %c = graph.matmul %b, %r : (tensor<?x32xf32, #graph.dims<[batch, 32]>>, tensor<32x16xf32>) -> tensor<?x16xf32, #graph.dims<[batch, 16]>>
  %d = graph.matmul %c, %s : (tensor<?x16xf32, #graph.dims<[batch, 16]>>, tensor<16x4xf32>) -> tensor<?x4xf32, #graph.dims<[batch, 4]>>
  return %d : tensor<?x4xf32, #graph.dims<[batch, 4]>>
}

graph.variable @bias {role = "trainable"} : tensor<8xf32>

// So does one behind the sum that it is made of.
// CHECK-LABEL: func.func @update_bias
// CHECK-SAME: exec.arena = #graph.dims<[0]>
// CHECK: exec.kernel {{.*}} {storage = {{\[\[}}2, -1, "bias"]]}
// CHECK-NOT: exec.kernel
func.func @update_bias(%g: tensor<?x8xf32, #graph.dims<[batch, 8]>>) {
  %b = graph.read @bias : tensor<8xf32>
  %sum = graph.reduce %g {axes = array<i64: 0>, kind = 0 : i32} : (tensor<?x8xf32, #graph.dims<[batch, 8]>>) -> tensor<8xf32>
  %n = graph.sub %b, %sum : tensor<8xf32>
  graph.assign @bias, %n : tensor<8xf32>
  return
}

// One whose sum reads the variable does not.
// CHECK-LABEL: func.func @decay
// CHECK-NOT: storage = {{\[\[}}2, -1, "bias"
func.func @decay(%g: tensor<?x8xf32, #graph.dims<[batch, 8]>>) {
  %b = graph.read @bias : tensor<8xf32>
  %all = graph.broadcast %b {axes = array<i64: 1>} : tensor<8xf32> to tensor<?x8xf32, #graph.dims<[batch, 8]>>
  %p = graph.mul %all, %g : tensor<?x8xf32, #graph.dims<[batch, 8]>>
  %sum = graph.reduce %p {axes = array<i64: 0>, kind = 0 : i32} : (tensor<?x8xf32, #graph.dims<[batch, 8]>>) -> tensor<8xf32>
  %n = graph.sub %b, %sum : tensor<8xf32>
  graph.assign @bias, %n : tensor<8xf32>
  return
}

graph.variable @table {role = "trainable"} : tensor<16x4xf32>

// The scatter at indices that a gather has checked does not fail: what is before it may change
// variables.
// CHECK-LABEL: func.func @embedding
// CHECK: exec.kernel {{.*}} {storage = {{\[\[}}2, -1, "w"]]}
// CHECK: exec.scatter
func.func @embedding(%i: tensor<?xsi32, #graph.dims<[n]>>, %g: tensor<16xf32>) -> tensor<?x4xf32, #graph.dims<[n, 4]>> {
  %w = graph.read @w : tensor<16xf32>
  %t = graph.read @table : tensor<16x4xf32>
  %x = graph.gather %t, %i {axis = 0 : i64} : (tensor<16x4xf32>, tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?x4xf32, #graph.dims<[n, 4]>>
  %n = graph.sub %w, %g : tensor<16xf32>
  %d = graph.scatter %t, %i, %x {kind = 1 : i32} : (tensor<16x4xf32>, tensor<?xsi32, #graph.dims<[n]>>, tensor<?x4xf32, #graph.dims<[n, 4]>>) -> tensor<16x4xf32>
  graph.assign @w, %n : tensor<16xf32>
  graph.assign @table, %d : tensor<16x4xf32>
  return %x : tensor<?x4xf32, #graph.dims<[n, 4]>>
}

// One whose table is smaller may.
// CHECK-LABEL: func.func @unchecked
// CHECK-NOT: storage = {{\[\[}}2, -1, "w"
// CHECK: exec.scatter
func.func @unchecked(%i: tensor<?xsi32, #graph.dims<[n]>>, %g: tensor<16xf32>, %wide: tensor<17x4xf32>) -> tensor<?x4xf32, #graph.dims<[n, 4]>> {
  %w = graph.read @w : tensor<16xf32>
  %t = graph.read @table : tensor<16x4xf32>
  %x = graph.gather %wide, %i {axis = 0 : i64} : (tensor<17x4xf32>, tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?x4xf32, #graph.dims<[n, 4]>>
  %n = graph.sub %w, %g : tensor<16xf32>
  %d = graph.scatter %t, %i, %x {kind = 1 : i32} : (tensor<16x4xf32>, tensor<?xsi32, #graph.dims<[n]>>, tensor<?x4xf32, #graph.dims<[n, 4]>>) -> tensor<16x4xf32>
  graph.assign @w, %n : tensor<16xf32>
  graph.assign @table, %d : tensor<16x4xf32>
  return %x : tensor<?x4xf32, #graph.dims<[n, 4]>>
}

// Nor does one that a sum in its kernel needs, which is made before what reads the old value.
// CHECK-LABEL: func.func @needed
// CHECK-NOT: storage = {{.*}}2, -1, "bias"
func.func @needed(%x: tensor<8x512xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %b = graph.read @bias : tensor<8xf32>
  %s = graph.reduce %x {axes = array<i64: 1>, kind = 0 : i32} : (tensor<8x512xf32>) -> tensor<8xf32>
  %old = graph.sub %b, %s : tensor<8xf32>
  %n = graph.exp %s : tensor<8xf32>
  %all = graph.broadcast %n {axes = array<i64: 0>} : tensor<8xf32> to tensor<8x512xf32>
  %d = graph.sub %x, %all : tensor<8x512xf32>
  %e = graph.exp %d : tensor<8x512xf32>
  %r = graph.reduce %e {axes = array<i64: 1>, kind = 0 : i32} : (tensor<8x512xf32>) -> tensor<8xf32>
  graph.assign @bias, %n : tensor<8xf32>
  return %old, %r : tensor<8xf32>, tensor<8xf32>
}

graph.variable @m {role = "optimizer"} : tensor<16xf32>

// Old values may be chosen: what several read is computed once, before the first of them writes.
// CHECK-LABEL: func.func @choose
// CHECK-SAME: exec.arena = #graph.dims<[0]>
// CHECK: exec.kernel {{.*}} {storage = {{\[\[}}2, -1, "m"], [2, -1, "w"]]}
// CHECK-NOT: exec.kernel
func.func @choose(%g: tensor<16xf32>, %counts: tensor<16xi1>) {
  %m = graph.read @m : tensor<16xf32>
  %w = graph.read @w : tensor<16xf32>
  %moved = graph.add %m, %g : tensor<16xf32>
  %kept = graph.select %counts, %moved, %m : (tensor<16xi1>, tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  %after = graph.sub %w, %moved : tensor<16xf32>
  %n = graph.select %counts, %after, %w : (tensor<16xi1>, tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  graph.assign @m, %kept : tensor<16xf32>
  graph.assign @w, %n : tensor<16xf32>
  return
}

// What may fail comes before the updates, so that these are made in place, wherever it stands.
// CHECK-LABEL: func.func @loss
// CHECK: exec.check
// CHECK: exec.kernel {{.*}} {storage = {{\[\[}}2, -1, "w"]]}
func.func @loss(%g: tensor<16xf32>, %p: tensor<4xf32>, %label: tensor<si32>) -> tensor<f32> {
  %w = graph.read @w : tensor<16xf32>
  %n = graph.sub %w, %g : tensor<16xf32>
  %l = graph.gather %p, %label {axis = 0 : i64} : (tensor<4xf32>, tensor<si32>) -> tensor<f32>
  graph.assign @w, %n : tensor<16xf32>
  return %l : tensor<f32>
}
