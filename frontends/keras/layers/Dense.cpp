// The fully connected layer, and Identity.
#include "frontends/keras/layers/Arguments.h"
#include "frontends/keras/layers/Core.h"

namespace ingot::keras {

using namespace detail;
using mlir::Value;

namespace {

struct DenseImpl : LayerWith<DenseImpl> {
  static constexpr const char *kName = "Dense";
  static constexpr bool kMasks = true;
  int64_t units = 0;
  layers::DenseOptions options;

  static void fields(auto &self, auto &visit) {
    visit.required("units", self.units);
    visit("activation", self.options.activation);
    visit("use_bias", self.options.useBias);
    kernelFields(self.options, self.activityRegularizer, visit);
  }
  void check() const {
    if (units <= 0)
      fail("units must be positive, got " + std::to_string(units));
    checkActivation(options.activation, *this);
  }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    const Shape &x = inputs[0];
    if (x.size() < 2)
      fail("expected an input of at least 2 dimensions, (batch, features), got " + toString(x) +
           "; give the model an inputShape of one dimension or more");
    if (x.back() == None)
      fail("the last dimension of its input is not known: expected (…, features), got " +
           toString(x) +
           "; its kernel needs that number: give the Input a full shape, or put a "
           "Reshape or a GlobalAveragePooling2D before it");
    Shape result = x;
    result.back() = units;
    return activatedShape(options.activation, result, *this);
  }
  std::vector<Weight> makeWeights(const std::vector<Shape> &inputs) const override {
    std::vector<Weight> result = {kernelOf(options, {inputs[0].back(), units})};
    if (options.useBias)
      result.push_back(biasOf(options, {units}));
    return result;
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    Value x = inputs[0];
    Dims dims = dimsOf(x);
    Dim rows = Dim::constant(e.b.getContext(), 1);
    for (size_t i = 0; i + 1 < dims.size(); ++i)
      rows = rows * dims[i];
    Value matrix = graph::reshape(e.b, e.loc, x, {rows, dims.back()});
    Value product = addBias(e, *this, options.useBias,
                            e.create<graph::MatMulOp>({matrix, e.read(*this, "kernel")}));
    dims.back() = Dim::constant(e.b.getContext(), units);
    return emitActivation(e, options.activation, graph::reshape(e.b, e.loc, product, dims));
  }
};

struct IdentityImpl : LayerWith<IdentityImpl> {
  static constexpr const char *kName = "Identity";
  static constexpr bool kMasks = true;
  bool takesIntegers() const override { return true; }
  Shape resultShape(const std::vector<Shape> &inputs) const override { return inputs[0]; }
  Value emit(Emitter &, mlir::ValueRange inputs) const override { return inputs[0]; }
};

constexpr LayerClass kClasses[] = {layerClass<DenseImpl>(), layerClass<IdentityImpl>()};

} // namespace

llvm::ArrayRef<LayerClass> detail::coreLayers() { return kClasses; }

layers::Dense::Dense(int64_t units, DenseOptions options)
    : Layer(construct<DenseImpl>(options, [&](auto &layer) { layer.units = units; })) {}

layers::Identity::Identity(PlainOptions options) : Layer(construct<IdentityImpl>(options)) {}

} // namespace ingot::keras
