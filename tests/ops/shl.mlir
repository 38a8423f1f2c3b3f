// Cases of graph.shl.
func.func @signed(%x: tensor<?xsi32, #graph.dims<[n]>>, %count: tensor<?xsi32, #graph.dims<[n]>> {graph.domain = [-3, 40]}) -> tensor<?xsi32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.shl %x, %count : tensor<?xsi32, #graph.dims<[n]>>
  return %r : tensor<?xsi32, #graph.dims<[n]>>
}

func.func @unsigned(%x: tensor<?xui8, #graph.dims<[n]>> {graph.domain = [0, 255]}, %count: tensor<?xui8, #graph.dims<[n]>> {graph.domain = [0, 12]}) -> tensor<?xui8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.shl %x, %count : tensor<?xui8, #graph.dims<[n]>>
  return %r : tensor<?xui8, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<5xsi8>, %y: tensor<5xsi8>) -> tensor<5xsi8> attributes {graph.inputs = [dense<[1, 1, 1, 1, -1]> : tensor<5xsi8>, dense<[7, 8, -1, 0, 1]> : tensor<5xsi8>], graph.expected = [dense<[-128, 0, 0, 1, -2]> : tensor<5xsi8>], gradient = false} {
  %r = graph.shl %x, %y : tensor<5xsi8>
  return %r : tensor<5xsi8>
}
