// Cases of graph.not.
func.func @signed(%x: tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xsi32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.not %x : tensor<?xsi32, #graph.dims<[n]>>
  return %r : tensor<?xsi32, #graph.dims<[n]>>
}

func.func @unsigned(%x: tensor<?xui8, #graph.dims<[n]>> {graph.domain = [0, 255]}) -> tensor<?xui8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.not %x : tensor<?xui8, #graph.dims<[n]>>
  return %r : tensor<?xui8, #graph.dims<[n]>>
}

func.func @bools(%x: tensor<?xi1, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.not %x : tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<2xsi8>) -> tensor<2xsi8> attributes {graph.inputs = [dense<[0, -1]> : tensor<2xsi8>], graph.expected = [dense<[-1, 0]> : tensor<2xsi8>], gradient = false} {
  %r = graph.not %x : tensor<2xsi8>
  return %r : tensor<2xsi8>
}
