// Sums of products of dequantised bytes are sums over the integers; zero points and scales come
// behind them.
// RUN: ingot-opt %s --phases=until=lower | FileCheck %s
// RUN: ingot-opt %s --phases=until=layout | FileCheck %s --check-prefix=LAYOUT

// CHECK-LABEL: func.func @dense
// CHECK: %[[SUM:.*]] = exec.nest add domain <[b, 40, 70]> {{.*}} : (tensor<?x70xi8, #{{.*}}>, tensor<70x40xi8>) -> tensor<?x40xi32
// CHECK: arith.extui
// CHECK: arith.extsi
// CHECK: arith.muli
// The weight's sum along k, times the zero point 3.
// CHECK: exec.nest add domain <[40, 70]> parallel 1({{.*}}) {{.*}} : (tensor<70x40xi8>) -> tensor<40xi32>
// CHECK: exec.nest none domain <[b, 40]> parallel 2(%[[SUM]]
// CHECK: arith.subi
// CHECK: arith.sitofp
// CHECK-NOT: exec.nest add
// CHECK: return

// The weight lies in panels of 16 lanes, 4 elements of the sum together for each.
// LAYOUT-LABEL: func.func @dense
// LAYOUT: exec.nest add domain <[b, 40, 70]> {{.*}} : (tensor<?x70xi8, #{{.*}}>, tensor<3x18x16x4xi8>)
func.func @dense(%x: tensor<?x70xui8, #graph.dims<[b, 70]>>, %w: tensor<70x40xsi8>, %scales: tensor<40xf32>) -> tensor<?x40xf32, #graph.dims<[b, 40]>> {
  %three = graph.constant dense<3.0> : tensor<f32> : tensor<f32>
  %scale = graph.constant dense<0.25> : tensor<f32> : tensor<f32>
  %xf = graph.cast %x : tensor<?x70xui8, #graph.dims<[b, 70]>> to tensor<?x70xf32, #graph.dims<[b, 70]>>
  %zero = graph.broadcast %three {axes = array<i64>} : tensor<f32> to tensor<?x70xf32, #graph.dims<[b, 70]>>
  %centred = graph.sub %xf, %zero : tensor<?x70xf32, #graph.dims<[b, 70]>>
  %xs = graph.broadcast %scale {axes = array<i64>} : tensor<f32> to tensor<?x70xf32, #graph.dims<[b, 70]>>
  %xd = graph.mul %centred, %xs : tensor<?x70xf32, #graph.dims<[b, 70]>>
  %wf = graph.cast %w : tensor<70x40xsi8> to tensor<70x40xf32>
  %ws = graph.broadcast %scales {axes = array<i64: 1>} : tensor<40xf32> to tensor<70x40xf32>
  %wd = graph.mul %wf, %ws : tensor<70x40xf32>
  %y = graph.matmul %xd, %wd : (tensor<?x70xf32, #graph.dims<[b, 70]>>, tensor<70x40xf32>) -> tensor<?x40xf32, #graph.dims<[b, 40]>>
  return %y : tensor<?x40xf32, #graph.dims<[b, 40]>>
}

// A scale that changes along the sum, or a sum that might leave 32 bits: floats.
// CHECK-LABEL: func.func @along
// CHECK: exec.nest add domain <[2, 40, 70]> {{.*}} -> tensor<2x40xf32>
func.func @along(%x: tensor<2x70xui8>, %w: tensor<70x40xsi8>, %scales: tensor<70xf32>) -> tensor<2x40xf32> {
  %xd = graph.cast %x : tensor<2x70xui8> to tensor<2x70xf32>
  %wf = graph.cast %w : tensor<70x40xsi8> to tensor<70x40xf32>
  %ws = graph.broadcast %scales {axes = array<i64: 0>} : tensor<70xf32> to tensor<70x40xf32>
  %wd = graph.mul %wf, %ws : tensor<70x40xf32>
  %y = graph.matmul %xd, %wd : (tensor<2x70xf32>, tensor<70x40xf32>) -> tensor<2x40xf32>
  return %y : tensor<2x40xf32>
}

// CHECK-LABEL: func.func @long
// CHECK: exec.nest add domain <[2, 4, 66000]> {{.*}} -> tensor<2x4xf32>
func.func @long(%x: tensor<2x66000xui8>, %w: tensor<66000x4xsi8>) -> tensor<2x4xf32> {
  %xd = graph.cast %x : tensor<2x66000xui8> to tensor<2x66000xf32>
  %wd = graph.cast %w : tensor<66000x4xsi8> to tensor<66000x4xf32>
  %y = graph.matmul %xd, %wd : (tensor<2x66000xf32>, tensor<66000x4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}
