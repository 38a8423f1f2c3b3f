// Cases of graph.bind: sizes that the program computes.

// As many as are above 0. What is made of the size follows it: a map, a constant, its extent, and a
// longer expression that has a name.
func.func @followed(%x: tensor<?xf32, #graph.dims<[n]>>) -> (tensor<?xf32, #graph.dims<[k]>>, tensor<?xf32, #graph.dims<[twice]>>, tensor<si64>, tensor<si64>) attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false, graph.lets = [["k", #graph.dims<[n]>], ["twice", #graph.dims<[k * 2]>]]} {
  %zero = graph.constant dense<0.0> : tensor<f32> : tensor<?xf32, #graph.dims<[n]>>
  %above = graph.compare %x, %zero {predicate = 4 : i32} : (tensor<?xf32, #graph.dims<[n]>>, tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  %ones = graph.cast %above : tensor<?xi1, #graph.dims<[n]>> to tensor<?xsi64, #graph.dims<[n]>>
  %count = graph.reduce %ones {axes = array<i64: 0>, kind = 0 : i32} : (tensor<?xsi64, #graph.dims<[n]>>) -> tensor<si64>
  %y = graph.bind %x, %count as "k" : (tensor<?xf32, #graph.dims<[n]>>, tensor<si64>) -> tensor<?xf32, #graph.dims<[k]>>
  %z = graph.add %y, %y : tensor<?xf32, #graph.dims<[k]>>
  %c = graph.constant dense<2.5> : tensor<f32> : tensor<?xf32, #graph.dims<[twice]>>
  %k = graph.extent <[k]> : tensor<si64>
  %t = graph.extent <[twice]> : tensor<si64>
  return %z, %c, %k, %t : tensor<?xf32, #graph.dims<[k]>>, tensor<?xf32, #graph.dims<[twice]>>, tensor<si64>, tensor<si64>
}

func.func @rows(%x: tensor<5x3xf32>, %count: tensor<si64>) -> tensor<?x3xf32, #graph.dims<[k, 3]>> attributes {graph.inputs = [dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0], [1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]> : tensor<5x3xf32>, dense<2> : tensor<si64>], graph.expected = [dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>], gradient = false, graph.lets = [["k", #graph.dims<[5]>]]} {
  %y = graph.bind %x, %count as "k" : (tensor<5x3xf32>, tensor<si64>) -> tensor<?x3xf32, #graph.dims<[k, 3]>>
  return %y : tensor<?x3xf32, #graph.dims<[k, 3]>>
}

// More than there are.
func.func @tooMany(%x: tensor<2xf32>, %count: tensor<si64>) -> tensor<?xf32, #graph.dims<[k]>> attributes {graph.inputs = [dense<[1.0, 2.0]> : tensor<2xf32>, dense<3> : tensor<si64>], graph.error = "outside 0 ... 2", gradient = false, graph.lets = [["k", #graph.dims<[2]>]]} {
  %y = graph.bind %x, %count as "k" : (tensor<2xf32>, tensor<si64>) -> tensor<?xf32, #graph.dims<[k]>>
  return %y : tensor<?xf32, #graph.dims<[k]>>
}

func.func @strings(%x: tensor<?x!text.string, #graph.dims<[n]>>, %count: tensor<si64> {graph.domain = [0, 0]}) -> tensor<?x!text.string, #graph.dims<[k]>> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false, graph.lets = [["k", #graph.dims<[n]>]]} {
  %y = graph.bind %x, %count as "k" : (tensor<?x!text.string, #graph.dims<[n]>>, tensor<si64>) -> tensor<?x!text.string, #graph.dims<[k]>>
  return %y : tensor<?x!text.string, #graph.dims<[k]>>
}
