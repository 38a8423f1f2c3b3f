// Layers of several inputs: Concatenate, Add.
#include "frontends/keras/LayerImpl.h"
#include "frontends/keras/Layers.h"

namespace ingot::keras {

using namespace detail;
using mlir::Value;

namespace {

std::string listShapes(const std::vector<Shape> &shapes) {
  std::string text;
  for (const Shape &shape : shapes)
    text += (text.empty() ? "" : ", ") + toString(shape);
  return text;
}

struct ConcatenateImpl : LayerImpl {
  int64_t axis = -1;

  const char *className() const override { return "Concatenate"; }
  Json config() const override { return {{"axis", axis}}; }
  bool takesSeveral() const override { return true; }
  int64_t positiveAxis(int64_t rank) const { return axis < 0 ? axis + rank : axis; }

  Shape resultShape(const std::vector<Shape> &inputs) const override {
    Shape result = inputs[0];
    int64_t rank = result.size(), along = positiveAxis(rank);
    if (along < 0 || along >= rank)
      fail("axis " + std::to_string(axis) + " does not exist in input shape " +
           toString(inputs[0]));
    if (along == 0)
      fail("cannot concatenate along the batch; use axis -1");
    for (size_t i = 1; i < inputs.size(); ++i) {
      const Shape &x = inputs[i];
      bool fits = x.size() == result.size();
      for (int64_t d = 0; fits && d < rank; ++d)
        fits = d == along || x[d] == result[d] || x[d] == None || result[d] == None;
      if (!fits)
        fail("inputs " + listShapes(inputs) + " must agree in every dimension except axis " +
             std::to_string(axis) + ": " + toString(inputs[0]) + " and " + toString(x) +
             " do not; bring them to one shape first, or choose another axis");
      bool unknown = result[along] == None || x[along] == None;
      result[along] = unknown ? None : result[along] + x[along];
    }
    return result;
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    int64_t along = positiveAxis(graph::rankOf(inputs[0]));
    return e.create<graph::ConcatOp>(inputs, {e.named("axis", e.b.getI64IntegerAttr(along))});
  }
};

struct AddImpl : LayerImpl {
  const char *className() const override { return "Add"; }
  Json config() const override { return Json::object(); }
  bool takesSeveral() const override { return true; }

  Shape resultShape(const std::vector<Shape> &inputs) const override {
    if (inputs.size() < 2)
      fail("adds two tensors or more, got " + std::to_string(inputs.size()));
    Shape result = inputs[0];
    for (const Shape &x : inputs) {
      bool fits = x.size() == result.size();
      for (size_t d = 0; fits && d < x.size(); ++d) {
        int64_t &extent = result[d];
        if (extent == 1 || (extent == None && x[d] != 1))
          extent = x[d];
        fits = x[d] == 1 || x[d] == None || x[d] == extent;
      }
      if (!fits)
        fail("inputs " + listShapes(inputs) + " must have one shape: " + toString(inputs[0]) +
             " and " + toString(x) +
             " do not fit; bring both to the same number of channels first (a Conv2D with a 1x1 "
             "kernel, or a Dense)");
    }
    return result;
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    graph::Expr result = e.expr(inputs[0]);
    for (Value x : inputs.drop_front()) {
      if (mlir::failed(graph::broadcastDims(result.dims(), dimsOf(x))))
        fail("inputs " + ingot::str(result.dims()) + " and " + ingot::str(dimsOf(x)) +
             " may differ when running; give the Inputs full shapes");
      result = result + e.expr(x);
    }
    return result;
  }
};

} // namespace

layers::Concatenate::Concatenate(ConcatenateOptions options)
    : Layer([&] {
        auto layer = makeLayer(std::make_shared<ConcatenateImpl>(), options);
        layer->axis = options.axis;
        return layer;
      }()) {}

layers::Add::Add(MergeOptions options) : Layer(makeLayer(std::make_shared<AddImpl>(), options)) {}

Tensor layers::concatenate(const std::vector<Tensor> &inputs, ConcatenateOptions options) {
  return Concatenate(std::move(options))(inputs);
}

Tensor layers::add(const std::vector<Tensor> &inputs, MergeOptions options) {
  return Add(std::move(options))(inputs);
}

} // namespace ingot::keras
