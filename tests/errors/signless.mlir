// Integers are signed or unsigned.
// error: input `input_0` of `predict` has elements of i32; there are bool (i1), si2 to si64
func.func @predict(%x: tensor<2xi32>) -> tensor<2xi32> {
  return %x : tensor<2xi32>
}
