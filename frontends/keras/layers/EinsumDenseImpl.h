// EinsumDense behind its handle: attention layers project with it.
#pragma once
#include "frontends/keras/layers/Arguments.h"
#include "frontends/keras/layers/EinsumDense.h"

namespace ingot::keras::detail {

struct EinsumDenseImpl final : LayerWith<EinsumDenseImpl> {
  static constexpr const char *kName = "EinsumDense";
  std::string equation;
  std::optional<Shape> outputShape = Shape();
  layers::EinsumDenseOptions options;

  static void fields(auto &self, auto &visit) {
    visit.required("equation", self.equation);
    visit.required("output_shape", self.outputShape);
    visit("activation", self.options.activation);
    visit("bias_axes", self.options.biasAxes);
    kernelFields(self.options, self.activityRegularizer, visit);
  }
  void check() const;
  Shape resultShape(const std::vector<Shape> &inputs) const override;
  std::vector<Weight> makeWeights(const std::vector<Shape> &inputs) const override;
  mlir::Value emit(Emitter &e, mlir::ValueRange inputs) const override;

private:
  /// The equation for an input: dimensions by their letters; those that the ellipsis stands for are
  /// -1, -2, …
  struct Terms {
    std::vector<int> input, kernel, result;
    bool isLeft = false; ///< the ellipsis comes first
    int64_t hidden = 0;  ///< how many dimensions it stands for
  };
  Terms termsFor(const Shape &input) const;
};

} // namespace ingot::keras::detail
