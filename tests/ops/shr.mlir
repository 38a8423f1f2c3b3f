// Cases of graph.shr.
func.func @signed(%x: tensor<?xsi32, #graph.dims<[n]>>, %count: tensor<?xsi32, #graph.dims<[n]>> {graph.domain = [-3, 40]}) -> tensor<?xsi32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.shr %x, %count : tensor<?xsi32, #graph.dims<[n]>>
  return %r : tensor<?xsi32, #graph.dims<[n]>>
}

func.func @unsigned(%x: tensor<?xui8, #graph.dims<[n]>> {graph.domain = [0, 255]}, %count: tensor<?xui8, #graph.dims<[n]>> {graph.domain = [0, 12]}) -> tensor<?xui8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.shr %x, %count : tensor<?xui8, #graph.dims<[n]>>
  return %r : tensor<?xui8, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<5xsi8>, %y: tensor<5xsi8>) -> tensor<5xsi8> attributes {graph.inputs = [dense<[-128, -128, 127, -5, 5]> : tensor<5xsi8>, dense<[7, 8, 9, -1, 1]> : tensor<5xsi8>], graph.expected = [dense<[-1, -1, 0, -1, 2]> : tensor<5xsi8>], gradient = false} {
  %r = graph.shr %x, %y : tensor<5xsi8>
  return %r : tensor<5xsi8>
}

func.func @goldenUnsigned(%x: tensor<3xui8>, %y: tensor<3xui8>) -> tensor<3xui8> attributes {graph.inputs = [dense<[255, 255, 255]> : tensor<3xui8>, dense<[7, 8, 255]> : tensor<3xui8>], graph.expected = [dense<[1, 0, 0]> : tensor<3xui8>], gradient = false} {
  %r = graph.shr %x, %y : tensor<3xui8>
  return %r : tensor<3xui8>
}
