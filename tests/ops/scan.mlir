// Cases of graph.scan: a recurrence c = c * w + x that stacks c * w.
func.func @recurrence(%x: tensor<?x2xf32, #graph.dims<[n, 2]>>, %h: tensor<2xf32>, %w: tensor<2xf32>) -> (tensor<2xf32>, tensor<?x2xf32, #graph.dims<[n, 2]>>) attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r:2 = graph.scan <[n]> carried(%h) inputs(%x) : (tensor<2xf32>, tensor<?x2xf32, #graph.dims<[n, 2]>>) -> (tensor<2xf32>, tensor<?x2xf32, #graph.dims<[n, 2]>>) {
  ^bb0(%i: tensor<si64>, %c: tensor<2xf32>, %s: tensor<2xf32>):
    %a = graph.mul %c, %w : tensor<2xf32>
    %b = graph.add %a, %s : tensor<2xf32>
    graph.yield %b, %a : tensor<2xf32>, tensor<2xf32>
  }
  return %r#0, %r#1 : tensor<2xf32>, tensor<?x2xf32, #graph.dims<[n, 2]>>
}

func.func @reversed(%x: tensor<?x2xf32, #graph.dims<[n, 2]>>, %h: tensor<2xf32>, %w: tensor<2xf32>) -> (tensor<2xf32>, tensor<?x2xf32, #graph.dims<[n, 2]>>) attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r:2 = graph.scan <[n]> carried(%h) inputs(%x) {reverse = true} : (tensor<2xf32>, tensor<?x2xf32, #graph.dims<[n, 2]>>) -> (tensor<2xf32>, tensor<?x2xf32, #graph.dims<[n, 2]>>) {
  ^bb0(%i: tensor<si64>, %c: tensor<2xf32>, %s: tensor<2xf32>):
    %a = graph.mul %c, %w : tensor<2xf32>
    %b = graph.add %a, %s : tensor<2xf32>
    graph.yield %b, %a : tensor<2xf32>, tensor<2xf32>
  }
  return %r#0, %r#1 : tensor<2xf32>, tensor<?x2xf32, #graph.dims<[n, 2]>>
}

func.func @golden(%x: tensor<?x2xf32, #graph.dims<[n, 2]>>, %h: tensor<2xf32>, %w: tensor<2xf32>) -> (tensor<2xf32>, tensor<?x2xf32, #graph.dims<[n, 2]>>) attributes {graph.inputs = [dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>, dense<[5.0, 6.0]> : tensor<2xf32>, dense<[10.0, 2.0]> : tensor<2xf32>], graph.expected = [dense<[513.0, 32.0]> : tensor<2xf32>, dense<[[50.0, 12.0], [510.0, 28.0]]> : tensor<2x2xf32>], gradient = false} {
  %r:2 = graph.scan <[n]> carried(%h) inputs(%x) : (tensor<2xf32>, tensor<?x2xf32, #graph.dims<[n, 2]>>) -> (tensor<2xf32>, tensor<?x2xf32, #graph.dims<[n, 2]>>) {
  ^bb0(%i: tensor<si64>, %c: tensor<2xf32>, %s: tensor<2xf32>):
    %a = graph.mul %c, %w : tensor<2xf32>
    %b = graph.add %a, %s : tensor<2xf32>
    graph.yield %b, %a : tensor<2xf32>, tensor<2xf32>
  }
  return %r#0, %r#1 : tensor<2xf32>, tensor<?x2xf32, #graph.dims<[n, 2]>>
}

func.func @goldenReversed(%x: tensor<?x2xf32, #graph.dims<[n, 2]>>, %h: tensor<2xf32>, %w: tensor<2xf32>) -> (tensor<2xf32>, tensor<?x2xf32, #graph.dims<[n, 2]>>) attributes {graph.inputs = [dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>, dense<[5.0, 6.0]> : tensor<2xf32>, dense<[10.0, 2.0]> : tensor<2xf32>], graph.expected = [dense<[531.0, 34.0]> : tensor<2xf32>, dense<[[530.0, 32.0], [50.0, 12.0]]> : tensor<2x2xf32>], gradient = false} {
  %r:2 = graph.scan <[n]> carried(%h) inputs(%x) {reverse = true} : (tensor<2xf32>, tensor<?x2xf32, #graph.dims<[n, 2]>>) -> (tensor<2xf32>, tensor<?x2xf32, #graph.dims<[n, 2]>>) {
  ^bb0(%i: tensor<si64>, %c: tensor<2xf32>, %s: tensor<2xf32>):
    %a = graph.mul %c, %w : tensor<2xf32>
    %b = graph.add %a, %s : tensor<2xf32>
    graph.yield %b, %a : tensor<2xf32>, tensor<2xf32>
  }
  return %r#0, %r#1 : tensor<2xf32>, tensor<?x2xf32, #graph.dims<[n, 2]>>
}

func.func @positionsAndNoInputs(%s: tensor<si64>) -> (tensor<si64>, tensor<4xsi64>) attributes {graph.inputs = [dense<100> : tensor<si64>], graph.expected = [dense<106> : tensor<si64>, dense<[100, 101, 103, 106]> : tensor<4xsi64>], gradient = false} {
  %r:2 = graph.scan <[4]> carried(%s) inputs() : (tensor<si64>) -> (tensor<si64>, tensor<4xsi64>) {
  ^bb0(%i: tensor<si64>, %c: tensor<si64>):
    %a = graph.add %c, %i : tensor<si64>
    graph.yield %a, %a : tensor<si64>, tensor<si64>
  }
  return %r#0, %r#1 : tensor<si64>, tensor<4xsi64>
}
