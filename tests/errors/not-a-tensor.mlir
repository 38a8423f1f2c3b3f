// error: input `input_0` of `predict` is of type f32; values of a model are ranked tensors
func.func @predict(%x: f32) -> f32 {
  return %x : f32
}
