// Cases of graph.reverse.
func.func @columns(%x: tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>>) -> tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.reverse %x {axes = array<i64: 1>} : tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>>
  return %r : tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>>
}

func.func @symbolicAxis(%x: tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.reverse %x {axes = array<i64: 0>} : tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @both(%x: tensor<?x4xf32, #graph.dims<[n, 4]>>) -> tensor<?x4xf32, #graph.dims<[n, 4]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.reverse %x {axes = array<i64: 0, 1>} : tensor<?x4xf32, #graph.dims<[n, 4]>>
  return %r : tensor<?x4xf32, #graph.dims<[n, 4]>>
}

func.func @strings(%x: tensor<?x3x!text.string, #graph.dims<[n, 3]>>) -> tensor<?x3x!text.string, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %r = graph.reverse %x {axes = array<i64: 1>} : tensor<?x3x!text.string, #graph.dims<[n, 3]>>
  return %r : tensor<?x3x!text.string, #graph.dims<[n, 3]>>
}
