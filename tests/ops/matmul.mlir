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
