// Cases of graph.cast.
func.func @f32_to_f64(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf64, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xf64, #graph.dims<[n]>>
  return %r : tensor<?xf64, #graph.dims<[n]>>
}

func.func @f64_to_f32(%x: tensor<?xf64, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.cast %x : tensor<?xf64, #graph.dims<[n]>> to tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @f32_to_si32(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-300.0, 300.0]}) -> tensor<?xsi32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xsi32, #graph.dims<[n]>>
  return %r : tensor<?xsi32, #graph.dims<[n]>>
}

func.func @f32_to_ui8(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-300.0, 300.0]}) -> tensor<?xui8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xui8, #graph.dims<[n]>>
  return %r : tensor<?xui8, #graph.dims<[n]>>
}

func.func @f32_to_si8(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-300.0, 300.0]}) -> tensor<?xsi8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xsi8, #graph.dims<[n]>>
  return %r : tensor<?xsi8, #graph.dims<[n]>>
}

func.func @si32_to_f32(%x: tensor<?xsi32, #graph.dims<[n]>> {graph.domain = [-1000000, 1000000]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xsi32, #graph.dims<[n]>> to tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @ui8_to_f32(%x: tensor<?xui8, #graph.dims<[n]>> {graph.domain = [0, 255]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xui8, #graph.dims<[n]>> to tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @si32_to_si8(%x: tensor<?xsi32, #graph.dims<[n]>> {graph.domain = [-1000, 1000]}) -> tensor<?xsi8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xsi32, #graph.dims<[n]>> to tensor<?xsi8, #graph.dims<[n]>>
  return %r : tensor<?xsi8, #graph.dims<[n]>>
}

func.func @si8_to_si64(%x: tensor<?xsi8, #graph.dims<[n]>> {graph.domain = [-128, 127]}) -> tensor<?xsi64, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xsi8, #graph.dims<[n]>> to tensor<?xsi64, #graph.dims<[n]>>
  return %r : tensor<?xsi64, #graph.dims<[n]>>
}

func.func @ui8_to_si32(%x: tensor<?xui8, #graph.dims<[n]>> {graph.domain = [0, 255]}) -> tensor<?xsi32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xui8, #graph.dims<[n]>> to tensor<?xsi32, #graph.dims<[n]>>
  return %r : tensor<?xsi32, #graph.dims<[n]>>
}

func.func @i1_to_f32(%x: tensor<?xi1, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xi1, #graph.dims<[n]>> to tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @f32_to_i1(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @f32_to_f16(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf16, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xf16, #graph.dims<[n]>>
  return %r : tensor<?xf16, #graph.dims<[n]>>
}

func.func @f32_to_bf16(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xbf16, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xbf16, #graph.dims<[n]>>
  return %r : tensor<?xbf16, #graph.dims<[n]>>
}

func.func @saturates(%x: tensor<5xf32>) -> tensor<5xsi8> attributes {graph.inputs = [dense<[1000.0, -1000.0, 0x7FC00000, -1.9, 0x7F800000]> : tensor<5xf32>], graph.expected = [dense<[127, -128, 0, -1, 127]> : tensor<5xsi8>], gradient = false} {
  %r = graph.cast %x : tensor<5xf32> to tensor<5xsi8>
  return %r : tensor<5xsi8>
}

func.func @f32_to_f8E4M3FN(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-500.0, 500.0]}) -> tensor<?xf8E4M3FN, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xf8E4M3FN, #graph.dims<[n]>>
  return %r : tensor<?xf8E4M3FN, #graph.dims<[n]>>
}

func.func @f32_to_f8E4M3FN_unsaturated(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-500.0, 500.0]}) -> tensor<?xf8E4M3FN, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x {saturate = false} : tensor<?xf32, #graph.dims<[n]>> to tensor<?xf8E4M3FN, #graph.dims<[n]>>
  return %r : tensor<?xf8E4M3FN, #graph.dims<[n]>>
}

func.func @f8E4M3FN_to_f32(%x: tensor<?xf8E4M3FN, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf8E4M3FN, #graph.dims<[n]>> to tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @f64_to_f8E4M3FN(%x: tensor<?xf64, #graph.dims<[n]>>) -> tensor<?xf8E4M3FN, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf64, #graph.dims<[n]>> to tensor<?xf8E4M3FN, #graph.dims<[n]>>
  return %r : tensor<?xf8E4M3FN, #graph.dims<[n]>>
}

func.func @f8E4M3FN_to_f16(%x: tensor<?xf8E4M3FN, #graph.dims<[n]>>) -> tensor<?xf16, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf8E4M3FN, #graph.dims<[n]>> to tensor<?xf16, #graph.dims<[n]>>
  return %r : tensor<?xf16, #graph.dims<[n]>>
}

func.func @f32_to_f8E4M3FNUZ(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-500.0, 500.0]}) -> tensor<?xf8E4M3FNUZ, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xf8E4M3FNUZ, #graph.dims<[n]>>
  return %r : tensor<?xf8E4M3FNUZ, #graph.dims<[n]>>
}

func.func @f32_to_f8E4M3FNUZ_unsaturated(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-500.0, 500.0]}) -> tensor<?xf8E4M3FNUZ, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x {saturate = false} : tensor<?xf32, #graph.dims<[n]>> to tensor<?xf8E4M3FNUZ, #graph.dims<[n]>>
  return %r : tensor<?xf8E4M3FNUZ, #graph.dims<[n]>>
}

func.func @f8E4M3FNUZ_to_f32(%x: tensor<?xf8E4M3FNUZ, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf8E4M3FNUZ, #graph.dims<[n]>> to tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @f64_to_f8E4M3FNUZ(%x: tensor<?xf64, #graph.dims<[n]>>) -> tensor<?xf8E4M3FNUZ, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf64, #graph.dims<[n]>> to tensor<?xf8E4M3FNUZ, #graph.dims<[n]>>
  return %r : tensor<?xf8E4M3FNUZ, #graph.dims<[n]>>
}

func.func @f8E4M3FNUZ_to_f16(%x: tensor<?xf8E4M3FNUZ, #graph.dims<[n]>>) -> tensor<?xf16, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf8E4M3FNUZ, #graph.dims<[n]>> to tensor<?xf16, #graph.dims<[n]>>
  return %r : tensor<?xf16, #graph.dims<[n]>>
}

func.func @f32_to_f8E5M2(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-500.0, 500.0]}) -> tensor<?xf8E5M2, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xf8E5M2, #graph.dims<[n]>>
  return %r : tensor<?xf8E5M2, #graph.dims<[n]>>
}

func.func @f32_to_f8E5M2_unsaturated(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-500.0, 500.0]}) -> tensor<?xf8E5M2, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x {saturate = false} : tensor<?xf32, #graph.dims<[n]>> to tensor<?xf8E5M2, #graph.dims<[n]>>
  return %r : tensor<?xf8E5M2, #graph.dims<[n]>>
}

func.func @f8E5M2_to_f32(%x: tensor<?xf8E5M2, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf8E5M2, #graph.dims<[n]>> to tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @f64_to_f8E5M2(%x: tensor<?xf64, #graph.dims<[n]>>) -> tensor<?xf8E5M2, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf64, #graph.dims<[n]>> to tensor<?xf8E5M2, #graph.dims<[n]>>
  return %r : tensor<?xf8E5M2, #graph.dims<[n]>>
}

func.func @f8E5M2_to_f16(%x: tensor<?xf8E5M2, #graph.dims<[n]>>) -> tensor<?xf16, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf8E5M2, #graph.dims<[n]>> to tensor<?xf16, #graph.dims<[n]>>
  return %r : tensor<?xf16, #graph.dims<[n]>>
}

func.func @f32_to_f8E5M2FNUZ(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-500.0, 500.0]}) -> tensor<?xf8E5M2FNUZ, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xf8E5M2FNUZ, #graph.dims<[n]>>
  return %r : tensor<?xf8E5M2FNUZ, #graph.dims<[n]>>
}

func.func @f32_to_f8E5M2FNUZ_unsaturated(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-500.0, 500.0]}) -> tensor<?xf8E5M2FNUZ, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x {saturate = false} : tensor<?xf32, #graph.dims<[n]>> to tensor<?xf8E5M2FNUZ, #graph.dims<[n]>>
  return %r : tensor<?xf8E5M2FNUZ, #graph.dims<[n]>>
}

func.func @f8E5M2FNUZ_to_f32(%x: tensor<?xf8E5M2FNUZ, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf8E5M2FNUZ, #graph.dims<[n]>> to tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @f64_to_f8E5M2FNUZ(%x: tensor<?xf64, #graph.dims<[n]>>) -> tensor<?xf8E5M2FNUZ, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf64, #graph.dims<[n]>> to tensor<?xf8E5M2FNUZ, #graph.dims<[n]>>
  return %r : tensor<?xf8E5M2FNUZ, #graph.dims<[n]>>
}

func.func @f8E5M2FNUZ_to_f16(%x: tensor<?xf8E5M2FNUZ, #graph.dims<[n]>>) -> tensor<?xf16, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf8E5M2FNUZ, #graph.dims<[n]>> to tensor<?xf16, #graph.dims<[n]>>
  return %r : tensor<?xf16, #graph.dims<[n]>>
}

func.func @f32_to_f4(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-8.0, 8.0]}) -> tensor<?xf4E2M1FN, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xf4E2M1FN, #graph.dims<[n]>>
  return %r : tensor<?xf4E2M1FN, #graph.dims<[n]>>
}

func.func @f16_to_f8E5M2(%x: tensor<?xf16, #graph.dims<[n]>> {graph.domain = [-60000.0, 60000.0]}) -> tensor<?xf8E5M2, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf16, #graph.dims<[n]>> to tensor<?xf8E5M2, #graph.dims<[n]>>
  return %r : tensor<?xf8E5M2, #graph.dims<[n]>>
}

func.func @bf16_to_f8E4M3FN(%x: tensor<?xbf16, #graph.dims<[n]>>) -> tensor<?xf8E4M3FN, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xbf16, #graph.dims<[n]>> to tensor<?xf8E4M3FN, #graph.dims<[n]>>
  return %r : tensor<?xf8E4M3FN, #graph.dims<[n]>>
}

func.func @f16_to_bf16(%x: tensor<?xf16, #graph.dims<[n]>>) -> tensor<?xbf16, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf16, #graph.dims<[n]>> to tensor<?xbf16, #graph.dims<[n]>>
  return %r : tensor<?xbf16, #graph.dims<[n]>>
}

func.func @si64_to_f8E4M3FN(%x: tensor<?xsi64, #graph.dims<[n]>> {graph.domain = [-500, 500]}) -> tensor<?xf8E4M3FN, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xsi64, #graph.dims<[n]>> to tensor<?xf8E4M3FN, #graph.dims<[n]>>
  return %r : tensor<?xf8E4M3FN, #graph.dims<[n]>>
}

func.func @f8E4M3FN_to_f8E5M2(%x: tensor<?xf8E4M3FN, #graph.dims<[n]>>) -> tensor<?xf8E5M2, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf8E4M3FN, #graph.dims<[n]>> to tensor<?xf8E5M2, #graph.dims<[n]>>
  return %r : tensor<?xf8E5M2, #graph.dims<[n]>>
}

func.func @f8E5M2_to_si8(%x: tensor<?xf8E5M2, #graph.dims<[n]>> {graph.domain = [-300.0, 300.0]}) -> tensor<?xsi8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf8E5M2, #graph.dims<[n]>> to tensor<?xsi8, #graph.dims<[n]>>
  return %r : tensor<?xsi8, #graph.dims<[n]>>
}

func.func @f8E5M2_to_i1(%x: tensor<?xf8E5M2, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf8E5M2, #graph.dims<[n]>> to tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @f32_to_f8E8M0_up(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [0.0, 10.0]}) -> tensor<?xf8E8M0FNU, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x {roundMode = 0 : i32} : tensor<?xf32, #graph.dims<[n]>> to tensor<?xf8E8M0FNU, #graph.dims<[n]>>
  return %r : tensor<?xf8E8M0FNU, #graph.dims<[n]>>
}

func.func @f32_to_f8E8M0_up_unsaturated(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [0.0, 10.0]}) -> tensor<?xf8E8M0FNU, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x {roundMode = 0 : i32, saturate = false} : tensor<?xf32, #graph.dims<[n]>> to tensor<?xf8E8M0FNU, #graph.dims<[n]>>
  return %r : tensor<?xf8E8M0FNU, #graph.dims<[n]>>
}

func.func @f64_to_f8E8M0_up(%x: tensor<?xf64, #graph.dims<[n]>> {graph.domain = [0.0, 10.0]}) -> tensor<?xf8E8M0FNU, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x {roundMode = 0 : i32} : tensor<?xf64, #graph.dims<[n]>> to tensor<?xf8E8M0FNU, #graph.dims<[n]>>
  return %r : tensor<?xf8E8M0FNU, #graph.dims<[n]>>
}

func.func @f32_to_f8E8M0_down(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [0.0, 10.0]}) -> tensor<?xf8E8M0FNU, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x {roundMode = 1 : i32} : tensor<?xf32, #graph.dims<[n]>> to tensor<?xf8E8M0FNU, #graph.dims<[n]>>
  return %r : tensor<?xf8E8M0FNU, #graph.dims<[n]>>
}

func.func @f32_to_f8E8M0_down_unsaturated(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [0.0, 10.0]}) -> tensor<?xf8E8M0FNU, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x {roundMode = 1 : i32, saturate = false} : tensor<?xf32, #graph.dims<[n]>> to tensor<?xf8E8M0FNU, #graph.dims<[n]>>
  return %r : tensor<?xf8E8M0FNU, #graph.dims<[n]>>
}

func.func @f64_to_f8E8M0_down(%x: tensor<?xf64, #graph.dims<[n]>> {graph.domain = [0.0, 10.0]}) -> tensor<?xf8E8M0FNU, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x {roundMode = 1 : i32} : tensor<?xf64, #graph.dims<[n]>> to tensor<?xf8E8M0FNU, #graph.dims<[n]>>
  return %r : tensor<?xf8E8M0FNU, #graph.dims<[n]>>
}

func.func @f32_to_f8E8M0_nearest(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [0.0, 10.0]}) -> tensor<?xf8E8M0FNU, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x {roundMode = 2 : i32} : tensor<?xf32, #graph.dims<[n]>> to tensor<?xf8E8M0FNU, #graph.dims<[n]>>
  return %r : tensor<?xf8E8M0FNU, #graph.dims<[n]>>
}

func.func @f32_to_f8E8M0_nearest_unsaturated(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [0.0, 10.0]}) -> tensor<?xf8E8M0FNU, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x {roundMode = 2 : i32, saturate = false} : tensor<?xf32, #graph.dims<[n]>> to tensor<?xf8E8M0FNU, #graph.dims<[n]>>
  return %r : tensor<?xf8E8M0FNU, #graph.dims<[n]>>
}

func.func @f64_to_f8E8M0_nearest(%x: tensor<?xf64, #graph.dims<[n]>> {graph.domain = [0.0, 10.0]}) -> tensor<?xf8E8M0FNU, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x {roundMode = 2 : i32} : tensor<?xf64, #graph.dims<[n]>> to tensor<?xf8E8M0FNU, #graph.dims<[n]>>
  return %r : tensor<?xf8E8M0FNU, #graph.dims<[n]>>
}

func.func @f32_to_si4(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-12.0, 12.0]}) -> tensor<?xsi4, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xsi4, #graph.dims<[n]>>
  return %r : tensor<?xsi4, #graph.dims<[n]>>
}

func.func @f32_to_ui4(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-5.0, 20.0]}) -> tensor<?xui4, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xui4, #graph.dims<[n]>>
  return %r : tensor<?xui4, #graph.dims<[n]>>
}

func.func @f32_to_si2(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-3.0, 3.0]}) -> tensor<?xsi2, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xsi2, #graph.dims<[n]>>
  return %r : tensor<?xsi2, #graph.dims<[n]>>
}

func.func @f32_to_ui2(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-3.0, 5.0]}) -> tensor<?xui2, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xui2, #graph.dims<[n]>>
  return %r : tensor<?xui2, #graph.dims<[n]>>
}

func.func @si32_to_si4(%x: tensor<?xsi32, #graph.dims<[n]>> {graph.domain = [-30, 30]}) -> tensor<?xsi4, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xsi32, #graph.dims<[n]>> to tensor<?xsi4, #graph.dims<[n]>>
  return %r : tensor<?xsi4, #graph.dims<[n]>>
}

func.func @si32_to_ui2(%x: tensor<?xsi32, #graph.dims<[n]>> {graph.domain = [-30, 30]}) -> tensor<?xui2, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xsi32, #graph.dims<[n]>> to tensor<?xui2, #graph.dims<[n]>>
  return %r : tensor<?xui2, #graph.dims<[n]>>
}

func.func @si4_to_f32(%x: tensor<5xsi4>) -> tensor<5xf32> attributes {graph.inputs = [dense<[-8, -1, 0, 1, 7]> : tensor<5xsi4>], graph.expected = [dense<[-8.0, -1.0, 0.0, 1.0, 7.0]> : tensor<5xf32>], gradient = false} {
  %r = graph.cast %x : tensor<5xsi4> to tensor<5xf32>
  return %r : tensor<5xf32>
}

func.func @ui4_to_si32(%x: tensor<7xui4>) -> tensor<7xsi32> attributes {graph.inputs = [dense<[0, 1, 8, 15, 9, 2, 3]> : tensor<7xui4>], graph.expected = [dense<[0, 1, 8, 15, 9, 2, 3]> : tensor<7xsi32>], gradient = false} {
  %r = graph.cast %x : tensor<7xui4> to tensor<7xsi32>
  return %r : tensor<7xsi32>
}

func.func @si2_to_si64(%x: tensor<5xsi2>) -> tensor<5xsi64> attributes {graph.inputs = [dense<[-2, -1, 0, 1, 1]> : tensor<5xsi2>], graph.expected = [dense<[-2, -1, 0, 1, 1]> : tensor<5xsi64>], gradient = false} {
  %r = graph.cast %x : tensor<5xsi2> to tensor<5xsi64>
  return %r : tensor<5xsi64>
}

func.func @ui2_to_f16(%x: tensor<9xui2>) -> tensor<9xf16> attributes {graph.inputs = [dense<[3, 2, 0, 1, 3, 1, 2, 2, 3]> : tensor<9xui2>], graph.expected = [dense<[3.0, 2.0, 0.0, 1.0, 3.0, 1.0, 2.0, 2.0, 3.0]> : tensor<9xf16>], gradient = false} {
  %r = graph.cast %x : tensor<9xui2> to tensor<9xf16>
  return %r : tensor<9xf16>
}

func.func @si4_to_ui4(%x: tensor<5xsi4>) -> tensor<5xui4> attributes {graph.inputs = [dense<[-8, -1, 0, 1, 7]> : tensor<5xsi4>], graph.expected = [dense<[8, 15, 0, 1, 7]> : tensor<5xui4>], gradient = false} {
  %r = graph.cast %x : tensor<5xsi4> to tensor<5xui4>
  return %r : tensor<5xui4>
}

func.func @ui4_to_si2(%x: tensor<5xui4>) -> tensor<5xsi2> attributes {graph.inputs = [dense<[0, 1, 2, 3, 14]> : tensor<5xui4>], graph.expected = [dense<[0, 1, -2, -1, -2]> : tensor<5xsi2>], gradient = false} {
  %r = graph.cast %x : tensor<5xui4> to tensor<5xsi2>
  return %r : tensor<5xsi2>
}

func.func @f4_to_f32(%x: tensor<7xf4E2M1FN>) -> tensor<7xf32> attributes {graph.inputs = [dense<[0.0, 0.5, 1.5, -6.0, 4.0, -0.5, 3.0]> : tensor<7xf4E2M1FN>], graph.expected = [dense<[0.0, 0.5, 1.5, -6.0, 4.0, -0.5, 3.0]> : tensor<7xf32>], gradient = false} {
  %r = graph.cast %x : tensor<7xf4E2M1FN> to tensor<7xf32>
  return %r : tensor<7xf32>
}

func.func @f8E8M0_to_f32(%x: tensor<5xf8E8M0FNU>) -> tensor<5xf32> attributes {graph.inputs = [dense<[0x00, 0x01, 0x7F, 0xFE, 0xFF]> : tensor<5xf8E8M0FNU>], graph.expected = [dense<[0x00400000, 0x00800000, 1.0, 0x7F000000, 0x7FC00000]> : tensor<5xf32>], gradient = false} {
  %r = graph.cast %x : tensor<5xf8E8M0FNU> to tensor<5xf32>
  return %r : tensor<5xf32>
}

func.func @saturates_f8E4M3FN(%x: tensor<7xf32>) -> tensor<7xf8E4M3FN> attributes {graph.inputs = [dense<[448.0, 464.0, 465.0, 0xFF800000, 0x7FC00000, 0.0009765625, 0.00097656256]> : tensor<7xf32>], graph.expected = [dense<[0x7E, 0x7E, 0x7E, 0xFE, 0x7F, 0x00, 0x01]> : tensor<7xf8E4M3FN>], gradient = false} {
  %r = graph.cast %x : tensor<7xf32> to tensor<7xf8E4M3FN>
  return %r : tensor<7xf8E4M3FN>
}

func.func @leaves_f8E4M3FN(%x: tensor<5xf32>) -> tensor<5xf8E4M3FN> attributes {graph.inputs = [dense<[448.0, 464.0, 464.00003, 0xFF800000, 1.0e9]> : tensor<5xf32>], graph.expected = [dense<[0x7E, 0x7E, 0x7F, 0xFF, 0x7F]> : tensor<5xf8E4M3FN>], gradient = false} {
  %r = graph.cast %x {saturate = false} : tensor<5xf32> to tensor<5xf8E4M3FN>
  return %r : tensor<5xf8E4M3FN>
}

func.func @leaves_f8E5M2FNUZ(%x: tensor<5xf32>) -> tensor<5xf8E5M2FNUZ> attributes {graph.inputs = [dense<[57344.0, 61439.0, 61440.0, -0.0, -1.0e-20]> : tensor<5xf32>], graph.expected = [dense<[0x7F, 0x7F, 0x80, 0x00, 0x00]> : tensor<5xf8E5M2FNUZ>], gradient = false} {
  %r = graph.cast %x {saturate = false} : tensor<5xf32> to tensor<5xf8E5M2FNUZ>
  return %r : tensor<5xf8E5M2FNUZ>
}
