// Cases of graph.neg.
func.func @floats(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.neg %x : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @doubles(%x: tensor<?xf64, #graph.dims<[n]>>) -> tensor<?xf64, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.neg %x : tensor<?xf64, #graph.dims<[n]>>
  return %r : tensor<?xf64, #graph.dims<[n]>>
}

func.func @signed(%x: tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xsi32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.neg %x : tensor<?xsi32, #graph.dims<[n]>>
  return %r : tensor<?xsi32, #graph.dims<[n]>>
}

func.func @unsigned(%x: tensor<?xui8, #graph.dims<[n]>>) -> tensor<?xui8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.neg %x : tensor<?xui8, #graph.dims<[n]>>
  return %r : tensor<?xui8, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<2xsi8>) -> tensor<2xsi8> attributes {graph.inputs = [dense<[-128, 5]> : tensor<2xsi8>], graph.expected = [dense<[-128, -5]> : tensor<2xsi8>], gradient = false} {
  %r = graph.neg %x : tensor<2xsi8>
  return %r : tensor<2xsi8>
}
