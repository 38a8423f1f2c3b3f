// Which kernels a GPU launches together: those of one number.
// RUN: ingot-opt "--phases=until=plan gpu" %s | FileCheck %s

graph.variable @w {role = "trainable"} : tensor<16x4xf32>
graph.variable @v {role = "trainable"} : tensor<32xf32>

// What reads inputs and variables alone goes up to the first.
// CHECK-LABEL: func.func @cast_first
// CHECK: exec.kernel {{.*}} over <[16, 4]>{{.*}}exec.launch = [[FIRST:[0-9]+]] : i64
// CHECK: exec.kernel {{.*}} over <[32]>{{.*}}exec.launch = [[FIRST]] : i64
// CHECK: exec.kernel {{.*}} over <[batch, 4]>
func.func @cast_first(%x: tensor<?x16xf16, #graph.dims<[batch, 16]>>, %w: tensor<16x4xf32>, %v: tensor<32xf32>) -> (tensor<?x4xf16, #graph.dims<[batch, 4]>>, tensor<32xf16>) {
  %h = graph.cast %w : tensor<16x4xf32> to tensor<16x4xf16>
  %y = graph.matmul %x, %h : (tensor<?x16xf16, #graph.dims<[batch, 16]>>, tensor<16x4xf16>) -> tensor<?x4xf16, #graph.dims<[batch, 4]>>
  %k = graph.cast %v : tensor<32xf32> to tensor<32xf16>
  return %y, %k : tensor<?x4xf16, #graph.dims<[batch, 4]>>, tensor<32xf16>
}

// Updates go down to the last, but not beyond what reads the variable's old value: that is updated in
// place.
// CHECK-LABEL: func.func @update_last
// CHECK: exec.kernel {{.*}} over <[batch, 32]>
// CHECK: exec.kernel {{.*}} over <[32]>{{.*}}exec.launch = [[LAST:[0-9]+]] : i64, storage = {{\[\[}}2, -1, "v"]]
// CHECK: exec.kernel {{.*}} over <[16, 4]>{{.*}}exec.launch = [[LAST]] : i64, storage = {{\[\[}}2, -1, "w"]]
func.func @update_last(%g: tensor<32xf32>, %d: tensor<16x4xf32>, %x: tensor<?x32xf32, #graph.dims<[batch, 32]>>) -> tensor<?x32xf32, #graph.dims<[batch, 32]>> {
  %w = graph.read @w : tensor<16x4xf32>
  %v = graph.read @v : tensor<32xf32>
  %n = graph.sub %v, %g : tensor<32xf32>
  %b = graph.broadcast %v {axes = array<i64: 1>} : tensor<32xf32> to tensor<?x32xf32, #graph.dims<[batch, 32]>>
  %y = graph.add %x, %b : tensor<?x32xf32, #graph.dims<[batch, 32]>>
  %m = graph.sub %w, %d : tensor<16x4xf32>
  graph.assign @v, %n : tensor<32xf32>
  graph.assign @w, %m : tensor<16x4xf32>
  return %y : tensor<?x32xf32, #graph.dims<[batch, 32]>>
}

// What reads what another makes is in no launch with it; all of a launch have their own memory.
// CHECK-LABEL: func.func @chain
// CHECK-SAME: exec.arena = #graph.dims<[320]>
// CHECK: exec.kernel {{.*}} over <[24]>{{.*}}exec.launch = [[ROWS:[0-9]+]] : i64
// CHECK: exec.kernel {{.*}} over <[40]>{{.*}}exec.launch = [[ROWS]] : i64
// CHECK: exec.kernel {{.*}} over <[]>
// CHECK-NOT: exec.launch
func.func @chain(%m: tensor<24x8xf32>, %n: tensor<40x8xf32>) -> tensor<f32> {
  %a = graph.reduce %m {axes = array<i64: 1>, kind = 0 : i32} : (tensor<24x8xf32>) -> tensor<24xf32>
  %b = graph.reduce %n {axes = array<i64: 1>, kind = 0 : i32} : (tensor<40x8xf32>) -> tensor<40xf32>
  %c = graph.concat %a, %b {axis = 0 : i64} : (tensor<24xf32>, tensor<40xf32>) -> tensor<64xf32>
  %e = graph.exp %c : tensor<64xf32>
  %t = graph.reduce %e {axes = array<i64: 0>, kind = 0 : i32} : (tensor<64xf32>) -> tensor<f32>
  return %t : tensor<f32>
}

// Nothing is made where another of the launch still reads: %r stands beside %e, which %t is made of.
// CHECK-LABEL: func.func @memory
// CHECK-SAME: exec.arena = #graph.dims<[640]>
// CHECK: exec.kernel {{.*}} over <[64]>{{.*}}exec.launch = [[ROWS:[0-9]+]] : i64
// CHECK: exec.kernel {{.*}} over <[60]>{{.*}}exec.launch = [[ROWS]] : i64
// CHECK: exec.kernel {{.*}} over <[]>{{.*}}exec.launch = [[ALL:[0-9]+]] : i64
// CHECK: exec.kernel {{.*}} over <[]>{{.*}}exec.launch = [[ALL]] : i64
// CHECK: exec.kernel {{.*}} over <[]>
func.func @memory(%m: tensor<64x8xf32>, %n: tensor<?x60xf32, #graph.dims<[batch, 60]>>) -> tensor<f32> {
  %e = graph.reduce %m {axes = array<i64: 1>, kind = 0 : i32} : (tensor<64x8xf32>) -> tensor<64xf32>
  %t = graph.reduce %e {axes = array<i64: 0>, kind = 2 : i32} : (tensor<64xf32>) -> tensor<f32>
  %c = graph.reduce %n {axes = array<i64: 0>, kind = 0 : i32} : (tensor<?x60xf32, #graph.dims<[batch, 60]>>) -> tensor<60xf32>
  %r = graph.reduce %c {axes = array<i64: 0>, kind = 2 : i32} : (tensor<60xf32>) -> tensor<f32>
  %y = graph.add %t, %r : tensor<f32>
  return %y : tensor<f32>
}
