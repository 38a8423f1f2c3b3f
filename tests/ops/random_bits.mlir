// Cases of graph.random_bits.
func.func @knownAnswer(%seed: tensor<ui64>, %step: tensor<si64>) -> tensor<1xui32> attributes {graph.inputs = [dense<0> : tensor<ui64>, dense<0> : tensor<si64>], graph.expected = [dense<1713891541> : tensor<1xui32>], gradient = false} {
  %r = graph.random_bits %seed, %step {id = 0 : i64} : (tensor<ui64>, tensor<si64>) -> tensor<1xui32>
  return %r : tensor<1xui32>
}

func.func @lastWord(%seed: tensor<ui64>, %step: tensor<si64>) -> tensor<1xui32> attributes {graph.inputs = [dense<0> : tensor<ui64>, dense<0> : tensor<si64>], graph.expected = [dense<2600524760> : tensor<1xui32>], gradient = false} {
  %r = graph.random_bits %seed, %step {id = 0 : i64, word = 3 : i64} : (tensor<ui64>, tensor<si64>) -> tensor<1xui32>
  return %r : tensor<1xui32>
}

func.func @rows(%seed: tensor<ui64> {graph.domain = [0, 1000000000000]}, %step: tensor<si64> {graph.domain = [0, 1000]}) -> tensor<4x5xui32> attributes {gradient = false} {
  %r = graph.random_bits %seed, %step {id = 4294967295 : i64, word = 2 : i64} : (tensor<ui64>, tensor<si64>) -> tensor<4x5xui32>
  return %r : tensor<4x5xui32>
}

func.func @symbolic(%seed: tensor<ui64> {graph.domain = [0, 1000000000000]}, %step: tensor<si32> {graph.domain = [-3, 3]}, %x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?x3xui32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.random_bits %seed, %step {id = 7 : i64} : (tensor<ui64>, tensor<si32>) -> tensor<?x3xui32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xui32, #graph.dims<[n, 3]>>
}
