// Cases of graph.select.
func.func @floats(%c: tensor<?xi1, #graph.dims<[n]>>, %x: tensor<?xf32, #graph.dims<[n]>>, %y: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.select %c, %x, %y : (tensor<?xi1, #graph.dims<[n]>>, tensor<?xf32, #graph.dims<[n]>>, tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @fourBits(%c: tensor<5xi1>, %x: tensor<5xui4>, %y: tensor<5xui4>) -> tensor<5xui4> attributes {graph.inputs = [dense<[1, 0, 1, 0, 1]> : tensor<5xi1>, dense<[1, 2, 3, 4, 15]> : tensor<5xui4>, dense<[9, 10, 11, 12, 13]> : tensor<5xui4>], graph.expected = [dense<[1, 10, 3, 12, 15]> : tensor<5xui4>], gradient = false} {
  %r = "graph.select"(%c, %x, %y) : (tensor<5xi1>, tensor<5xui4>, tensor<5xui4>) -> tensor<5xui4>
  return %r : tensor<5xui4>
}

func.func @strings(%c: tensor<?xi1, #graph.dims<[n]>>, %x: tensor<?x!text.string, #graph.dims<[n]>>, %y: tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?x!text.string, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %r = graph.select %c, %x, %y : (tensor<?xi1, #graph.dims<[n]>>, tensor<?x!text.string, #graph.dims<[n]>>, tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?x!text.string, #graph.dims<[n]>>
  return %r : tensor<?x!text.string, #graph.dims<[n]>>
}
