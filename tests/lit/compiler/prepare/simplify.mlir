// What is exact is simplified, what would change a bit stays.
// RUN: ingot-opt %s --simplify | FileCheck %s

// CHECK-LABEL: func.func @constants
// CHECK: graph.constant {{.*}}dense<5.000000e+00>
// CHECK-NOT: graph.add
func.func @constants() -> tensor<2xf32> {
  %a = graph.constant dense<2.0> : tensor<2xf32> : tensor<2xf32>
  %b = graph.constant dense<3.0> : tensor<2xf32> : tensor<2xf32>
  %c = graph.add %a, %b : tensor<2xf32>
  return %c : tensor<2xf32>
}

// -0.0 + 0.0 is 0.0, so that an added zero is not nothing.
// CHECK-LABEL: func.func @addedZero
// CHECK: graph.add
func.func @addedZero(%x: tensor<2xf32>) -> tensor<2xf32> {
  %a = graph.constant dense<0.0> : tensor<2xf32> : tensor<2xf32>
  %c = graph.add %x, %a : tensor<2xf32>
  return %c : tensor<2xf32>
}

// CHECK-LABEL: func.func @timesOne
// CHECK-NEXT: return %arg0
func.func @timesOne(%x: tensor<2xf32>) -> tensor<2xf32> {
  %a = graph.constant dense<1.0> : tensor<2xf32> : tensor<2xf32>
  %c = graph.mul %x, %a : tensor<2xf32>
  return %c : tensor<2xf32>
}

// A reshape there and back again is nothing, unless the plan is to compare the numbers of elements.
// CHECK-LABEL: func.func @thereAndBack
// CHECK-NOT: graph.reshape
// CHECK-LABEL: func.func @comparedThereAndBack
// CHECK-COUNT-2: graph.reshape
func.func @thereAndBack(%x: tensor<?x4xf32, #graph.dims<[n, 4]>>) -> tensor<?x4xf32, #graph.dims<[n, 4]>> {
  %a = graph.reshape %x : tensor<?x4xf32, #graph.dims<[n, 4]>> to tensor<?xf32, #graph.dims<[n * 4]>>
  %b = graph.reshape %a : tensor<?xf32, #graph.dims<[n * 4]>> to tensor<?x4xf32, #graph.dims<[n, 4]>>
  return %b : tensor<?x4xf32, #graph.dims<[n, 4]>>
}
func.func @comparedThereAndBack(%x: tensor<?xf32, #graph.dims<[n]>>, %y: tensor<?xf32, #graph.dims<[m]>>) -> tensor<?xf32, #graph.dims<[n]>> {
  %a = graph.reshape %x {check = 1 : i32} : tensor<?xf32, #graph.dims<[n]>> to tensor<?xf32, #graph.dims<[m]>>
  %b = graph.reshape %a {check = 2 : i32} : tensor<?xf32, #graph.dims<[m]>> to tensor<?xf32, #graph.dims<[n]>>
  return %b : tensor<?xf32, #graph.dims<[n]>>
}
