// Cases of graph.assign.
graph.variable @v {role = "state", value = dense<[1.0, 2.0, 3.0]> : tensor<3xf32>} : tensor<3xf32>
graph.variable @w {role = "state", value = dense<[4.0, 5.0, 6.0]> : tensor<3xf32>} : tensor<3xf32>
graph.variable @q {role = "state", value = dense<[1, -2, 7, -8, 0]> : tensor<5xsi4>} : tensor<5xsi4>
graph.variable @f {role = "state", value = dense<[1.0, -2.0, 448.0]> : tensor<3xf8E4M3FN>} : tensor<3xf8E4M3FN>

// Elements that share bytes in the state.
func.func @packed() -> (tensor<5xsi4>, tensor<3xf8E4M3FN>) attributes {graph.inputs = [], graph.expected = [dense<[2, -4, -2, 0, 0]> : tensor<5xsi4>, dense<[-1.0, 2.0, -448.0]> : tensor<3xf8E4M3FN>], gradient = false} {
  %a = graph.read @q : tensor<5xsi4>
  %wide = graph.cast %a : tensor<5xsi4> to tensor<5xsi32>
  %twice = graph.add %wide, %wide : tensor<5xsi32>
  %b = graph.cast %twice : tensor<5xsi32> to tensor<5xsi4>
  graph.assign @q, %b : tensor<5xsi4>
  %c = graph.read @q : tensor<5xsi4>
  %f = graph.read @f : tensor<3xf8E4M3FN>
  %real = graph.cast %f : tensor<3xf8E4M3FN> to tensor<3xf32>
  %negative = graph.neg %real : tensor<3xf32>
  %g = graph.cast %negative : tensor<3xf32> to tensor<3xf8E4M3FN>
  graph.assign @f, %g : tensor<3xf8E4M3FN>
  return %c, %g : tensor<5xsi4>, tensor<3xf8E4M3FN>
}

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
