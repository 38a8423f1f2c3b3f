// A layer's arguments, described once: `fields` names each by Keras's key, and configs are written
// and read by that description. Every family's .cpp builds its layers and its table with it.
//
//   struct LeakyReLUImpl : LayerWith<LeakyReLUImpl> {
//     static constexpr const char *kName = "LeakyReLU";
//     layers::LeakyReLUOptions options;
//     static void fields(auto &self, auto &visit) {
//       visit("negative_slope", self.options.negativeSlope);
//     }
//     void check() const;
//     …
#pragma once
#include "frontends/keras/LayerImpl.h"
#include "frontends/keras/layers/Options.h"

namespace ingot::keras::detail {

Json argumentToJson(bool value);
Json argumentToJson(int64_t value);
Json argumentToJson(double value);
Json argumentToJson(const std::string &value);
Json argumentToJson(const Shape &value);
Json argumentToJson(const std::vector<double> &value);
Json argumentToJson(const Initializer &value);
Json argumentToJson(const Regularizer &value);
Json argumentToJson(const Constraint &value);
Json argumentToJson(const layers::Ends &value);
Json argumentToJson(const layers::Axes &value);
Json argumentToJson(const layers::Numbers &value);
Json argumentToJson(const layers::Factor &value);
Json argumentToJson(const layers::ValueRange &value);
/// Extents, null where they are None.
Json argumentToJson(const std::optional<Shape> &value);
template <int N> Json argumentToJson(const layers::Size<N> &value) {
  return Json(std::vector<int64_t>(value.values.begin(), value.values.end()));
}
template <int N> Json argumentToJson(const layers::Margins<N> &value) {
  if constexpr (N == 1)
    return argumentToJson(value.values[0]);
  Json list = Json::array();
  for (const layers::Ends &ends : value.values)
    list.push_back(argumentToJson(ends));
  return list;
}
template <typename T> Json argumentToJson(const std::optional<T> &value) {
  return value ? argumentToJson(*value) : Json(nullptr);
}

/// Each throws keras::Error, naming the key, for what is no such value.
void argumentFromJson(const Json &json, const std::string &key, bool &value);
void argumentFromJson(const Json &json, const std::string &key, int64_t &value);
void argumentFromJson(const Json &json, const std::string &key, double &value);
void argumentFromJson(const Json &json, const std::string &key, std::string &value);
void argumentFromJson(const Json &json, const std::string &key, Shape &value);
void argumentFromJson(const Json &json, const std::string &key, std::vector<double> &value);
void argumentFromJson(const Json &json, const std::string &key, Initializer &value);
void argumentFromJson(const Json &json, const std::string &key, Regularizer &value);
void argumentFromJson(const Json &json, const std::string &key, Constraint &value);
void argumentFromJson(const Json &json, const std::string &key, layers::Ends &value);
void argumentFromJson(const Json &json, const std::string &key, layers::Axes &value);
void argumentFromJson(const Json &json, const std::string &key, layers::Numbers &value);
void argumentFromJson(const Json &json, const std::string &key, layers::Factor &value);
void argumentFromJson(const Json &json, const std::string &key, layers::ValueRange &value);
void argumentFromJson(const Json &json, const std::string &key, std::optional<Shape> &value);
template <typename T>
void argumentFromJson(const Json &json, const std::string &key, std::optional<T> &value) {
  T given{};
  argumentFromJson(json, key, given);
  value = std::move(given);
}
/// A number, or a list of `count`.
std::vector<int64_t> sizesFromJson(const Json &json, const std::string &key, size_t count);
template <int N>
void argumentFromJson(const Json &json, const std::string &key, layers::Size<N> &value) {
  std::vector<int64_t> values = sizesFromJson(json, key, N);
  std::copy(values.begin(), values.end(), value.values.begin());
}
template <int N>
void argumentFromJson(const Json &json, const std::string &key,
                      std::optional<layers::Size<N>> &value) {
  layers::Size<N> given = 1;
  argumentFromJson(json, key, given);
  value = given;
}
/// Ends of `count` dimensions: a number for all, or a list.
std::vector<layers::Ends> endsFromJson(const Json &json, const std::string &key, size_t count);
template <int N>
void argumentFromJson(const Json &json, const std::string &key, layers::Margins<N> &value) {
  std::vector<layers::Ends> values = endsFromJson(json, key, N);
  std::copy(values.begin(), values.end(), value.values.begin());
}

struct ConfigWriter {
  Json config = Json::object();
  template <typename T> void operator()(const char *key, const T &value) {
    config[key] = argumentToJson(value);
  }
  template <typename T> void required(const char *key, const T &value) { (*this)(key, value); }
  void only(const char *key, const Json &value, const char *) { config[key] = value; }
  template <typename T> void former(const char *, const T &) {}
  void axis(const char *key, int64_t value) { (*this)(key, value); }
};

/// null, Keras's None, leaves what the argument is without it.
struct ConfigReader {
  const LayerImpl &layer;
  const Json &config;
  template <typename T> void operator()(const char *key, T &value) {
    if (config.contains(key) && !config[key].is_null())
      argumentFromJson(config[key], key, value);
  }
  template <typename T> void required(const char *key, T &value) {
    if (!config.contains(key))
      layer.fail(std::string("its config has no '") + key + "'");
    argumentFromJson(config[key], key, value);
  }
  /// An axis, which files of Keras 2 have as a list of one.
  void axis(const char *key, int64_t &value);
  /// An argument of which one value is supported; `remedy` says what to do about others.
  void only(const char *key, const Json &value, const char *remedy);
  /// The key of an argument in files of Keras 2, which is read and not written.
  template <typename T> void former(const char *key, T &value) { (*this)(key, value); }
};

/// A layer that is described by `fields`; see above. `check` throws for arguments that can never be
/// right. Base: what several layers have in common.
template <typename Impl, typename Base = LayerImpl> struct LayerWith : Base {
  const char *className() const override { return Impl::kName; }
  /// kMasks: its result has its input's mask.
  bool supportsMasking() const override {
    if constexpr (requires { Impl::kMasks; })
      return Impl::kMasks;
    else
      return Base::supportsMasking();
  }
  Json config() const override {
    ConfigWriter writer;
    Impl::fields(static_cast<const Impl &>(*this), writer);
    return std::move(writer.config);
  }
  /// kInFloat32: whatever its dtype policy, which is its result's.
  bool computesInFloat32() const override {
    if constexpr (requires { Impl::kInFloat32; })
      return Impl::kInFloat32;
    else
      return Base::computesInFloat32();
  }
  static void fields(auto &, auto &) {}
  void check() const {
    if constexpr (requires(const Base &base) { base.check(); })
      Base::check();
  }
};

/// The same for layers whose result has the shape of their one input.
template <typename Impl> struct SameShapeLayer : LayerWith<Impl> {
  Shape resultShape(const std::vector<Shape> &inputs) const override { return inputs[0]; }
};

/// A layer from its constructor's arguments; `fill` takes those that are no options.
template <typename Impl, typename Options, typename Fill>
std::shared_ptr<Impl> construct(const Options &options, Fill fill) {
  auto layer = makeLayer(std::make_shared<Impl>(), options);
  if constexpr (requires { layer->options = options; })
    layer->options = options;
  if constexpr (requires { options.activityRegularizer; })
    layer->activityRegularizer = options.activityRegularizer;
  fill(*layer);
  layer->check();
  return layer;
}
template <typename Impl, typename Options> std::shared_ptr<Impl> construct(const Options &options) {
  return construct<Impl>(options, [](Impl &) {});
}

/// A layer from its config. The name comes first, so that messages carry it.
template <typename Impl> std::shared_ptr<LayerImpl> fromConfig(const Json &config) {
  layers::PlainOptions options;
  auto take = [&](const char *key, auto &value) {
    if (config.contains(key) && !config[key].is_null())
      argumentFromJson(config[key], key, value);
  };
  take("name", options.name);
  take("trainable", options.trainable);
  auto layer = makeLayer(std::make_shared<Impl>(), options);
  ConfigReader reader{*layer, config};
  Impl::fields(*layer, reader);
  layer->check();
  return layer;
}

/// A class that configs may name.
struct LayerClass {
  const char *name;
  std::shared_ptr<LayerImpl> (*make)(const Json &config);
};
template <typename Impl> constexpr LayerClass layerClass() {
  return {Impl::kName, fromConfig<Impl>};
}
/// One of three names, for layers of one, two and three spatial dimensions.
template <int N> constexpr const char *byRank(const char *one, const char *two, const char *three) {
  return N == 1 ? one : N == 2 ? two : three;
}

// Each family's table, in the .cpp of its name.
llvm::ArrayRef<LayerClass> activationLayers();
llvm::ArrayRef<LayerClass> attentionLayers();
llvm::ArrayRef<LayerClass> cellLayers();
llvm::ArrayRef<LayerClass> augmentationLayers();
llvm::ArrayRef<LayerClass> convLSTMLayers();
llvm::ArrayRef<LayerClass> convolutionLayers();
llvm::ArrayRef<LayerClass> coreLayers();
llvm::ArrayRef<LayerClass> einsumLayers();
llvm::ArrayRef<LayerClass> embeddingLayers();
llvm::ArrayRef<LayerClass> headLayers();
llvm::ArrayRef<LayerClass> mergingLayers();
llvm::ArrayRef<LayerClass> normalizationLayers();
llvm::ArrayRef<LayerClass> poolingLayers();
llvm::ArrayRef<LayerClass> preprocessingLayers();
llvm::ArrayRef<LayerClass> regularizationLayers();
llvm::ArrayRef<LayerClass> recurrentLayers();
llvm::ArrayRef<LayerClass> reshapingLayers();
llvm::ArrayRef<LayerClass> wrapperLayers();

/// Throws unless it is from 1 to kMaxExtent.
void checkPositive(const LayerImpl &layer, const char *what, int64_t value);
/// Throws unless it is a fraction to drop, from 0 to below 1.
void checkRate(const LayerImpl &layer, const char *what, double rate);
/// Throws unless it is one of these; `what` is "fill mode".
void checkOneOf(const LayerImpl &layer, const char *what, const std::string &value,
                const std::vector<std::string> &known);

// Kernels and biases of layers whose options have Keras's names for them.

/// kernel_initializer … bias_constraint, in Keras's order.
void kernelFields(auto &options, auto &activityRegularizer, auto &visit) {
  visit("kernel_initializer", options.kernelInitializer);
  visit("bias_initializer", options.biasInitializer);
  visit("kernel_regularizer", options.kernelRegularizer);
  visit("bias_regularizer", options.biasRegularizer);
  visit("activity_regularizer", activityRegularizer);
  visit("kernel_constraint", options.kernelConstraint);
  visit("bias_constraint", options.biasConstraint);
}
template <typename Options> Weight kernelOf(const Options &o, Shape shape) {
  return {"kernel", std::move(shape),    o.kernelInitializer,
          true,     o.kernelRegularizer, o.kernelConstraint};
}
template <typename Options> Weight biasOf(const Options &o, Shape shape) {
  return {"bias", std::move(shape), o.biasInitializer, true, o.biasRegularizer, o.biasConstraint};
}
/// y plus the layer's weight `bias`, if it has one.
mlir::Value addBias(Emitter &e, const LayerImpl &layer, bool useBias, mlir::Value y);

/// An axis of a tensor of this shape, counted from 0; throws, naming `what`, when there is none.
int64_t positiveAxis(const LayerImpl &layer, const char *what, int64_t axis, const Shape &shape);
/// All of them, increasing and each once.
std::vector<int64_t> positiveAxes(const LayerImpl &layer, const char *what,
                                  const layers::Axes &axes, const Shape &shape);

} // namespace ingot::keras::detail
