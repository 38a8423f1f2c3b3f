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

func.func @fibonacci(%limit: tensor<si64>) -> (tensor<si64>, tensor<si64>) attributes {graph.inputs = [dense<100> : tensor<si64>], graph.expected = [dense<89> : tensor<si64>, dense<144> : tensor<si64>], gradient = false} {
  %zero = graph.constant dense<0> : tensor<si64> : tensor<si64>
  %one = graph.constant dense<1> : tensor<si64> : tensor<si64>
  %r:2 = graph.while(%zero, %one) : (tensor<si64>, tensor<si64>) -> (tensor<si64>, tensor<si64>) {
  ^bb0(%a: tensor<si64>, %b: tensor<si64>):
    %c = graph.compare %b, %limit {predicate = 2 : i32} : (tensor<si64>, tensor<si64>) -> tensor<i1>
    graph.yield %c : tensor<i1>
  } do {
  ^bb0(%a: tensor<si64>, %b: tensor<si64>):
    %s = graph.add %a, %b : tensor<si64>
    graph.yield %b, %s : tensor<si64>, tensor<si64>
  }
  return %r#0, %r#1 : tensor<si64>, tensor<si64>
}

// The condition itself is carried; a choice and a loop inside swap what is carried.
func.func @nested(%x: tensor<6xf32>, %y: tensor<6xf32>) -> (tensor<6xf32>, tensor<6xf32>, tensor<si32>) attributes {gradient = false} {
  %zero = graph.constant dense<0> : tensor<si32> : tensor<si32>
  %one = graph.constant dense<1> : tensor<si32> : tensor<si32>
  %five = graph.constant dense<5> : tensor<si32> : tensor<si32>
  %yes = graph.constant dense<true> : tensor<i1> : tensor<i1>
  %r:4 = graph.while(%yes, %x, %y, %zero) : (tensor<i1>, tensor<6xf32>, tensor<6xf32>, tensor<si32>) -> (tensor<i1>, tensor<6xf32>, tensor<6xf32>, tensor<si32>) {
  ^bb0(%go: tensor<i1>, %a: tensor<6xf32>, %b: tensor<6xf32>, %k: tensor<si32>):
    graph.yield %go : tensor<i1>
  } do {
  ^bb0(%go: tensor<i1>, %a: tensor<6xf32>, %b: tensor<6xf32>, %k: tensor<si32>):
    %next = graph.add %k, %one : tensor<si32>
    %more = graph.compare %next, %five {predicate = 2 : i32} : (tensor<si32>, tensor<si32>) -> tensor<i1>
    %s:2 = graph.scan <[3]> carried(%a, %b) inputs() : (tensor<6xf32>, tensor<6xf32>) -> (tensor<6xf32>, tensor<6xf32>) {
    ^bb0(%i: tensor<si64>, %c: tensor<6xf32>, %d: tensor<6xf32>):
      graph.yield %d, %c : tensor<6xf32>, tensor<6xf32>
    }
    %t:2 = graph.if %more : (tensor<i1>) -> (tensor<6xf32>, tensor<6xf32>) {
      %e = graph.sub %s#0, %b : tensor<6xf32>
      %f = graph.add %e, %x : tensor<6xf32>
      graph.yield %f, %f : tensor<6xf32>, tensor<6xf32>
    } else {
      graph.yield %b, %s#1 : tensor<6xf32>, tensor<6xf32>
    }
    graph.yield %more, %t#0, %a, %next : tensor<i1>, tensor<6xf32>, tensor<6xf32>, tensor<si32>
  }
  return %r#1, %r#2, %r#3 : tensor<6xf32>, tensor<6xf32>, tensor<si32>
}

func.func @strings(%x: tensor<!text.string>, %y: tensor<!text.string>) -> (tensor<!text.string>, tensor<si32>) attributes {graph.inputs = [dense<"a"> : tensor<!text.string>, dense<"abbb"> : tensor<!text.string>], graph.expected = [dense<"abbb"> : tensor<!text.string>, dense<3> : tensor<si32>], gradient = false} {
  %zero = graph.constant dense<0> : tensor<si32> : tensor<si32>
  %one = graph.constant dense<1> : tensor<si32> : tensor<si32>
  %b = graph.constant dense<"b"> : tensor<!text.string> : tensor<!text.string>
  %r:2 = graph.while(%x, %zero) : (tensor<!text.string>, tensor<si32>) -> (tensor<!text.string>, tensor<si32>) {
  ^bb0(%a: tensor<!text.string>, %k: tensor<si32>):
    %e = graph.text_equal %a, %y : (tensor<!text.string>, tensor<!text.string>) -> tensor<i1>
    %c = graph.not %e : tensor<i1>
    graph.yield %c : tensor<i1>
  } do {
  ^bb0(%a: tensor<!text.string>, %k: tensor<si32>):
    %n = graph.text_concat %a, %b : (tensor<!text.string>, tensor<!text.string>) -> tensor<!text.string>
    %next = graph.add %k, %one : tensor<si32>
    graph.yield %n, %next : tensor<!text.string>, tensor<si32>
  }
  return %r#0, %r#1 : tensor<!text.string>, tensor<si32>
}
