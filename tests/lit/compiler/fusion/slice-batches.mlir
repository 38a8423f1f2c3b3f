// Kernels of large images run for one image after another, in memory for one image; what weighs less
// than a dispatch, or less than the weights that would be read again, takes the batch as a whole.
// RUN: ingot-opt %s --phases=until=fuse | FileCheck %s
// RUN: ingot-opt %s --phases=until=plan | FileCheck %s --check-prefix=PLAN

// CHECK-LABEL: func.func @images
// CHECK: %[[Y:.*]] = exec.scan <[n]> carried() inputs(%arg0)
// CHECK: ^bb0(%{{.*}}: tensor<i64>, %[[X:.*]]: tensor<128x128x16xf32>)
// CHECK: exec.view %[[X]] : tensor<128x128x16xf32> to tensor<1x128x128x16xf32>
// CHECK: exec.kernel {{.*}} -> tensor<1x16384x24xf32>
// CHECK: %[[P:.*]] = exec.kernel {{.*}} -> tensor<1x64x64x24xf32>
// CHECK: %[[OUT:.*]] = exec.view %[[P]] : tensor<1x64x64x24xf32> to tensor<64x64x24xf32>
// CHECK: exec.yield %[[OUT]]
// CHECK: return %[[Y]]

// 128 * 128 * 24 * 4 bytes, whatever the batch.
// PLAN-LABEL: func.func @images
// PLAN-SAME: exec.arena = #graph.dims<[1572864]>
graph.variable @w {role = "trainable"} : tensor<1x1x16x24xf32>
func.func @images(%x: tensor<?x128x128x16xf32, #graph.dims<[n, 128, 128, 16]>>) -> tensor<?x64x64x24xf32, #graph.dims<[n, 64, 64, 24]>> {
  %w = graph.read @w : tensor<1x1x16x24xf32>
  %y = graph.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, paddingLow = array<i64: 0, 0>, paddingHigh = array<i64: 0, 0>, groups = 1 : i64} : (tensor<?x128x128x16xf32, #graph.dims<[n, 128, 128, 16]>>, tensor<1x1x16x24xf32>) -> tensor<?x128x128x24xf32, #graph.dims<[n, 128, 128, 24]>>
  %p = graph.max_pool %y {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, paddingLow = array<i64: 0, 0>, paddingHigh = array<i64: 0, 0>} : (tensor<?x128x128x24xf32, #graph.dims<[n, 128, 128, 24]>>) -> tensor<?x64x64x24xf32, #graph.dims<[n, 64, 64, 24]>>
  return %p : tensor<?x64x64x24xf32, #graph.dims<[n, 64, 64, 24]>>
}

// CHECK-LABEL: func.func @thumbnails
// CHECK-NOT: exec.scan
// CHECK: return
func.func @thumbnails(%x: tensor<?x8x8x16xf32, #graph.dims<[n, 8, 8, 16]>>) -> tensor<?x4x4x24xf32, #graph.dims<[n, 4, 4, 24]>> {
  %w = graph.read @w : tensor<1x1x16x24xf32>
  %y = graph.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, paddingLow = array<i64: 0, 0>, paddingHigh = array<i64: 0, 0>, groups = 1 : i64} : (tensor<?x8x8x16xf32, #graph.dims<[n, 8, 8, 16]>>, tensor<1x1x16x24xf32>) -> tensor<?x8x8x24xf32, #graph.dims<[n, 8, 8, 24]>>
  %p = graph.max_pool %y {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, paddingLow = array<i64: 0, 0>, paddingHigh = array<i64: 0, 0>} : (tensor<?x8x8x24xf32, #graph.dims<[n, 8, 8, 24]>>) -> tensor<?x4x4x24xf32, #graph.dims<[n, 4, 4, 24]>>
  return %p : tensor<?x4x4x24xf32, #graph.dims<[n, 4, 4, 24]>>
}

// CHECK-LABEL: func.func @heavy
// CHECK-NOT: exec.scan
// CHECK: return
graph.variable @large {role = "trainable"} : tensor<4096x4096xf32>
func.func @heavy(%x: tensor<?x4096xf32, #graph.dims<[n * 16, 4096]>>) -> tensor<?x4096xf32, #graph.dims<[n * 16, 4096]>> {
  %w = graph.read @large : tensor<4096x4096xf32>
  %a = graph.matmul %x, %w : (tensor<?x4096xf32, #graph.dims<[n * 16, 4096]>>, tensor<4096x4096xf32>) -> tensor<?x4096xf32, #graph.dims<[n * 16, 4096]>>
  %b = graph.matmul %a, %w : (tensor<?x4096xf32, #graph.dims<[n * 16, 4096]>>, tensor<4096x4096xf32>) -> tensor<?x4096xf32, #graph.dims<[n * 16, 4096]>>
  return %b : tensor<?x4096xf32, #graph.dims<[n * 16, 4096]>>
}

// Attention's heads run side by side: of the scores there is one head's for each task.
// CHECK-LABEL: func.func @attention
// CHECK: exec.scan <[n]>
// CHECK: exec.scan <[6]> {{.*}} {exec.parallel}
// CHECK: exec.kernel {{.*}} -> tensor<1x80x80xf32>
// CHECK: exec.kernel {{.*}} -> tensor<1x80x80xf32>
// CHECK: exec.kernel {{.*}} -> tensor<1x80x16xf32>
// CHECK: exec.yield
#q = #graph.dims<[n, 6, 80, 16]>
#s = #graph.dims<[n, 6, 80, 80]>
func.func @attention(%q: tensor<?x6x80x16xf32, #q>, %k: tensor<?x6x16x80xf32, #graph.dims<[n, 6, 16, 80]>>, %v: tensor<?x6x80x16xf32, #q>) -> tensor<?x6x80x16xf32, #q> {
  %s = graph.matmul %q, %k : (tensor<?x6x80x16xf32, #q>, tensor<?x6x16x80xf32, #graph.dims<[n, 6, 16, 80]>>) -> tensor<?x6x80x80xf32, #s>
  %p = graph.softmax %s {axis = 3 : i64} : (tensor<?x6x80x80xf32, #s>) -> tensor<?x6x80x80xf32, #s>
  %o = graph.matmul %p, %v : (tensor<?x6x80x80xf32, #s>, tensor<?x6x80x16xf32, #q>) -> tensor<?x6x80x16xf32, #q>
  return %o : tensor<?x6x80x16xf32, #q>
}
