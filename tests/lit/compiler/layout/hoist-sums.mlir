// RUN: ingot-opt --phases=until=layout %s | FileCheck %s
// What a scan sums products to is one product behind it, of all iterations' operands.

// CHECK: exec.scan <[8]> carried(%{{.*}}) inputs
// CHECK-NOT: exec.nest add
// CHECK: exec.yield %{{.*}}, %{{.*}} : tensor<4x48xf32>, tensor<4x48xf32>
// CHECK: exec.nest add domain <[40, 48, 8, 4]> parallel 2
func.func @large(%x: tensor<8x4x40xf32>, %h: tensor<4x48xf32>, %first: tensor<40x48xf32>) -> (tensor<4x48xf32>, tensor<40x48xf32>) {
  %r:2 = graph.scan <[8]> carried(%h, %first) inputs(%x) : (tensor<4x48xf32>, tensor<40x48xf32>, tensor<8x4x40xf32>) -> (tensor<4x48xf32>, tensor<40x48xf32>) {
  ^bb0(%i: tensor<si64>, %c: tensor<4x48xf32>, %sum: tensor<40x48xf32>, %a: tensor<4x40xf32>):
    %next = graph.tanh %c : tensor<4x48xf32>
    %p = graph.matmul %a, %next {transposeLhs = true} : (tensor<4x40xf32>, tensor<4x48xf32>) -> tensor<40x48xf32>
    %more = graph.add %sum, %p : tensor<40x48xf32>
    graph.yield %next, %more : tensor<4x48xf32>, tensor<40x48xf32>
  }
  return %r#0, %r#1 : tensor<4x48xf32>, tensor<40x48xf32>
}

// Storing the operands would be more than adding to so small a matrix.
// CHECK-LABEL: @small
// CHECK: exec.scan
// CHECK: exec.nest add domain <[4, 48, 4]>
func.func @small(%x: tensor<8x4x4xf32>, %h: tensor<4x48xf32>, %first: tensor<4x48xf32>) -> (tensor<4x48xf32>, tensor<4x48xf32>) {
  %r:2 = graph.scan <[8]> carried(%h, %first) inputs(%x) : (tensor<4x48xf32>, tensor<4x48xf32>, tensor<8x4x4xf32>) -> (tensor<4x48xf32>, tensor<4x48xf32>) {
  ^bb0(%i: tensor<si64>, %c: tensor<4x48xf32>, %sum: tensor<4x48xf32>, %a: tensor<4x4xf32>):
    %next = graph.tanh %c : tensor<4x48xf32>
    %p = graph.matmul %a, %next {transposeLhs = true} : (tensor<4x4xf32>, tensor<4x48xf32>) -> tensor<4x48xf32>
    %more = graph.add %sum, %p : tensor<4x48xf32>
    graph.yield %next, %more : tensor<4x48xf32>, tensor<4x48xf32>
  }
  return %r#0, %r#1 : tensor<4x48xf32>, tensor<4x48xf32>
}
