// Cases of graph.pick.
func.func @rows(%x: tensor<?x4xf32, #graph.dims<[n, 4]>>, %i: tensor<?xsi32, #graph.dims<[n]>> {graph.domain = [0, 3]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.pick %x, %i : (tensor<?x4xf32, #graph.dims<[n, 4]>>, tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @twoLeadingAxes(%x: tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>>, %i: tensor<?x3xui8, #graph.dims<[n, 3]>> {graph.domain = [0, 3]}) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.pick %x, %i : (tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>>, tensor<?x3xui8, #graph.dims<[n, 3]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @outOfRange(%x: tensor<2x3xf32>, %i: tensor<2xui8>) -> tensor<2xf32> attributes {graph.inputs = [dense<1.0> : tensor<2x3xf32>, dense<[0, 255]> : tensor<2xui8>], graph.error = "index 255 at position 1 is outside 0 ... 2"} {
  %r = graph.pick %x, %i : (tensor<2x3xf32>, tensor<2xui8>) -> tensor<2xf32>
  return %r : tensor<2xf32>
}

func.func @strings(%x: tensor<?x4x!text.string, #graph.dims<[n, 4]>>, %i: tensor<?xsi32, #graph.dims<[n]>> {graph.domain = [0, 3]}) -> tensor<?x!text.string, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %r = graph.pick %x, %i : (tensor<?x4x!text.string, #graph.dims<[n, 4]>>, tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?x!text.string, #graph.dims<[n]>>
  return %r : tensor<?x!text.string, #graph.dims<[n]>>
}
