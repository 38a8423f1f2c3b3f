// Cases of graph.assign.
graph.variable @v {role = "state", value = dense<[1.0, 2.0, 3.0]> : tensor<3xf32>} : tensor<3xf32>

func.func @counts(%x: tensor<3xf32>) -> tensor<3xf32> attributes {graph.inputs = [dense<[1.0, 1.0, 1.0]> : tensor<3xf32>], graph.expected = [dense<[2.0, 3.0, 4.0]> : tensor<3xf32>], gradient = false} {
  %a = graph.read @v : tensor<3xf32>
  %b = graph.add %a, %x : tensor<3xf32>
  graph.assign @v, %b : tensor<3xf32>
  %c = graph.read @v : tensor<3xf32>
  return %c : tensor<3xf32>
}
