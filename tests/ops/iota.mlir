// Cases of graph.iota.
func.func @rows(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?x3xsi32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %a = graph.iota {axis = 0 : i64} : tensor<?x3xsi32, #graph.dims<[n, 3]>>
  return %a : tensor<?x3xsi32, #graph.dims<[n, 3]>>
}

func.func @columns() -> tensor<2x3xf32> attributes {graph.expected = [dense<[[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]]> : tensor<2x3xf32>], gradient = false} {
  %a = graph.iota {axis = 1 : i64} : tensor<2x3xf32>
  return %a : tensor<2x3xf32>
}
