// Cases of graph.if.
func.func @choosesAndCaptures(%c: tensor<i1>, %x: tensor<?xf32, #graph.dims<[n]>>, %y: tensor<?xf32, #graph.dims<[n]>>) -> (tensor<?xf32, #graph.dims<[n]>>, tensor<f32>) attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r:2 = graph.if %c : (tensor<i1>) -> (tensor<?xf32, #graph.dims<[n]>>, tensor<f32>) {
    %a = graph.mul %x, %y : tensor<?xf32, #graph.dims<[n]>>
    %s = graph.reduce %a {axes = array<i64: 0>, kind = 0 : i32} : (tensor<?xf32, #graph.dims<[n]>>) -> tensor<f32>
    graph.yield %a, %s : tensor<?xf32, #graph.dims<[n]>>, tensor<f32>
  } else {
    %one = graph.constant dense<1.0> : tensor<f32> : tensor<f32>
    graph.yield %x, %one : tensor<?xf32, #graph.dims<[n]>>, tensor<f32>
  }
  return %r#0, %r#1 : tensor<?xf32, #graph.dims<[n]>>, tensor<f32>
}

func.func @holds(%c: tensor<i1>, %x: tensor<f32>) -> tensor<f32> attributes {graph.inputs = [dense<true> : tensor<i1>, dense<3.0> : tensor<f32>], graph.expected = [dense<-3.0> : tensor<f32>], gradient = false} {
  %r = graph.if %c : (tensor<i1>) -> tensor<f32> {
    %a = graph.neg %x : tensor<f32>
    graph.yield %a : tensor<f32>
  } else {
    graph.yield %x : tensor<f32>
  }
  return %r : tensor<f32>
}

func.func @doesNotHold(%c: tensor<i1>, %x: tensor<f32>) -> tensor<f32> attributes {graph.inputs = [dense<false> : tensor<i1>, dense<3.0> : tensor<f32>], graph.expected = [dense<3.0> : tensor<f32>], gradient = false} {
  %r = graph.if %c : (tensor<i1>) -> tensor<f32> {
    %a = graph.neg %x : tensor<f32>
    graph.yield %a : tensor<f32>
  } else {
    graph.yield %x : tensor<f32>
  }
  return %r : tensor<f32>
}

func.func @errorInsideIsReported(%c: tensor<i1>, %x: tensor<2xf32>, %i: tensor<si32>) -> tensor<f32> attributes {graph.inputs = [dense<true> : tensor<i1>, dense<3.0> : tensor<2xf32>, dense<2> : tensor<si32>], graph.error = "index 2 at position 0 is outside 0 ... 1", gradient = false} {
  %r = graph.if %c : (tensor<i1>) -> tensor<f32> {
    %a = graph.gather %x, %i {axis = 0 : i64} : (tensor<2xf32>, tensor<si32>) -> tensor<f32>
    graph.yield %a : tensor<f32>
  } else {
    %one = graph.constant dense<1.0> : tensor<f32> : tensor<f32>
    graph.yield %one : tensor<f32>
  }
  return %r : tensor<f32>
}
