// Sizes that the program computes. See docs/AddingAnOp.md for the attributes.

#f = #graph.dims<[n]>
#g = #graph.dims<[k]>

// The count is the number of elements above 0; twice what is kept follows it.
func.func @positive(%x: tensor<?xf32, #graph.dims<[n]>>) -> (tensor<?xf32, #graph.dims<[k]>>, tensor<si64>)
    attributes {graph.sizes = {n = [0, 1, 9]}, graph.lets = [["k", #graph.dims<[n]>]]} {
  %zero = graph.constant dense<0.0> : tensor<f32> : tensor<?xf32, #graph.dims<[n]>>
  %above = graph.compare %x, %zero {predicate = 2 : i32} : (tensor<?xf32, #graph.dims<[n]>>, tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  %ones = graph.cast %above : tensor<?xi1, #graph.dims<[n]>> to tensor<?xsi64, #graph.dims<[n]>>
  %count = graph.reduce %ones {axes = array<i64: 0>, kind = 0 : i32} : (tensor<?xsi64, #graph.dims<[n]>>) -> tensor<si64>
  %y = graph.bind %x, %count as "k" : (tensor<?xf32, #graph.dims<[n]>>, tensor<si64>) -> tensor<?xf32, #graph.dims<[k]>>
  %z = graph.add %y, %y : (tensor<?xf32, #graph.dims<[k]>>, tensor<?xf32, #graph.dims<[k]>>) -> tensor<?xf32, #graph.dims<[k]>>
  %k = graph.extent #graph.dims<[k]> : tensor<si64>
  return %z, %k : tensor<?xf32, #graph.dims<[k]>>, tensor<si64>
}
