// Layers that change shapes: Flatten, Reshape.
#include "frontends/keras/LayerImpl.h"
#include "frontends/keras/Layers.h"

#include <algorithm>

namespace ingot::keras {

using namespace detail;
using mlir::Value;

namespace {

struct FlattenImpl : LayerImpl {
  const char *className() const override { return "Flatten"; }
  Json config() const override { return Json::object(); }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    return {inputs[0].empty() ? None : inputs[0][0], elementCount(inputs[0], 1)};
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    Dims dims = dimsOf(inputs[0]);
    Dim rest = numElements(e.b.getContext(), llvm::ArrayRef<Dim>(dims).drop_front());
    return graph::reshape(e.b, e.loc, inputs[0], {dims[0], rest});
  }
};

struct ReshapeImpl : LayerImpl {
  Shape target; // without the batch

  const char *className() const override { return "Reshape"; }
  Json config() const override { return {{"target_shape", target}}; }

  [[noreturn]] void failCount(const Shape &input, int64_t has, int64_t wants) const {
    Shape sample(input.begin() + 1, input.end());
    std::string product;
    for (int64_t extent : sample)
      product += (product.empty() ? "" : " * ") + std::to_string(extent);
    fail("cannot turn input shape " + toString(input) + ", " + product + " = " +
         std::to_string(has) + " elements a sample, into target shape " + toString(target) + ", " +
         std::to_string(wants) + " elements; use a target of " + std::to_string(has) +
         " elements, Reshape({-1}), or Flatten()");
  }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    int64_t has = elementCount(inputs[0], 1);
    auto wildcard = std::find(target.begin(), target.end(), None);
    Shape fixed = target;
    std::erase(fixed, None);
    int64_t wants = elementCount(fixed);
    Shape result = {inputs[0][0]};
    result.insert(result.end(), target.begin(), target.end());
    if (has == None) {
      if (wildcard == target.end())
        fail("the number of elements of input shape " + toString(inputs[0]) +
             " is not known, target shape " + toString(target) + " has " + std::to_string(wants) +
             "; write -1 for one extent, or give the Input a full shape");
      return result;
    }
    if (wildcard == target.end() ? has != wants : wants == 0 || has % wants != 0)
      failCount(inputs[0], has, wants);
    if (wildcard != target.end())
      result[1 + (wildcard - target.begin())] = has / wants;
    return result;
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    mlir::MLIRContext *context = e.b.getContext();
    Dims from = dimsOf(inputs[0]), to = {from[0]};
    Dim rest = numElements(context, llvm::ArrayRef<Dim>(from).drop_front());
    for (int64_t extent : target)
      if (extent != None)
        if (auto left = Dim::exactDiv(rest, Dim::constant(context, extent)))
          rest = *left;
    for (int64_t extent : target)
      to.push_back(extent == None ? rest : Dim::constant(context, extent));
    Dim before = numElements(context, from), after = numElements(context, to);
    if (!(before == after))
      fail("cannot turn " + ingot::str(from) + " into " + ingot::str(to) + ": " + before.str() +
           " and " + after.str() + " elements; let the fixed extents divide what is known");
    return graph::reshape(e.b, e.loc, inputs[0], to);
  }
};

} // namespace

layers::Flatten::Flatten(ShapingOptions options)
    : Layer(makeLayer(std::make_shared<FlattenImpl>(), options)) {}

layers::Reshape::Reshape(Shape targetShape, ShapingOptions options)
    : Layer([&] {
        auto layer = makeLayer(std::make_shared<ReshapeImpl>(), options);
        layer->target = std::move(targetShape);
        if (std::count(layer->target.begin(), layer->target.end(), None) > 1)
          layer->fail("target shape " + toString(layer->target) + " has more than one -1");
        for (int64_t extent : layer->target)
          if (extent < None || extent == 0)
            layer->fail("target shape " + toString(layer->target) +
                        " has an extent that is neither positive nor -1");
        checkBounds(*layer, "the target", layer->target, kMaxSampleElements);
        return layer;
      }()) {}

} // namespace ingot::keras
