// Cases of graph.dropout.
func.func @half(%x: tensor<?x5xf32, #graph.dims<[n, 5]>>, %seed: tensor<ui64> {graph.domain = [0, 1000000000000]}, %step: tensor<si64> {graph.domain = [0, 1000]}) -> tensor<?x5xf32, #graph.dims<[n, 5]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.dropout %x, %seed, %step {id = 3 : i64, rate = 5.000000e-01 : f64} : (tensor<?x5xf32, #graph.dims<[n, 5]>>, tensor<ui64>, tensor<si64>) -> tensor<?x5xf32, #graph.dims<[n, 5]>>
  return %r : tensor<?x5xf32, #graph.dims<[n, 5]>>
}

func.func @none(%x: tensor<?x5xf32, #graph.dims<[n, 5]>>, %seed: tensor<ui64> {graph.domain = [0, 1000000000000]}, %step: tensor<si64> {graph.domain = [0, 1000]}) -> tensor<?x5xf32, #graph.dims<[n, 5]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.dropout %x, %seed, %step {id = 3 : i64, rate = 0.000000e+00 : f64} : (tensor<?x5xf32, #graph.dims<[n, 5]>>, tensor<ui64>, tensor<si64>) -> tensor<?x5xf32, #graph.dims<[n, 5]>>
  return %r : tensor<?x5xf32, #graph.dims<[n, 5]>>
}

func.func @all(%x: tensor<?x5xf32, #graph.dims<[n, 5]>>, %seed: tensor<ui64> {graph.domain = [0, 1000000000000]}, %step: tensor<si64> {graph.domain = [0, 1000]}) -> tensor<?x5xf32, #graph.dims<[n, 5]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.dropout %x, %seed, %step {id = 3 : i64, rate = 1.000000e+00 : f64} : (tensor<?x5xf32, #graph.dims<[n, 5]>>, tensor<ui64>, tensor<si64>) -> tensor<?x5xf32, #graph.dims<[n, 5]>>
  return %r : tensor<?x5xf32, #graph.dims<[n, 5]>>
}

func.func @quarter(%x: tensor<?x5xf32, #graph.dims<[n, 5]>>, %seed: tensor<ui64> {graph.domain = [0, 1000000000000]}, %step: tensor<si64> {graph.domain = [0, 1000]}) -> tensor<?x5xf32, #graph.dims<[n, 5]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.dropout %x, %seed, %step {id = 3 : i64, rate = 2.500000e-01 : f64} : (tensor<?x5xf32, #graph.dims<[n, 5]>>, tensor<ui64>, tensor<si64>) -> tensor<?x5xf32, #graph.dims<[n, 5]>>
  return %r : tensor<?x5xf32, #graph.dims<[n, 5]>>
}
