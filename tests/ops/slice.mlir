// Cases of graph.slice.
func.func @rows(%x: tensor<?x6x3xf32, #graph.dims<[n, 6, 3]>>) -> tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.slice %x {sizes = #graph.dims<[n, 4, 3]>, starts = #graph.dims<[0, 1, 0]>, strides = array<i64: 1, 1, 1>} : (tensor<?x6x3xf32, #graph.dims<[n, 6, 3]>>) -> tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>>
  return %r : tensor<?x4x3xf32, #graph.dims<[n, 4, 3]>>
}

func.func @strided(%x: tensor<?x7x5xf32, #graph.dims<[n, 7, 5]>>) -> tensor<?x3x3xf32, #graph.dims<[n, 3, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.slice %x {sizes = #graph.dims<[n, 3, 3]>, starts = #graph.dims<[0, 1, 0]>, strides = array<i64: 1, 2, 2>} : (tensor<?x7x5xf32, #graph.dims<[n, 7, 5]>>) -> tensor<?x3x3xf32, #graph.dims<[n, 3, 3]>>
  return %r : tensor<?x3x3xf32, #graph.dims<[n, 3, 3]>>
}

func.func @symbolicSize(%x: tensor<?x4xf32, #graph.dims<[n, 4]>>) -> tensor<?x4xf32, #graph.dims<[n + -1, 4]>> attributes {graph.sizes = {n = [1, 2, 5]}} {
  %r = graph.slice %x {sizes = #graph.dims<[n + -1, 4]>, starts = #graph.dims<[1, 0]>, strides = array<i64: 1, 1>} : (tensor<?x4xf32, #graph.dims<[n, 4]>>) -> tensor<?x4xf32, #graph.dims<[n + -1, 4]>>
  return %r : tensor<?x4xf32, #graph.dims<[n + -1, 4]>>
}

func.func @symbolicStart(%x: tensor<?x3xf32, #graph.dims<[n * 2, 3]>>, %like: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.slice %x {sizes = #graph.dims<[n, 3]>, starts = #graph.dims<[n, 0]>, strides = array<i64: 1, 1>} : (tensor<?x3xf32, #graph.dims<[n * 2, 3]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @everySecondOfSymbolic(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n ceildiv 2]>> attributes {graph.sizes = {n = [0, 1, 2, 7]}} {
  %r = graph.slice %x {sizes = #graph.dims<[n ceildiv 2]>, starts = #graph.dims<[0]>, strides = array<i64: 2>} : (tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n ceildiv 2]>>
  return %r : tensor<?xf32, #graph.dims<[n ceildiv 2]>>
}

func.func @integers(%x: tensor<?x6xui8, #graph.dims<[n, 6]>>) -> tensor<?x1xui8, #graph.dims<[n, 1]>> attributes {graph.sizes = {n = [0, 1, 3]}, gradient = false} {
  %r = graph.slice %x {sizes = #graph.dims<[n, 1]>, starts = #graph.dims<[0, 5]>, strides = array<i64: 1, 1>} : (tensor<?x6xui8, #graph.dims<[n, 6]>>) -> tensor<?x1xui8, #graph.dims<[n, 1]>>
  return %r : tensor<?x1xui8, #graph.dims<[n, 1]>>
}

func.func @empty(%x: tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<?x0xf32, #graph.dims<[n, 0]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.slice %x {sizes = #graph.dims<[n, 0]>, starts = #graph.dims<[0, 3]>, strides = array<i64: 1, 1>} : (tensor<?x3xf32, #graph.dims<[n, 3]>>) -> tensor<?x0xf32, #graph.dims<[n, 0]>>
  return %r : tensor<?x0xf32, #graph.dims<[n, 0]>>
}

func.func @leavesTheTensor(%x: tensor<?xf32, #graph.dims<[n]>>, %y: tensor<?xf32, #graph.dims<[m]>>) -> tensor<?xf32, #graph.dims<[m]>> attributes {graph.sizes = {n = [3], m = [3, 4]}, graph.error = "slice takes element 3 of a dimension of size 3"} {
  %r = graph.slice %x {sizes = #graph.dims<[m]>, starts = #graph.dims<[1]>, strides = array<i64: 1>} : (tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[m]>>
  return %r : tensor<?xf32, #graph.dims<[m]>>
}

func.func @leadingColumns(%x: tensor<?x8xf32, #graph.dims<[n, 8]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 3]}} {
  %r = graph.slice %x {sizes = #graph.dims<[n, 3]>, starts = #graph.dims<[0, 0]>, strides = array<i64: 1, 1>} : (tensor<?x8xf32, #graph.dims<[n, 8]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @strings(%x: tensor<?x5x!text.string, #graph.dims<[n, 5]>>) -> tensor<?x2x!text.string, #graph.dims<[n, 2]>> attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %r = graph.slice %x {sizes = #graph.dims<[n, 2]>, starts = #graph.dims<[0, 1]>, strides = array<i64: 1, 2>} : (tensor<?x5x!text.string, #graph.dims<[n, 5]>>) -> tensor<?x2x!text.string, #graph.dims<[n, 2]>>
  return %r : tensor<?x2x!text.string, #graph.dims<[n, 2]>>
}
