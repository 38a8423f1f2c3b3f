// Cases of graph.transpose.
func.func @threeAxes(%x: tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>>) -> tensor<4x?x3xf32, #graph.dims<[4, n, 3]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>>) -> tensor<4x?x3xf32, #graph.dims<[4, n, 3]>>
  return %r : tensor<4x?x3xf32, #graph.dims<[4, n, 3]>>
}

func.func @golden(%x: tensor<2x3xsi8>) -> tensor<3x2xsi8> attributes {graph.inputs = [dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xsi8>], graph.expected = [dense<[[1, 4], [2, 5], [3, 6]]> : tensor<3x2xsi8>], gradient = false} {
  %r = graph.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x3xsi8>) -> tensor<3x2xsi8>
  return %r : tensor<3x2xsi8>
}

func.func @strings(%x: tensor<?x3x!text.string, #graph.dims<[n, 3]>>) -> tensor<3x?x!text.string, #graph.dims<[3, n]>> attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %r = graph.transpose %x {permutation = array<i64: 1, 0>} : (tensor<?x3x!text.string, #graph.dims<[n, 3]>>) -> tensor<3x?x!text.string, #graph.dims<[3, n]>>
  return %r : tensor<3x?x!text.string, #graph.dims<[3, n]>>
}

// By squares: the last are not whole.
func.func @largeEnoughForSquares(%x: tensor<?x70x65xf32, #graph.dims<[n, 70, 65]>>) -> tensor<?x65x70xf32, #graph.dims<[n, 65, 70]>> attributes {graph.sizes = {n = [0, 1, 2]}, gradient = false} {
  %r = graph.transpose %x {permutation = array<i64: 0, 2, 1>} : (tensor<?x70x65xf32, #graph.dims<[n, 70, 65]>>) -> tensor<?x65x70xf32, #graph.dims<[n, 65, 70]>>
  return %r : tensor<?x65x70xf32, #graph.dims<[n, 65, 70]>>
}

// What several read is not taken for what it is at another point: %s at (i, j) and, turned, at (j, i).
func.func @shared(%x: tensor<8x8xf32>, %a: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %s = graph.add %x, %x : tensor<8x8xf32>
  %c = graph.sub %s, %a : tensor<8x8xf32>
  %t = graph.transpose %c {permutation = array<i64: 1, 0>} : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %y = graph.mul %t, %s : tensor<8x8xf32>
  return %y : tensor<8x8xf32>
}
