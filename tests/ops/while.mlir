// Cases of graph.while.
func.func @doublesUntilLarge(%x: tensor<f32>, %limit: tensor<f32>) -> (tensor<f32>, tensor<si32>) attributes {graph.inputs = [dense<3.0> : tensor<f32>, dense<40.0> : tensor<f32>], graph.expected = [dense<48.0> : tensor<f32>, dense<4> : tensor<si32>], gradient = false} {
  %zero = graph.constant dense<0> : tensor<si32> : tensor<si32>
  %one = graph.constant dense<1> : tensor<si32> : tensor<si32>
  %r:2 = graph.while(%x, %zero) : (tensor<f32>, tensor<si32>) -> (tensor<f32>, tensor<si32>) {
  ^bb0(%a: tensor<f32>, %k: tensor<si32>):
    %c = graph.compare %a, %limit {predicate = 2 : i32} : (tensor<f32>, tensor<f32>) -> tensor<i1>
    graph.yield %c : tensor<i1>
  } do {
  ^bb0(%a: tensor<f32>, %k: tensor<si32>):
    %b = graph.add %a, %a : tensor<f32>
    %next = graph.add %k, %one : tensor<si32>
    graph.yield %b, %next : tensor<f32>, tensor<si32>
  }
  return %r#0, %r#1 : tensor<f32>, tensor<si32>
}

func.func @neverRuns(%x: tensor<f32>) -> tensor<f32> attributes {gradient = false} {
  %no = graph.constant dense<false> : tensor<i1> : tensor<i1>
  %r = graph.while(%x) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%a: tensor<f32>):
    graph.yield %no : tensor<i1>
  } do {
  ^bb0(%a: tensor<f32>):
    %b = graph.add %a, %a : tensor<f32>
    graph.yield %b : tensor<f32>
  }
  return %r : tensor<f32>
}
