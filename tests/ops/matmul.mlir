// Cases of graph.matmul.
func.func @plain(%x: tensor<?x5xf32, #graph.dims<[n, 5]>>, %y: tensor<5x3xf32>) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.matmul %x, %y : (tensor<?x5xf32, #graph.dims<[n, 5]>>, tensor<5x3xf32>) -> tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @transposedLhs(%x: tensor<5x?xf32, #graph.dims<[5, n]>>, %y: tensor<5x3xf32>) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.matmul %x, %y {transposeLhs = true} : (tensor<5x?xf32, #graph.dims<[5, n]>>, tensor<5x3xf32>) -> tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @transposedRhs(%x: tensor<?x5xf32, #graph.dims<[n, 5]>>, %y: tensor<3x5xf32>) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.matmul %x, %y {transposeRhs = true} : (tensor<?x5xf32, #graph.dims<[n, 5]>>, tensor<3x5xf32>) -> tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @transposedBoth(%x: tensor<5x?xf32, #graph.dims<[5, n]>>, %y: tensor<3x5xf32>) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.matmul %x, %y {transposeLhs = true, transposeRhs = true} : (tensor<5x?xf32, #graph.dims<[5, n]>>, tensor<3x5xf32>) -> tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @batched(%x: tensor<?x2x3x4xf32, #graph.dims<[n, 2, 3, 4]>>, %y: tensor<?x2x4x5xf32, #graph.dims<[n, 2, 4, 5]>>) -> tensor<?x2x3x5xf32, #graph.dims<[n, 2, 3, 5]>> attributes {graph.sizes = {n = [0, 1, 2]}} {
  %r = graph.matmul %x, %y : (tensor<?x2x3x4xf32, #graph.dims<[n, 2, 3, 4]>>, tensor<?x2x4x5xf32, #graph.dims<[n, 2, 4, 5]>>) -> tensor<?x2x3x5xf32, #graph.dims<[n, 2, 3, 5]>>
  return %r : tensor<?x2x3x5xf32, #graph.dims<[n, 2, 3, 5]>>
}

func.func @emptyInner(%x: tensor<3x?xf32, #graph.dims<[3, n]>>, %y: tensor<?x2xf32, #graph.dims<[n, 2]>>) -> tensor<3x2xf32> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.matmul %x, %y : (tensor<3x?xf32, #graph.dims<[3, n]>>, tensor<?x2xf32, #graph.dims<[n, 2]>>) -> tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}

func.func @oddSizes(%x: tensor<7x33xf32>, %y: tensor<33x17xf32>) -> tensor<7x17xf32> {
  %r = graph.matmul %x, %y : (tensor<7x33xf32>, tensor<33x17xf32>) -> tensor<7x17xf32>
  return %r : tensor<7x17xf32>
}

func.func @integers(%x: tensor<?x5xsi32, #graph.dims<[n, 5]>>, %y: tensor<5x3xsi32>) -> tensor<?x3xsi32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.matmul %x, %y : (tensor<?x5xsi32, #graph.dims<[n, 5]>>, tensor<5x3xsi32>) -> tensor<?x3xsi32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xsi32, #graph.dims<[n, 3]>>
}

func.func @halves(%x: tensor<?x300xf16, #graph.dims<[n, 300]>>, %y: tensor<300x17xf16>) -> tensor<?x17xf16, #graph.dims<[n, 17]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.matmul %x, %y : (tensor<?x300xf16, #graph.dims<[n, 300]>>, tensor<300x17xf16>) -> tensor<?x17xf16, #graph.dims<[n, 17]>>
  return %r : tensor<?x17xf16, #graph.dims<[n, 17]>>
}

func.func @brains(%x: tensor<?x300xbf16, #graph.dims<[n, 300]>>, %y: tensor<300x17xbf16>) -> tensor<?x17xbf16, #graph.dims<[n, 17]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.matmul %x, %y : (tensor<?x300xbf16, #graph.dims<[n, 300]>>, tensor<300x17xbf16>) -> tensor<?x17xbf16, #graph.dims<[n, 17]>>
  return %r : tensor<?x17xbf16, #graph.dims<[n, 17]>>
}

// Large operands are packed in panels of lanes, which vectors of some targets cross.
func.func @panels(%x: tensor<?x520xf32, #graph.dims<[n, 520]>>, %y: tensor<48x520xf32>) -> tensor<?x48xf32, #graph.dims<[n, 48]>> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.matmul %x, %y {transposeRhs = true} : (tensor<?x520xf32, #graph.dims<[n, 520]>>, tensor<48x520xf32>) -> tensor<?x48xf32, #graph.dims<[n, 48]>>
  return %r : tensor<?x48xf32, #graph.dims<[n, 48]>>
}

func.func @panelsWithARest(%x: tensor<?x520xf32, #graph.dims<[n, 520]>>, %y: tensor<520x55xf32>) -> tensor<?x55xf32, #graph.dims<[n, 55]>> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %t = graph.transpose %y {permutation = array<i64: 1, 0>} : (tensor<520x55xf32>) -> tensor<55x520xf32>
  %c = graph.add %t, %t : tensor<55x520xf32>
  %r = graph.matmul %x, %c {transposeRhs = true} : (tensor<?x520xf32, #graph.dims<[n, 520]>>, tensor<55x520xf32>) -> tensor<?x55xf32, #graph.dims<[n, 55]>>
  return %r : tensor<?x55xf32, #graph.dims<[n, 55]>>
}

func.func @panelsOfDoubles(%x: tensor<?x300xf64, #graph.dims<[n, 300]>>, %y: tensor<48x300xf64>) -> tensor<?x48xf64, #graph.dims<[n, 48]>> attributes {graph.sizes = {n = [1, 7]}, gradient = false} {
  %r = graph.matmul %x, %y {transposeRhs = true} : (tensor<?x300xf64, #graph.dims<[n, 300]>>, tensor<48x300xf64>) -> tensor<?x48xf64, #graph.dims<[n, 48]>>
  return %r : tensor<?x48xf64, #graph.dims<[n, 48]>>
}

// More than any level's cache holds, so that lanes are walked before rows.
func.func @lanesOutermost(%x: tensor<?x910xf32, #graph.dims<[n, 910]>>, %y: tensor<910x160xf32>) -> tensor<?x160xf32, #graph.dims<[n, 160]>> attributes {graph.sizes = {n = [0, 1, 3]}, gradient = false} {
  %r = graph.matmul %x, %y : (tensor<?x910xf32, #graph.dims<[n, 910]>>, tensor<910x160xf32>) -> tensor<?x160xf32, #graph.dims<[n, 160]>>
  return %r : tensor<?x160xf32, #graph.dims<[n, 160]>>
}

func.func @manyRowsOfBatches(%x: tensor<2x7x520xf32>, %y: tensor<520x144xf32>) -> tensor<2x7x144xf32> attributes {gradient = false} {
  %b = graph.broadcast %y {axes = array<i64: 1, 2>} : tensor<520x144xf32> to tensor<2x520x144xf32>
  %r = graph.matmul %x, %b : (tensor<2x7x520xf32>, tensor<2x520x144xf32>) -> tensor<2x7x144xf32>
  return %r : tensor<2x7x144xf32>
}

// Batches of matrices that one operand has in another order.
func.func @turnedBatches(%x: tensor<3x?x4x5xf32, #graph.dims<[3, n, 4, 5]>>, %y: tensor<?x5x6xf32, #graph.dims<[n * 3, 5, 6]>>) -> tensor<3x?x4x6xf32, #graph.dims<[3, n, 4, 6]>> attributes {graph.sizes = {n = [0, 1, 4]}} {
  %t = graph.transpose %x {permutation = array<i64: 1, 0, 2, 3>} : (tensor<3x?x4x5xf32, #graph.dims<[3, n, 4, 5]>>) -> tensor<?x3x4x5xf32, #graph.dims<[n, 3, 4, 5]>>
  %a = graph.reshape %t : tensor<?x3x4x5xf32, #graph.dims<[n, 3, 4, 5]>> to tensor<?x4x5xf32, #graph.dims<[n * 3, 4, 5]>>
  %m = graph.matmul %a, %y : (tensor<?x4x5xf32, #graph.dims<[n * 3, 4, 5]>>, tensor<?x5x6xf32, #graph.dims<[n * 3, 5, 6]>>) -> tensor<?x4x6xf32, #graph.dims<[n * 3, 4, 6]>>
  %v = graph.reshape %m : tensor<?x4x6xf32, #graph.dims<[n * 3, 4, 6]>> to tensor<?x3x4x6xf32, #graph.dims<[n, 3, 4, 6]>>
  %r = graph.transpose %v {permutation = array<i64: 1, 0, 2, 3>} : (tensor<?x3x4x6xf32, #graph.dims<[n, 3, 4, 6]>>) -> tensor<3x?x4x6xf32, #graph.dims<[3, n, 4, 6]>>
  return %r : tensor<3x?x4x6xf32, #graph.dims<[3, n, 4, 6]>>
}

// Rows that a transposition has put in another order, and what goes back behind the product.
func.func @turnedRows(%x: tensor<3x?x5xf32, #graph.dims<[3, n, 5]>>, %y: tensor<5x6xf32>) -> tensor<3x?x6xf32, #graph.dims<[3, n, 6]>> attributes {graph.sizes = {n = [0, 1, 4]}} {
  %t = graph.transpose %x {permutation = array<i64: 1, 0, 2>} : (tensor<3x?x5xf32, #graph.dims<[3, n, 5]>>) -> tensor<?x3x5xf32, #graph.dims<[n, 3, 5]>>
  %a = graph.reshape %t : tensor<?x3x5xf32, #graph.dims<[n, 3, 5]>> to tensor<?x5xf32, #graph.dims<[n * 3, 5]>>
  %m = graph.matmul %a, %y : (tensor<?x5xf32, #graph.dims<[n * 3, 5]>>, tensor<5x6xf32>) -> tensor<?x6xf32, #graph.dims<[n * 3, 6]>>
  %v = graph.reshape %m : tensor<?x6xf32, #graph.dims<[n * 3, 6]>> to tensor<?x3x6xf32, #graph.dims<[n, 3, 6]>>
  %r = graph.transpose %v {permutation = array<i64: 1, 0, 2>} : (tensor<?x3x6xf32, #graph.dims<[n, 3, 6]>>) -> tensor<3x?x6xf32, #graph.dims<[3, n, 6]>>
  return %r : tensor<3x?x6xf32, #graph.dims<[3, n, 6]>>
}
