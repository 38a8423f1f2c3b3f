// Cases of graph.cumulate.
func.func @sum(%x: tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>) -> tensor<2x?x3xf32, #graph.dims<[2, n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.cumulate %x {kind = 0 : i32, axis = 1 : i64} : (tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>) -> tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>
  return %r : tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>
}

func.func @exclusiveSum(%x: tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>) -> tensor<2x?x3xf32, #graph.dims<[2, n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.cumulate %x {kind = 0 : i32, axis = 1 : i64, exclusive = true} : (tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>) -> tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>
  return %r : tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>
}

func.func @reverseSum(%x: tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>) -> tensor<2x?x3xf32, #graph.dims<[2, n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.cumulate %x {kind = 0 : i32, axis = 1 : i64, reverse = true} : (tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>) -> tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>
  return %r : tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>
}

func.func @both(%x: tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>) -> tensor<2x?x3xf32, #graph.dims<[2, n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.cumulate %x {kind = 0 : i32, axis = 1 : i64, exclusive = true, reverse = true} : (tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>) -> tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>
  return %r : tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>
}

func.func @prod(%x: tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>) -> tensor<2x?x3xf32, #graph.dims<[2, n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.cumulate %x {kind = 1 : i32, axis = 1 : i64} : (tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>) -> tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>
  return %r : tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>
}

func.func @exclusiveProd(%x: tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>) -> tensor<2x?x3xf32, #graph.dims<[2, n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.cumulate %x {kind = 1 : i32, axis = 1 : i64, exclusive = true} : (tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>) -> tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>
  return %r : tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>
}

func.func @reverseProd(%x: tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>) -> tensor<2x?x3xf32, #graph.dims<[2, n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.cumulate %x {kind = 1 : i32, axis = 1 : i64, exclusive = true, reverse = true} : (tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>) -> tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>
  return %r : tensor<2x?x3xf32, #graph.dims<[2, n, 3]>>
}

func.func @columns(%x: tensor<3x?xf64, #graph.dims<[3, n]>>) -> tensor<3x?xf64, #graph.dims<[3, n]>> attributes {graph.sizes = {n = [0, 1, 300]}, gradient = false} {
  %r = graph.cumulate %x {kind = 0 : i32, axis = 0 : i64} : (tensor<3x?xf64, #graph.dims<[3, n]>>) -> tensor<3x?xf64, #graph.dims<[3, n]>>
  return %r : tensor<3x?xf64, #graph.dims<[3, n]>>
}

func.func @half(%x: tensor<?xbf16, #graph.dims<[n]>>) -> tensor<?xbf16, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 9]}, gradient = false} {
  %r = graph.cumulate %x {kind = 0 : i32, axis = 0 : i64} : (tensor<?xbf16, #graph.dims<[n]>>) -> tensor<?xbf16, #graph.dims<[n]>>
  return %r : tensor<?xbf16, #graph.dims<[n]>>
}

func.func @bytes(%x: tensor<4xui8>) -> tensor<4xui8> attributes {graph.inputs = [dense<[200, 100, 3, 4]> : tensor<4xui8>], graph.expected = [dense<[200, 44, 47, 51]> : tensor<4xui8>], gradient = false} {
  %r = graph.cumulate %x {kind = 0 : i32, axis = 0 : i64} : (tensor<4xui8>) -> tensor<4xui8>
  return %r : tensor<4xui8>
}

func.func @zeros(%x: tensor<5xf32>) -> tensor<5xf32> attributes {graph.inputs = [dense<[2.0, 0.0, 3.0, 0.0, 5.0]> : tensor<5xf32>], graph.expected = [dense<[2.0, 0.0, 0.0, 0.0, 0.0]> : tensor<5xf32>]} {
  %r = graph.cumulate %x {kind = 1 : i32, axis = 0 : i64} : (tensor<5xf32>) -> tensor<5xf32>
  return %r : tensor<5xf32>
}
