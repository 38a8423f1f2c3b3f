// Cases of graph.gather.
func.func @rows(%x: tensor<5x3xf32>, %i: tensor<?xsi32, #graph.dims<[n]>> {graph.domain = [0, 4]}) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.gather %x, %i {axis = 0 : i64} : (tensor<5x3xf32>, tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @columns(%x: tensor<?x5x2xf32, #graph.dims<[n, 5, 2]>>, %i: tensor<2x3xsi64> {graph.domain = [0, 4]}) -> tensor<?x2x3x2xf32, #graph.dims<[n, 2, 3, 2]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.gather %x, %i {axis = 1 : i64} : (tensor<?x5x2xf32, #graph.dims<[n, 5, 2]>>, tensor<2x3xsi64>) -> tensor<?x2x3x2xf32, #graph.dims<[n, 2, 3, 2]>>
  return %r : tensor<?x2x3x2xf32, #graph.dims<[n, 2, 3, 2]>>
}

func.func @lastAxis(%x: tensor<?x4xf32, #graph.dims<[n, 4]>>, %i: tensor<7xui8> {graph.domain = [0, 3]}) -> tensor<?x7xf32, #graph.dims<[n, 7]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.gather %x, %i {axis = 1 : i64} : (tensor<?x4xf32, #graph.dims<[n, 4]>>, tensor<7xui8>) -> tensor<?x7xf32, #graph.dims<[n, 7]>>
  return %r : tensor<?x7xf32, #graph.dims<[n, 7]>>
}

func.func @scalarIndex(%x: tensor<5x3xf32>, %i: tensor<si32> {graph.domain = [0, 4]}) -> tensor<3xf32> {
  %r = graph.gather %x, %i {axis = 0 : i64} : (tensor<5x3xf32>, tensor<si32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

func.func @halves(%x: tensor<3x2xbf16>, %i: tensor<?xsi64, #graph.dims<[n]>> {graph.domain = [0, 2]}) -> tensor<?x2xbf16, #graph.dims<[n, 2]>> attributes {graph.sizes = {n = [0, 1, 9]}, gradient = false} {
  %r = graph.gather %x, %i {axis = 0 : i64} : (tensor<3x2xbf16>, tensor<?xsi64, #graph.dims<[n]>>) -> tensor<?x2xbf16, #graph.dims<[n, 2]>>
  return %r : tensor<?x2xbf16, #graph.dims<[n, 2]>>
}

func.func @outOfRange(%x: tensor<5xf32>, %i: tensor<2xsi32>) -> tensor<2xf32> attributes {graph.inputs = [dense<1.0> : tensor<5xf32>, dense<[1, 5]> : tensor<2xsi32>], graph.error = "index 5 at position 1 is outside 0 ... 4"} {
  %r = graph.gather %x, %i {axis = 0 : i64} : (tensor<5xf32>, tensor<2xsi32>) -> tensor<2xf32>
  return %r : tensor<2xf32>
}

func.func @negative(%x: tensor<5xf32>, %i: tensor<2xsi32>) -> tensor<2xf32> attributes {graph.inputs = [dense<1.0> : tensor<5xf32>, dense<[-1, 0]> : tensor<2xsi32>], graph.error = "index -1 at position 0 is outside 0 ... 4"} {
  %r = graph.gather %x, %i {axis = 0 : i64} : (tensor<5xf32>, tensor<2xsi32>) -> tensor<2xf32>
  return %r : tensor<2xf32>
}

func.func @strings(%x: tensor<5x!text.string>, %i: tensor<?xsi64, #graph.dims<[n]>> {graph.domain = [0, 4]}) -> tensor<?x!text.string, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %r = graph.gather %x, %i {axis = 0 : i64} : (tensor<5x!text.string>, tensor<?xsi64, #graph.dims<[n]>>) -> tensor<?x!text.string, #graph.dims<[n]>>
  return %r : tensor<?x!text.string, #graph.dims<[n]>>
}
