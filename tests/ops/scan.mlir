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

// Carried values that change places, a stacked one that is carried unchanged at the same time.
func.func @rotates(%a0: tensor<3xf32>, %b0: tensor<3xf32>, %c0: tensor<3xf32>, %x: tensor<?x3xf32, #graph.dims<[n, 3]>>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<?x3xf32, #graph.dims<[n, 3]>>, tensor<?x3xf32, #graph.dims<[n, 3]>>) attributes {graph.sizes = {n = [0, 1, 2, 7]}, gradient = false} {
  %r:5 = graph.scan <[n]> carried(%a0, %b0, %c0) inputs(%x) : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<?x3xf32, #graph.dims<[n, 3]>>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<?x3xf32, #graph.dims<[n, 3]>>, tensor<?x3xf32, #graph.dims<[n, 3]>>) {
  ^bb0(%i: tensor<si64>, %a: tensor<3xf32>, %b: tensor<3xf32>, %c: tensor<3xf32>, %s: tensor<3xf32>):
    %n = graph.add %a, %s : tensor<3xf32>
    graph.yield %b, %c, %n, %b, %n : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
  }
  return %r#0, %r#1, %r#2, %r#3, %r#4 : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<?x3xf32, #graph.dims<[n, 3]>>, tensor<?x3xf32, #graph.dims<[n, 3]>>
}

// New values in place of old ones that others still need, read turned round or as they are.
func.func @oldAndNew(%h: tensor<4x4xf32>, %g: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) attributes {gradient = false} {
  %r:3 = graph.scan <[3]> carried(%h, %g, %g) inputs() : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) {
  ^bb0(%i: tensor<si64>, %a: tensor<4x4xf32>, %b: tensor<4x4xf32>, %c: tensor<4x4xf32>):
    %m = graph.neg %a : tensor<4x4xf32>
    %t = graph.transpose %m {permutation = array<i64: 1, 0>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
    %u = graph.add %a, %t : tensor<4x4xf32>
    %v = graph.mul %b, %u : tensor<4x4xf32>
    %w = graph.sub %b, %c : tensor<4x4xf32>
    graph.yield %u, %v, %w : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>
  }
  return %r#0, %r#1, %r#2 : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>
}

// A slice, a captured value, a captured constant and the position as results of the body.
func.func @yieldsWhatItDoesNotMake(%x: tensor<?x3xf32, #graph.dims<[n, 3]>>, %h: tensor<3xf32>) -> (tensor<3xf32>, tensor<?x3xf32, #graph.dims<[n, 3]>>, tensor<?xsi64, #graph.dims<[n]>>, tensor<?x2xf32, #graph.dims<[n, 2]>>) attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %k = graph.constant dense<[4.0, 5.0]> : tensor<2xf32> : tensor<2xf32>
  %e = graph.exp %h : tensor<3xf32>
  %r:4 = graph.scan <[n]> carried(%h) inputs(%x) {reverse = true} : (tensor<3xf32>, tensor<?x3xf32, #graph.dims<[n, 3]>>) -> (tensor<3xf32>, tensor<?x3xf32, #graph.dims<[n, 3]>>, tensor<?xsi64, #graph.dims<[n]>>, tensor<?x2xf32, #graph.dims<[n, 2]>>) {
  ^bb0(%i: tensor<si64>, %c: tensor<3xf32>, %s: tensor<3xf32>):
    graph.yield %s, %e, %i, %k : tensor<3xf32>, tensor<3xf32>, tensor<si64>, tensor<2xf32>
  }
  return %r#0, %r#1, %r#2, %r#3 : tensor<3xf32>, tensor<?x3xf32, #graph.dims<[n, 3]>>, tensor<?xsi64, #graph.dims<[n]>>, tensor<?x2xf32, #graph.dims<[n, 2]>>
}

// A recurrent cell over time and batch with captured weights, one of them transposed.
func.func @cell(%x: tensor<?x?x5xf32, #graph.dims<[t, n, 5]>>, %h: tensor<?x20xf32, #graph.dims<[n, 20]>>, %w: tensor<5x20xf32>, %u: tensor<20x20xf32>, %b: tensor<20xf32>) -> (tensor<?x20xf32, #graph.dims<[n, 20]>>, tensor<?x?x20xf32, #graph.dims<[t, n, 20]>>) attributes {graph.sizes = {t = [0, 1, 3], n = [0, 1, 7]}, gradient = false} {
  %r:2 = graph.scan <[t]> carried(%h) inputs(%x) : (tensor<?x20xf32, #graph.dims<[n, 20]>>, tensor<?x?x5xf32, #graph.dims<[t, n, 5]>>) -> (tensor<?x20xf32, #graph.dims<[n, 20]>>, tensor<?x?x20xf32, #graph.dims<[t, n, 20]>>) {
  ^bb0(%i: tensor<si64>, %c: tensor<?x20xf32, #graph.dims<[n, 20]>>, %s: tensor<?x5xf32, #graph.dims<[n, 5]>>):
    %xw = graph.matmul %s, %w : (tensor<?x5xf32, #graph.dims<[n, 5]>>, tensor<5x20xf32>) -> tensor<?x20xf32, #graph.dims<[n, 20]>>
    %hu = graph.matmul %c, %u {transposeRhs = true} : (tensor<?x20xf32, #graph.dims<[n, 20]>>, tensor<20x20xf32>) -> tensor<?x20xf32, #graph.dims<[n, 20]>>
    %a = graph.add %xw, %hu : tensor<?x20xf32, #graph.dims<[n, 20]>>
    %bb = graph.broadcast %b {axes = array<i64: 1>} : tensor<20xf32> to tensor<?x20xf32, #graph.dims<[n, 20]>>
    %d = graph.add %a, %bb : tensor<?x20xf32, #graph.dims<[n, 20]>>
    %e = graph.tanh %d : tensor<?x20xf32, #graph.dims<[n, 20]>>
    graph.yield %e, %e : tensor<?x20xf32, #graph.dims<[n, 20]>>, tensor<?x20xf32, #graph.dims<[n, 20]>>
  }
  return %r#0, %r#1 : tensor<?x20xf32, #graph.dims<[n, 20]>>, tensor<?x?x20xf32, #graph.dims<[t, n, 20]>>
}

// A choice and another scan inside, over values from every level.
func.func @nested(%x: tensor<?x4xf32, #graph.dims<[n, 4]>>, %y: tensor<?x4xf32, #graph.dims<[m, 4]>>, %h: tensor<4xf32>) -> (tensor<4xf32>, tensor<?x?x4xf32, #graph.dims<[n, m, 4]>>) attributes {graph.sizes = {n = [0, 1, 3], m = [0, 1, 4]}, gradient = false} {
  %zero = graph.constant dense<0.0> : tensor<f32> : tensor<f32>
  %p = graph.exp %h : tensor<4xf32>
  %r:2 = graph.scan <[n]> carried(%h) inputs(%x) : (tensor<4xf32>, tensor<?x4xf32, #graph.dims<[n, 4]>>) -> (tensor<4xf32>, tensor<?x?x4xf32, #graph.dims<[n, m, 4]>>) {
  ^bb0(%i: tensor<si64>, %c: tensor<4xf32>, %s: tensor<4xf32>):
    %q = graph.mul %c, %s : tensor<4xf32>
    %in:2 = graph.scan <[m]> carried(%q) inputs(%y) {reverse = true} : (tensor<4xf32>, tensor<?x4xf32, #graph.dims<[m, 4]>>) -> (tensor<4xf32>, tensor<?x4xf32, #graph.dims<[m, 4]>>) {
    ^bb0(%j: tensor<si64>, %d: tensor<4xf32>, %t: tensor<4xf32>):
      %u = graph.add %d, %t : tensor<4xf32>
      %sum = graph.reduce %u {axes = array<i64: 0>, kind = 0 : i32} : (tensor<4xf32>) -> tensor<f32>
      %positive = graph.compare %sum, %zero {predicate = 4 : i32} : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %v = graph.if %positive : (tensor<i1>) -> tensor<4xf32> {
        %k = graph.mul %u, %p : tensor<4xf32>
        %l = graph.tanh %k : tensor<4xf32>
        graph.yield %l : tensor<4xf32>
      } else {
        graph.yield %s : tensor<4xf32>
      }
      graph.yield %v, %u : tensor<4xf32>, tensor<4xf32>
    }
    %o = graph.add %in#0, %q : tensor<4xf32>
    graph.yield %o, %in#1 : tensor<4xf32>, tensor<?x4xf32, #graph.dims<[m, 4]>>
  }
  return %r#0, %r#1 : tensor<4xf32>, tensor<?x?x4xf32, #graph.dims<[n, m, 4]>>
}

func.func @errorInsideIsReported(%x: tensor<3xf32>, %i: tensor<2xsi32>) -> tensor<f32> attributes {graph.inputs = [dense<1.0> : tensor<3xf32>, dense<[1, 3]> : tensor<2xsi32>], graph.error = "index 3 at position 0 is outside 0 ... 2", gradient = false} {
  %z = graph.constant dense<0.0> : tensor<f32> : tensor<f32>
  %r = graph.scan <[2]> carried(%z) inputs(%i) : (tensor<f32>, tensor<2xsi32>) -> tensor<f32> {
  ^bb0(%k: tensor<si64>, %c: tensor<f32>, %j: tensor<si32>):
    %g = graph.gather %x, %j {axis = 0 : i64} : (tensor<3xf32>, tensor<si32>) -> tensor<f32>
    %s = graph.add %c, %g : tensor<f32>
    graph.yield %s : tensor<f32>
  }
  return %r : tensor<f32>
}

func.func @strings(%x: tensor<?x2x!text.string, #graph.dims<[n, 2]>>, %h: tensor<2x!text.string>) -> (tensor<2x!text.string>, tensor<?x2x!text.string, #graph.dims<[n, 2]>>) attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r:2 = graph.scan <[n]> carried(%h) inputs(%x) : (tensor<2x!text.string>, tensor<?x2x!text.string, #graph.dims<[n, 2]>>) -> (tensor<2x!text.string>, tensor<?x2x!text.string, #graph.dims<[n, 2]>>) {
  ^bb0(%i: tensor<si64>, %c: tensor<2x!text.string>, %s: tensor<2x!text.string>):
    graph.yield %s, %c : tensor<2x!text.string>, tensor<2x!text.string>
  }
  return %r#0, %r#1 : tensor<2x!text.string>, tensor<?x2x!text.string, #graph.dims<[n, 2]>>
}

// Products that are summed over iterations: of slices, and of what an iteration makes.
func.func @sumOfProducts(%x: tensor<?x4x40xf32, #graph.dims<[n, 4, 40]>>, %y: tensor<?x4x48xf32, #graph.dims<[n, 4, 48]>>, %h: tensor<4x48xf32>, %first: tensor<40x48xf32>) -> (tensor<4x48xf32>, tensor<40x48xf32>) attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r:2 = graph.scan <[n]> carried(%h, %first) inputs(%x, %y) {reverse = true} : (tensor<4x48xf32>, tensor<40x48xf32>, tensor<?x4x40xf32, #graph.dims<[n, 4, 40]>>, tensor<?x4x48xf32, #graph.dims<[n, 4, 48]>>) -> (tensor<4x48xf32>, tensor<40x48xf32>) {
  ^bb0(%i: tensor<si64>, %c: tensor<4x48xf32>, %sum: tensor<40x48xf32>, %a: tensor<4x40xf32>, %b: tensor<4x48xf32>):
    %next = graph.sub %b, %c : tensor<4x48xf32>
    %p = graph.matmul %a, %next {transposeLhs = true} : (tensor<4x40xf32>, tensor<4x48xf32>) -> tensor<40x48xf32>
    %q = graph.matmul %a, %b {transposeLhs = true} : (tensor<4x40xf32>, tensor<4x48xf32>) -> tensor<40x48xf32>
    %both = graph.add %p, %q : tensor<40x48xf32>
    %more = graph.add %sum, %both : tensor<40x48xf32>
    graph.yield %next, %more : tensor<4x48xf32>, tensor<40x48xf32>
  }
  return %r#0, %r#1 : tensor<4x48xf32>, tensor<40x48xf32>
}
