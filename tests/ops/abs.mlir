// Cases of graph.abs.
func.func @floats(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.abs %x : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @signed(%x: tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xsi32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.abs %x : tensor<?xsi32, #graph.dims<[n]>>
  return %r : tensor<?xsi32, #graph.dims<[n]>>
}

func.func @unsigned(%x: tensor<?xui8, #graph.dims<[n]>> {graph.domain = [0, 255]}) -> tensor<?xui8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.abs %x : tensor<?xui8, #graph.dims<[n]>>
  return %r : tensor<?xui8, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<3xsi8>) -> tensor<3xsi8> attributes {graph.inputs = [dense<[-128, -5, 5]> : tensor<3xsi8>], graph.expected = [dense<[-128, 5, 5]> : tensor<3xsi8>], gradient = false} {
  %r = graph.abs %x : tensor<3xsi8>
  return %r : tensor<3xsi8>
}
