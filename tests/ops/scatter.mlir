// Cases of graph.scatter.
func.func @rows(%base: tensor<4x3xf32>, %i: tensor<?xsi32, #graph.dims<[n]>> {graph.domain = [0, 3]}, %u: tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<4x3xf32> attributes {graph.sizes = {n = [0, 1, 9]}} {
  %r = graph.scatter %base, %i, %u {kind = 1 : i32} : (tensor<4x3xf32>, tensor<?xsi32, #graph.dims<[n]>>, tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<4x3xf32>
  return %r : tensor<4x3xf32>
}

func.func @manyAxes(%base: tensor<?x2x2xf32, #graph.dims<[n, 2, 2]>>, %i: tensor<2x3xsi64> {graph.domain = [0, 0]}, %u: tensor<2x3x2x2xf32>) -> tensor<?x2x2xf32, #graph.dims<[n, 2, 2]>> attributes {graph.sizes = {n = [1, 4]}} {
  %r = graph.scatter %base, %i, %u {kind = 1 : i32} : (tensor<?x2x2xf32, #graph.dims<[n, 2, 2]>>, tensor<2x3xsi64>, tensor<2x3x2x2xf32>) -> tensor<?x2x2xf32, #graph.dims<[n, 2, 2]>>
  return %r : tensor<?x2x2xf32, #graph.dims<[n, 2, 2]>>
}

func.func @vector(%base: tensor<4xsi32>, %i: tensor<5xui8>, %u: tensor<5xsi32>) -> tensor<4xsi32> attributes {graph.inputs = [dense<[1, 2, 3, 4]> : tensor<4xsi32>, dense<[0, 3, 0, 3, 3]> : tensor<5xui8>, dense<[10, 20, 30, 40, 50]> : tensor<5xsi32>], graph.expected = [dense<[41, 2, 3, 114]> : tensor<4xsi32>], gradient = false} {
  %r = graph.scatter %base, %i, %u {kind = 1 : i32} : (tensor<4xsi32>, tensor<5xui8>, tensor<5xsi32>) -> tensor<4xsi32>
  return %r : tensor<4xsi32>
}

func.func @outOfRange(%base: tensor<4xf32>, %i: tensor<1xsi32>, %u: tensor<1xf32>) -> tensor<4xf32> attributes {graph.inputs = [dense<0.0> : tensor<4xf32>, dense<4> : tensor<1xsi32>, dense<1.0> : tensor<1xf32>], graph.error = "index 4 at position 0 is outside 0 ... 3"} {
  %r = graph.scatter %base, %i, %u {kind = 1 : i32} : (tensor<4xf32>, tensor<1xsi32>, tensor<1xf32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}

func.func @set(%base: tensor<4x3xf32>, %i: tensor<?xsi32, #graph.dims<[n]>> {graph.domain = [0, 3]}, %u: tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<4x3xf32> attributes {graph.sizes = {n = [0, 1, 9]}} {
  %r = graph.scatter %base, %i, %u {kind = 0 : i32} : (tensor<4x3xf32>, tensor<?xsi32, #graph.dims<[n]>>, tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<4x3xf32>
  return %r : tensor<4x3xf32>
}

func.func @mul(%base: tensor<4x3xf32>, %i: tensor<?xsi32, #graph.dims<[n]>> {graph.domain = [0, 3]}, %u: tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<4x3xf32> attributes {graph.sizes = {n = [0, 1, 9]}} {
  %r = graph.scatter %base, %i, %u {kind = 2 : i32} : (tensor<4x3xf32>, tensor<?xsi32, #graph.dims<[n]>>, tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<4x3xf32>
  return %r : tensor<4x3xf32>
}

func.func @max(%base: tensor<4x3xf32>, %i: tensor<?xsi32, #graph.dims<[n]>> {graph.domain = [0, 3]}, %u: tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<4x3xf32> attributes {graph.sizes = {n = [0, 1, 9]}} {
  %r = graph.scatter %base, %i, %u {kind = 3 : i32} : (tensor<4x3xf32>, tensor<?xsi32, #graph.dims<[n]>>, tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<4x3xf32>
  return %r : tensor<4x3xf32>
}

func.func @min(%base: tensor<4x3xf32>, %i: tensor<?xsi32, #graph.dims<[n]>> {graph.domain = [0, 3]}, %u: tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<4x3xf32> attributes {graph.sizes = {n = [0, 1, 9]}} {
  %r = graph.scatter %base, %i, %u {kind = 4 : i32} : (tensor<4x3xf32>, tensor<?xsi32, #graph.dims<[n]>>, tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<4x3xf32>
  return %r : tensor<4x3xf32>
}

func.func @mulWithZeros(%base: tensor<3xf32>, %i: tensor<4xsi64>, %u: tensor<4xf32>) -> tensor<3xf32> attributes {graph.inputs = [dense<[0.0, 2.0, 0.0]> : tensor<3xf32>, dense<[0, 1, 1, 2]> : tensor<4xsi64>, dense<[3.0, 0.0, 5.0, 0.0]> : tensor<4xf32>], graph.expected = [dense<[0.0, 0.0, 0.0]> : tensor<3xf32>]} {
  %r = graph.scatter %base, %i, %u {kind = 2 : i32} : (tensor<3xf32>, tensor<4xsi64>, tensor<4xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

func.func @lastStays(%base: tensor<3xf32>, %i: tensor<4xsi64>, %u: tensor<4xf32>) -> tensor<3xf32> attributes {graph.inputs = [dense<[1.0, 2.0, 3.0]> : tensor<3xf32>, dense<[2, 0, 2, 2]> : tensor<4xsi64>, dense<[4.0, 5.0, 6.0, 7.0]> : tensor<4xf32>], graph.expected = [dense<[5.0, 2.0, 7.0]> : tensor<3xf32>]} {
  %r = graph.scatter %base, %i, %u {kind = 0 : i32} : (tensor<3xf32>, tensor<4xsi64>, tensor<4xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

func.func @nan(%base: tensor<2xf32>, %i: tensor<2xsi64>, %u: tensor<2xf32>) -> tensor<2xf32> attributes {graph.inputs = [dense<[0x7FC00000, 1.0]> : tensor<2xf32>, dense<[0, 1]> : tensor<2xsi64>, dense<[1.0, 0x7FC00000]> : tensor<2xf32>], graph.expected = [dense<0x7FC00000> : tensor<2xf32>], gradient = false} {
  %r = graph.scatter %base, %i, %u {kind = 3 : i32} : (tensor<2xf32>, tensor<2xsi64>, tensor<2xf32>) -> tensor<2xf32>
  return %r : tensor<2xf32>
}

func.func @unsignedMax(%base: tensor<2xui8>, %i: tensor<3xui16>, %u: tensor<3xui8>) -> tensor<2xui8> attributes {graph.inputs = [dense<[200, 3]> : tensor<2xui8>, dense<[0, 1, 1]> : tensor<3xui16>, dense<[100, 250, 7]> : tensor<3xui8>], graph.expected = [dense<[200, 250]> : tensor<2xui8>], gradient = false} {
  %r = graph.scatter %base, %i, %u {kind = 3 : i32} : (tensor<2xui8>, tensor<3xui16>, tensor<3xui8>) -> tensor<2xui8>
  return %r : tensor<2xui8>
}

func.func @bools(%base: tensor<3xi1>, %i: tensor<2xsi64>, %u: tensor<2xi1>) -> tensor<3xi1> attributes {graph.inputs = [dense<[true, false, false]> : tensor<3xi1>, dense<[0, 2]> : tensor<2xsi64>, dense<[false, true]> : tensor<2xi1>], graph.expected = [dense<[false, false, true]> : tensor<3xi1>], gradient = false} {
  %r = graph.scatter %base, %i, %u {kind = 0 : i32} : (tensor<3xi1>, tensor<2xsi64>, tensor<2xi1>) -> tensor<3xi1>
  return %r : tensor<3xi1>
}

func.func @half(%base: tensor<4x3xf16>, %i: tensor<?xsi32, #graph.dims<[n]>> {graph.domain = [0, 3]}, %u: tensor<?x3xf16, #graph.dims<[n, 3]>>) -> tensor<4x3xf16> attributes {graph.sizes = {n = [0, 1, 9]}, gradient = false} {
  %r = graph.scatter %base, %i, %u {kind = 1 : i32} : (tensor<4x3xf16>, tensor<?xsi32, #graph.dims<[n]>>, tensor<?x3xf16, #graph.dims<[n, 3]>>) -> tensor<4x3xf16>
  return %r : tensor<4x3xf16>
}

func.func @halfSet(%base: tensor<4x3xbf16>, %i: tensor<?xsi32, #graph.dims<[n]>> {graph.domain = [0, 3]}, %u: tensor<?x3xbf16, #graph.dims<[n, 3]>>) -> tensor<4x3xbf16> attributes {graph.sizes = {n = [0, 1, 9]}, gradient = false} {
  %r = graph.scatter %base, %i, %u {kind = 0 : i32} : (tensor<4x3xbf16>, tensor<?xsi32, #graph.dims<[n]>>, tensor<?x3xbf16, #graph.dims<[n, 3]>>) -> tensor<4x3xbf16>
  return %r : tensor<4x3xbf16>
}

func.func @constantIndices(%base: tensor<4x?xf32, #graph.dims<[4, n]>>, %u: tensor<3x?xf32, #graph.dims<[3, n]>>) -> tensor<4x?xf32, #graph.dims<[4, n]>> attributes {graph.sizes = {n = [0, 1, 9]}} {
  %i = graph.constant dense<[2, 0, 2]> : tensor<3xsi64> : tensor<3xsi64>
  %r = graph.scatter %base, %i, %u {kind = 1 : i32} : (tensor<4x?xf32, #graph.dims<[4, n]>>, tensor<3xsi64>, tensor<3x?xf32, #graph.dims<[3, n]>>) -> tensor<4x?xf32, #graph.dims<[4, n]>>
  return %r : tensor<4x?xf32, #graph.dims<[4, n]>>
}
