// Cases of graph.random_normal.
func.func @n_f32(%seed: tensor<ui64> {graph.domain = [0, 1000000000000]}, %step: tensor<si64> {graph.domain = [0, 1000]}, %x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 33]}, gradient = false} {
  %r = graph.random_normal %seed, %step {id = 7 : i64} : (tensor<ui64>, tensor<si64>) -> tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @n_f64(%seed: tensor<ui64> {graph.domain = [0, 1000000000000]}, %step: tensor<si64> {graph.domain = [0, 1000]}, %x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?x3xf64, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 33]}, gradient = false} {
  %r = graph.random_normal %seed, %step {id = 7 : i64} : (tensor<ui64>, tensor<si64>) -> tensor<?x3xf64, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf64, #graph.dims<[n, 3]>>
}
