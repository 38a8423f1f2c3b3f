// Cases of graph.reduce: kinds sum, prod, max, min are 0 ... 3
func.func @sum_f32_1(%x: tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.reduce %x {axes = array<i64: 1>, kind = 0 : i32} : (tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @sum_f32_02(%x: tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<5xf32> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.reduce %x {axes = array<i64: 0, 2>, kind = 0 : i32} : (tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<5xf32>
  return %r : tensor<5xf32>
}

func.func @sum_f32_012(%x: tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<f32> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.reduce %x {axes = array<i64: 0, 1, 2>, kind = 0 : i32} : (tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<f32>
  return %r : tensor<f32>
}

func.func @sum_si32_1(%x: tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xsi32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.reduce %x {axes = array<i64: 1>, kind = 0 : i32} : (tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xsi32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xsi32, #graph.dims<[n, 3]>>
}

func.func @sum_si32_02(%x: tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<5xsi32> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.reduce %x {axes = array<i64: 0, 2>, kind = 0 : i32} : (tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<5xsi32>
  return %r : tensor<5xsi32>
}

func.func @sum_si32_012(%x: tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<si32> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.reduce %x {axes = array<i64: 0, 1, 2>, kind = 0 : i32} : (tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<si32>
  return %r : tensor<si32>
}

func.func @sum_ui8_1(%x: tensor<?x5x3xui8, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xui8, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.reduce %x {axes = array<i64: 1>, kind = 0 : i32} : (tensor<?x5x3xui8, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xui8, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xui8, #graph.dims<[n, 3]>>
}

func.func @prod_f32_1(%x: tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>> {graph.domain = [0.5, 1.5]}) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.reduce %x {axes = array<i64: 1>, kind = 1 : i32} : (tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @prod_f32_02(%x: tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>> {graph.domain = [0.5, 1.5]}) -> tensor<5xf32> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.reduce %x {axes = array<i64: 0, 2>, kind = 1 : i32} : (tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<5xf32>
  return %r : tensor<5xf32>
}

func.func @prod_f32_012(%x: tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>> {graph.domain = [0.5, 1.5]}) -> tensor<f32> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.reduce %x {axes = array<i64: 0, 1, 2>, kind = 1 : i32} : (tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<f32>
  return %r : tensor<f32>
}

func.func @prod_si32_1(%x: tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xsi32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.reduce %x {axes = array<i64: 1>, kind = 1 : i32} : (tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xsi32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xsi32, #graph.dims<[n, 3]>>
}

func.func @prod_si32_02(%x: tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<5xsi32> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.reduce %x {axes = array<i64: 0, 2>, kind = 1 : i32} : (tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<5xsi32>
  return %r : tensor<5xsi32>
}

func.func @prod_si32_012(%x: tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<si32> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.reduce %x {axes = array<i64: 0, 1, 2>, kind = 1 : i32} : (tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<si32>
  return %r : tensor<si32>
}

func.func @prod_ui8_1(%x: tensor<?x5x3xui8, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xui8, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.reduce %x {axes = array<i64: 1>, kind = 1 : i32} : (tensor<?x5x3xui8, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xui8, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xui8, #graph.dims<[n, 3]>>
}

func.func @max_f32_1(%x: tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.reduce %x {axes = array<i64: 1>, kind = 2 : i32} : (tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @max_f32_02(%x: tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<5xf32> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.reduce %x {axes = array<i64: 0, 2>, kind = 2 : i32} : (tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<5xf32>
  return %r : tensor<5xf32>
}

func.func @max_f32_012(%x: tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<f32> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.reduce %x {axes = array<i64: 0, 1, 2>, kind = 2 : i32} : (tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<f32>
  return %r : tensor<f32>
}

func.func @max_si32_1(%x: tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xsi32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.reduce %x {axes = array<i64: 1>, kind = 2 : i32} : (tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xsi32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xsi32, #graph.dims<[n, 3]>>
}

func.func @max_si32_02(%x: tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<5xsi32> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.reduce %x {axes = array<i64: 0, 2>, kind = 2 : i32} : (tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<5xsi32>
  return %r : tensor<5xsi32>
}

func.func @max_si32_012(%x: tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<si32> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.reduce %x {axes = array<i64: 0, 1, 2>, kind = 2 : i32} : (tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<si32>
  return %r : tensor<si32>
}

func.func @max_ui8_1(%x: tensor<?x5x3xui8, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xui8, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.reduce %x {axes = array<i64: 1>, kind = 2 : i32} : (tensor<?x5x3xui8, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xui8, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xui8, #graph.dims<[n, 3]>>
}

func.func @min_f32_1(%x: tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.reduce %x {axes = array<i64: 1>, kind = 3 : i32} : (tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @min_f32_02(%x: tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<5xf32> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.reduce %x {axes = array<i64: 0, 2>, kind = 3 : i32} : (tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<5xf32>
  return %r : tensor<5xf32>
}

func.func @min_f32_012(%x: tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<f32> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.reduce %x {axes = array<i64: 0, 1, 2>, kind = 3 : i32} : (tensor<?x5x3xf32, #graph.dims<[n, 5, 3]>>) -> tensor<f32>
  return %r : tensor<f32>
}

func.func @min_si32_1(%x: tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xsi32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.reduce %x {axes = array<i64: 1>, kind = 3 : i32} : (tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xsi32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xsi32, #graph.dims<[n, 3]>>
}

func.func @min_si32_02(%x: tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<5xsi32> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.reduce %x {axes = array<i64: 0, 2>, kind = 3 : i32} : (tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<5xsi32>
  return %r : tensor<5xsi32>
}

func.func @min_si32_012(%x: tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<si32> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.reduce %x {axes = array<i64: 0, 1, 2>, kind = 3 : i32} : (tensor<?x5x3xsi32, #graph.dims<[n, 5, 3]>>) -> tensor<si32>
  return %r : tensor<si32>
}

func.func @min_ui8_1(%x: tensor<?x5x3xui8, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xui8, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.reduce %x {axes = array<i64: 1>, kind = 3 : i32} : (tensor<?x5x3xui8, #graph.dims<[n, 5, 3]>>) -> tensor<?x3xui8, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xui8, #graph.dims<[n, 3]>>
}

func.func @productWithAZero(%x: tensor<2x3xf32>) -> tensor<2xf32> attributes {graph.inputs = [dense<[[2.0, 0.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>]} {
  %r = graph.reduce %x {axes = array<i64: 1>, kind = 1 : i32} : (tensor<2x3xf32>) -> tensor<2xf32>
  return %r : tensor<2xf32>
}

func.func @productWithTwoZeros(%x: tensor<2x3xf32>) -> tensor<2xf32> attributes {graph.inputs = [dense<[[0.0, 0.0, 3.0], [0.0, 5.0, 0.0]]> : tensor<2x3xf32>]} {
  %r = graph.reduce %x {axes = array<i64: 1>, kind = 1 : i32} : (tensor<2x3xf32>) -> tensor<2xf32>
  return %r : tensor<2xf32>
}

func.func @sumOfHalves(%x: tensor<?x700xf16, #graph.dims<[n, 700]>>) -> tensor<?xf16, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.reduce %x {axes = array<i64: 1>, kind = 0 : i32} : (tensor<?x700xf16, #graph.dims<[n, 700]>>) -> tensor<?xf16, #graph.dims<[n]>>
  return %r : tensor<?xf16, #graph.dims<[n]>>
}

func.func @maximumOfBrains(%x: tensor<?x70xbf16, #graph.dims<[n, 70]>>) -> tensor<?xbf16, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7]}} {
  %r = graph.reduce %x {axes = array<i64: 1>, kind = 2 : i32} : (tensor<?x70xbf16, #graph.dims<[n, 70]>>) -> tensor<?xbf16, #graph.dims<[n]>>
  return %r : tensor<?xbf16, #graph.dims<[n]>>
}

// Shared by the threads of a block on a GPU.
func.func @longRows(%x: tensor<?x516xf32, #graph.dims<[n, 516]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [1, 3]}, gradient = false} {
  %r = graph.reduce %x {axes = array<i64: 1>, kind = 0 : i32} : (tensor<?x516xf32, #graph.dims<[n, 516]>>) -> tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

// Shared by the threads of a block on a GPU.
func.func @longColumns(%x: tensor<?x40xf32, #graph.dims<[n, 40]>>) -> tensor<40xf32> attributes {graph.sizes = {n = [0, 1, 200]}, gradient = false} {
  %r = graph.reduce %x {axes = array<i64: 0>, kind = 0 : i32} : (tensor<?x40xf32, #graph.dims<[n, 40]>>) -> tensor<40xf32>
  return %r : tensor<40xf32>
}

// Shared by the threads of a block on a GPU.
func.func @longColumnsOfSlices(%x: tensor<?x150x33xf32, #graph.dims<[n, 150, 33]>>) -> tensor<?x33xf32, #graph.dims<[n, 33]>> attributes {graph.sizes = {n = [1, 2]}, gradient = false} {
  %r = graph.reduce %x {axes = array<i64: 1>, kind = 0 : i32} : (tensor<?x150x33xf32, #graph.dims<[n, 150, 33]>>) -> tensor<?x33xf32, #graph.dims<[n, 33]>>
  return %r : tensor<?x33xf32, #graph.dims<[n, 33]>>
}
