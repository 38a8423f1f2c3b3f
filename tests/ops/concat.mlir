// Cases of graph.concat.
func.func @channels(%x0: tensor<?x3x2xf32, #graph.dims<[n, 3, 2]>>, %x1: tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>>, %x2: tensor<?x3x1xf32, #graph.dims<[n, 3, 1]>>) -> tensor<?x3x7xf32, #graph.dims<[n, 3, 7]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.concat %x0, %x1, %x2 {axis = 2 : i64} : (tensor<?x3x2xf32, #graph.dims<[n, 3, 2]>>, tensor<?x3x4xf32, #graph.dims<[n, 3, 4]>>, tensor<?x3x1xf32, #graph.dims<[n, 3, 1]>>) -> tensor<?x3x7xf32, #graph.dims<[n, 3, 7]>>
  return %r : tensor<?x3x7xf32, #graph.dims<[n, 3, 7]>>
}

func.func @rows(%x0: tensor<?x3xf32, #graph.dims<[n, 3]>>, %x1: tensor<2x3xf32>, %x2: tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<?x3xf32, #graph.dims<[n * 2 + 2, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.concat %x0, %x1, %x2 {axis = 0 : i64} : (tensor<?x3xf32, #graph.dims<[n, 3]>>, tensor<2x3xf32>, tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<?x3xf32, #graph.dims<[n * 2 + 2, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n * 2 + 2, 3]>>
}

func.func @single(%x0: tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.concat %x0 {axis = 1 : i64} : (tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @withEmpty(%x0: tensor<?x0xf32, #graph.dims<[n, 0]>>, %x1: tensor<?x2xf32, #graph.dims<[n, 2]>>) -> tensor<?x2xf32, #graph.dims<[n, 2]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.concat %x0, %x1 {axis = 1 : i64} : (tensor<?x0xf32, #graph.dims<[n, 0]>>, tensor<?x2xf32, #graph.dims<[n, 2]>>) -> tensor<?x2xf32, #graph.dims<[n, 2]>>
  return %r : tensor<?x2xf32, #graph.dims<[n, 2]>>
}

func.func @integers(%x0: tensor<?x2xsi16, #graph.dims<[n, 2]>>, %x1: tensor<?x2xsi16, #graph.dims<[n, 2]>>) -> tensor<?x2xsi16, #graph.dims<[n * 2, 2]>> attributes {graph.sizes = {n = [0, 1, 3]}, gradient = false} {
  %r = graph.concat %x0, %x1 {axis = 0 : i64} : (tensor<?x2xsi16, #graph.dims<[n, 2]>>, tensor<?x2xsi16, #graph.dims<[n, 2]>>) -> tensor<?x2xsi16, #graph.dims<[n * 2, 2]>>
  return %r : tensor<?x2xsi16, #graph.dims<[n * 2, 2]>>
}

func.func @strings(%x: tensor<?x2x!text.string, #graph.dims<[n, 2]>>, %y: tensor<?x3x!text.string, #graph.dims<[n, 3]>>) -> tensor<?x5x!text.string, #graph.dims<[n, 5]>> attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %r = graph.concat %x, %y {axis = 1 : i64} : (tensor<?x2x!text.string, #graph.dims<[n, 2]>>, tensor<?x3x!text.string, #graph.dims<[n, 3]>>) -> tensor<?x5x!text.string, #graph.dims<[n, 5]>>
  return %r : tensor<?x5x!text.string, #graph.dims<[n, 5]>>
}
