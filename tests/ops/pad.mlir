// Cases of graph.pad.
func.func @images(%x: tensor<?x3x4x2xf32, #graph.dims<[n, 3, 4, 2]>>) -> tensor<?x4x7x2xf32, #graph.dims<[n, 4, 7, 2]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.pad %x {high = #graph.dims<[0, 0, 1, 0]>, interior = array<i64: 0, 0, 0, 0>, low = #graph.dims<[0, 1, 2, 0]>, value = 0.000000e+00 : f64} : (tensor<?x3x4x2xf32, #graph.dims<[n, 3, 4, 2]>>) -> tensor<?x4x7x2xf32, #graph.dims<[n, 4, 7, 2]>>
  return %r : tensor<?x4x7x2xf32, #graph.dims<[n, 4, 7, 2]>>
}

func.func @interior(%x: tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<?x10xf32, #graph.dims<[n, 10]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.pad %x {high = #graph.dims<[0, 2]>, interior = array<i64: 0, 2>, low = #graph.dims<[0, 1]>, value = 5.000000e-01 : f64} : (tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<?x10xf32, #graph.dims<[n, 10]>>
  return %r : tensor<?x10xf32, #graph.dims<[n, 10]>>
}

func.func @crops(%x: tensor<?x5xf32, #graph.dims<[n, 5]>>) -> tensor<?x2xf32, #graph.dims<[n, 2]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.pad %x {high = #graph.dims<[0, -2]>, interior = array<i64: 0, 0>, low = #graph.dims<[0, -1]>, value = 0.000000e+00 : f64} : (tensor<?x5xf32, #graph.dims<[n, 5]>>) -> tensor<?x2xf32, #graph.dims<[n, 2]>>
  return %r : tensor<?x2xf32, #graph.dims<[n, 2]>>
}

func.func @cropsInterior(%x: tensor<?x4xf32, #graph.dims<[n, 4]>>) -> tensor<?x7xf32, #graph.dims<[n, 7]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.pad %x {high = #graph.dims<[0, 1]>, interior = array<i64: 0, 1>, low = #graph.dims<[0, -1]>, value = 0.000000e+00 : f64} : (tensor<?x4xf32, #graph.dims<[n, 4]>>) -> tensor<?x7xf32, #graph.dims<[n, 7]>>
  return %r : tensor<?x7xf32, #graph.dims<[n, 7]>>
}

func.func @cropsAndPads(%x: tensor<?x5xf32, #graph.dims<[n, 5]>>) -> tensor<?x6xf32, #graph.dims<[n, 6]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.pad %x {high = #graph.dims<[0, 3]>, interior = array<i64: 0, 0>, low = #graph.dims<[0, -2]>, value = 0.000000e+00 : f64} : (tensor<?x5xf32, #graph.dims<[n, 5]>>) -> tensor<?x6xf32, #graph.dims<[n, 6]>>
  return %r : tensor<?x6xf32, #graph.dims<[n, 6]>>
}

func.func @symbolic(%x: tensor<?x2xf32, #graph.dims<[n, 2]>>) -> tensor<?x2xf32, #graph.dims<[n * 2 + 1, 2]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.pad %x {high = #graph.dims<[1, 0]>, interior = array<i64: 0, 0>, low = #graph.dims<[n, 0]>, value = 0.000000e+00 : f64} : (tensor<?x2xf32, #graph.dims<[n, 2]>>) -> tensor<?x2xf32, #graph.dims<[n * 2 + 1, 2]>>
  return %r : tensor<?x2xf32, #graph.dims<[n * 2 + 1, 2]>>
}

func.func @interiorOfSymbolic(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[max(n * 2 + -1, 0)]>> attributes {graph.sizes = {n = [0, 1, 4]}} {
  %r = graph.pad %x {high = #graph.dims<[0]>, interior = array<i64: 1>, low = #graph.dims<[0]>, value = 0.000000e+00 : f64} : (tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[max(n * 2 + -1, 0)]>>
  return %r : tensor<?xf32, #graph.dims<[max(n * 2 + -1, 0)]>>
}

func.func @leastInteger(%x: tensor<2xsi8>) -> tensor<4xsi8> attributes {graph.inputs = [dense<[5, 6]> : tensor<2xsi8>], graph.expected = [dense<[-128, 5, 6, -128]> : tensor<4xsi8>], gradient = false} {
  %r = graph.pad %x {high = #graph.dims<[1]>, interior = array<i64: 0>, low = #graph.dims<[1]>, value = 0xFFF0000000000000 : f64} : (tensor<2xsi8>) -> tensor<4xsi8>
  return %r : tensor<4xsi8>
}

func.func @smallFloats(%x: tensor<2xf8E4M3FN>) -> tensor<4xf8E4M3FN> attributes {graph.inputs = [dense<[5.0, 6.0]> : tensor<2xf8E4M3FN>], graph.expected = [dense<[-1.5, 5.0, 6.0, -1.5]> : tensor<4xf8E4M3FN>], gradient = false} {
  %r = graph.pad %x {high = #graph.dims<[1]>, interior = array<i64: 0>, low = #graph.dims<[1]>, value = -1.5 : f64} : (tensor<2xf8E4M3FN>) -> tensor<4xf8E4M3FN>
  return %r : tensor<4xf8E4M3FN>
}

// Filled up with empty texts.
func.func @strings(%x: tensor<?x3x!text.string, #graph.dims<[n, 3]>>) -> tensor<?x8x!text.string, #graph.dims<[n, 8]>> attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %r = graph.pad %x {high = #graph.dims<[0, 2]>, interior = array<i64: 0, 1>, low = #graph.dims<[0, 1]>, value = 1.0 : f64} : (tensor<?x3x!text.string, #graph.dims<[n, 3]>>) -> tensor<?x8x!text.string, #graph.dims<[n, 8]>>
  return %r : tensor<?x8x!text.string, #graph.dims<[n, 8]>>
}

// As in the gradient of three slices of one tensor: at one place, one operand alone is inside.
func.func @sum(%x: tensor<1x?x16xf32, #graph.dims<[1, n, 16]>>, %y: tensor<1x?x16xf32, #graph.dims<[1, n, 16]>>, %z: tensor<1x?x16xf32, #graph.dims<[1, n, 16]>>) -> tensor<3x?x16xf32, #graph.dims<[3, n, 16]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %a = graph.pad %x {high = #graph.dims<[0, 0, 0]>, interior = array<i64: 0, 0, 0>, low = #graph.dims<[2, 0, 0]>, value = 0.000000e+00 : f64} : (tensor<1x?x16xf32, #graph.dims<[1, n, 16]>>) -> tensor<3x?x16xf32, #graph.dims<[3, n, 16]>>
  %b = graph.pad %y {high = #graph.dims<[1, 0, 0]>, interior = array<i64: 0, 0, 0>, low = #graph.dims<[1, 0, 0]>, value = 0.000000e+00 : f64} : (tensor<1x?x16xf32, #graph.dims<[1, n, 16]>>) -> tensor<3x?x16xf32, #graph.dims<[3, n, 16]>>
  %c = graph.pad %z {high = #graph.dims<[2, 0, 0]>, interior = array<i64: 0, 0, 0>, low = #graph.dims<[0, 0, 0]>, value = 0.000000e+00 : f64} : (tensor<1x?x16xf32, #graph.dims<[1, n, 16]>>) -> tensor<3x?x16xf32, #graph.dims<[3, n, 16]>>
  %d = graph.add %a, %b : tensor<3x?x16xf32, #graph.dims<[3, n, 16]>>
  %r = graph.add %d, %c : tensor<3x?x16xf32, #graph.dims<[3, n, 16]>>
  return %r : tensor<3x?x16xf32, #graph.dims<[3, n, 16]>>
}
