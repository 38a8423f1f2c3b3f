// Cases of graph.if.
graph.variable @v {role = "state", value = dense<[1.0, 2.0, 3.0]> : tensor<3xf32>} : tensor<3xf32>

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

// A region that reads a variable as it is before the function changes it, in another choice.
func.func @readsAVariable(%c: tensor<i1>, %d: tensor<i1>, %x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) attributes {gradient = false} {
  %v = graph.read @v : tensor<3xf32>
  %n = graph.add %v, %x : tensor<3xf32>
  %r:2 = graph.if %c : (tensor<i1>) -> (tensor<3xf32>, tensor<3xf32>) {
    %e = graph.if %d : (tensor<i1>) -> tensor<3xf32> {
      %i = graph.read @v : tensor<3xf32>
      graph.yield %i : tensor<3xf32>
    } else {
      %i = graph.mul %n, %v : tensor<3xf32>
      graph.yield %i : tensor<3xf32>
    }
    graph.yield %e, %e : tensor<3xf32>, tensor<3xf32>
  } else {
    %j = graph.read @v : tensor<3xf32>
    %k = graph.add %j, %j : tensor<3xf32>
    graph.yield %x, %k : tensor<3xf32>, tensor<3xf32>
  }
  graph.assign @v, %n : tensor<3xf32>
  return %r#0, %r#1 : tensor<3xf32>, tensor<3xf32>
}

// What a choice results in goes into a variable.
func.func @assignsItsResult(%c: tensor<i1>, %x: tensor<3xf32>) attributes {gradient = false} {
  %v = graph.read @v : tensor<3xf32>
  %r = graph.if %c : (tensor<i1>) -> tensor<3xf32> {
    %k = graph.add %v, %x : tensor<3xf32>
    graph.yield %k : tensor<3xf32>
  } else {
    graph.yield %v : tensor<3xf32>
  }
  graph.assign @v, %r : tensor<3xf32>
  return
}

func.func @strings(%c: tensor<i1>, %x: tensor<?x!text.string, #graph.dims<[n]>>, %y: tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?x!text.string, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.if %c : (tensor<i1>) -> tensor<?x!text.string, #graph.dims<[n]>> {
    %a = graph.text_concat %x, %y : (tensor<?x!text.string, #graph.dims<[n]>>, tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?x!text.string, #graph.dims<[n]>>
    graph.yield %a : tensor<?x!text.string, #graph.dims<[n]>>
  } else {
    graph.yield %x : tensor<?x!text.string, #graph.dims<[n]>>
  }
  return %r : tensor<?x!text.string, #graph.dims<[n]>>
}
