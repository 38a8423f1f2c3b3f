// Cases of graph.compare: predicates eq, ne, lt, le, gt, ge are 0 ... 5
func.func @eq_f32(%x: tensor<?xf32, #graph.dims<[n]>>, %y: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.compare %x, %y {predicate = 0 : i32} : (tensor<?xf32, #graph.dims<[n]>>, tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @eq_si32(%x: tensor<?xsi32, #graph.dims<[n]>>, %y: tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.compare %x, %y {predicate = 0 : i32} : (tensor<?xsi32, #graph.dims<[n]>>, tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @eq_ui8(%x: tensor<?xui8, #graph.dims<[n]>>, %y: tensor<?xui8, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.compare %x, %y {predicate = 0 : i32} : (tensor<?xui8, #graph.dims<[n]>>, tensor<?xui8, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @ne_f32(%x: tensor<?xf32, #graph.dims<[n]>>, %y: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.compare %x, %y {predicate = 1 : i32} : (tensor<?xf32, #graph.dims<[n]>>, tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @ne_si32(%x: tensor<?xsi32, #graph.dims<[n]>>, %y: tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.compare %x, %y {predicate = 1 : i32} : (tensor<?xsi32, #graph.dims<[n]>>, tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @ne_ui8(%x: tensor<?xui8, #graph.dims<[n]>>, %y: tensor<?xui8, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.compare %x, %y {predicate = 1 : i32} : (tensor<?xui8, #graph.dims<[n]>>, tensor<?xui8, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @lt_f32(%x: tensor<?xf32, #graph.dims<[n]>>, %y: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.compare %x, %y {predicate = 2 : i32} : (tensor<?xf32, #graph.dims<[n]>>, tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @lt_si32(%x: tensor<?xsi32, #graph.dims<[n]>>, %y: tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.compare %x, %y {predicate = 2 : i32} : (tensor<?xsi32, #graph.dims<[n]>>, tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @lt_ui8(%x: tensor<?xui8, #graph.dims<[n]>>, %y: tensor<?xui8, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.compare %x, %y {predicate = 2 : i32} : (tensor<?xui8, #graph.dims<[n]>>, tensor<?xui8, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @le_f32(%x: tensor<?xf32, #graph.dims<[n]>>, %y: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.compare %x, %y {predicate = 3 : i32} : (tensor<?xf32, #graph.dims<[n]>>, tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @le_si32(%x: tensor<?xsi32, #graph.dims<[n]>>, %y: tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.compare %x, %y {predicate = 3 : i32} : (tensor<?xsi32, #graph.dims<[n]>>, tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @le_ui8(%x: tensor<?xui8, #graph.dims<[n]>>, %y: tensor<?xui8, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.compare %x, %y {predicate = 3 : i32} : (tensor<?xui8, #graph.dims<[n]>>, tensor<?xui8, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @gt_f32(%x: tensor<?xf32, #graph.dims<[n]>>, %y: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.compare %x, %y {predicate = 4 : i32} : (tensor<?xf32, #graph.dims<[n]>>, tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @gt_si32(%x: tensor<?xsi32, #graph.dims<[n]>>, %y: tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.compare %x, %y {predicate = 4 : i32} : (tensor<?xsi32, #graph.dims<[n]>>, tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @gt_ui8(%x: tensor<?xui8, #graph.dims<[n]>>, %y: tensor<?xui8, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.compare %x, %y {predicate = 4 : i32} : (tensor<?xui8, #graph.dims<[n]>>, tensor<?xui8, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @ge_f32(%x: tensor<?xf32, #graph.dims<[n]>>, %y: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.compare %x, %y {predicate = 5 : i32} : (tensor<?xf32, #graph.dims<[n]>>, tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @ge_si32(%x: tensor<?xsi32, #graph.dims<[n]>>, %y: tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.compare %x, %y {predicate = 5 : i32} : (tensor<?xsi32, #graph.dims<[n]>>, tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @ge_ui8(%x: tensor<?xui8, #graph.dims<[n]>>, %y: tensor<?xui8, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.compare %x, %y {predicate = 5 : i32} : (tensor<?xui8, #graph.dims<[n]>>, tensor<?xui8, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}
