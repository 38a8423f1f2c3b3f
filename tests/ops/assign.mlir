// Cases of graph.assign.
graph.variable @v {role = "state", value = dense<[1.0, 2.0, 3.0]> : tensor<3xf32>} : tensor<3xf32>
graph.variable @w {role = "state", value = dense<[4.0, 5.0, 6.0]> : tensor<3xf32>} : tensor<3xf32>

func.func @counts(%x: tensor<3xf32>) -> tensor<3xf32> attributes {graph.inputs = [dense<[1.0, 1.0, 1.0]> : tensor<3xf32>], graph.expected = [dense<[2.0, 3.0, 4.0]> : tensor<3xf32>], gradient = false} {
  %a = graph.read @v : tensor<3xf32>
  %b = graph.add %a, %x : tensor<3xf32>
  graph.assign @v, %b : tensor<3xf32>
  %c = graph.read @v : tensor<3xf32>
  return %c : tensor<3xf32>
}

// Each becomes what the other was.
func.func @swaps() -> tensor<3xf32> attributes {graph.inputs = [], graph.expected = [dense<[5.0, 7.0, 9.0]> : tensor<3xf32>], gradient = false} {
  %v = graph.read @v : tensor<3xf32>
  %w = graph.read @w : tensor<3xf32>
  graph.assign @v, %w : tensor<3xf32>
  graph.assign @w, %v : tensor<3xf32>
  %sum = graph.add %v, %w : tensor<3xf32>
  return %sum : tensor<3xf32>
}

// The second update reads the first variable as it was, though one kernel may compute both.
func.func @two_updates(%x: tensor<3xf32>) -> tensor<3xf32> attributes {graph.inputs = [dense<[2.0, 2.0, 2.0]> : tensor<3xf32>], graph.expected = [dense<[2.0, 4.0, 6.0]> : tensor<3xf32>], gradient = false} {
  %v = graph.read @v : tensor<3xf32>
  %sum = graph.add %v, %x : tensor<3xf32>
  %product = graph.mul %v, %x : tensor<3xf32>
  graph.assign @v, %sum : tensor<3xf32>
  graph.assign @w, %product : tensor<3xf32>
  return %product : tensor<3xf32>
}
