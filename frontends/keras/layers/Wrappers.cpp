// TimeDistributed and Bidirectional; see Wrappers.h.
#include "frontends/keras/layers/Wrappers.h"
#include "frontends/keras/layers/Nested.h"
#include "frontends/keras/layers/RecurrentImpl.h"

namespace ingot::keras {

namespace detail {

using graph::Expr;
using mlir::Value;

Json layerToJson(const LayerImpl &layer) {
  return {{"class_name", layer.className()}, {"config", layerConfig(layer)}};
}

std::shared_ptr<LayerImpl> layerFromJson(const LayerImpl &outer, const Json &json) {
  if (!json.is_object() || !json.contains("class_name") || !json.contains("config"))
    outer.fail("its config has no layer where one is expected");
  return layerFromConfig(json["class_name"].get<std::string>(), json["config"]);
}

namespace {

struct TimeDistributedImpl final : LayerWith<TimeDistributedImpl> {
  static constexpr const char *kName = "TimeDistributed";
  static constexpr bool kMasks = true;
  std::shared_ptr<LayerImpl> layer;

  Json config() const override { return {{"layer", layerToJson(*layer)}}; }
  bool takesSeveral() const override { return true; }
  bool takesIntegers() const override { return true; }
  bool convertsInputs() const override { return false; }
  std::vector<std::shared_ptr<LayerImpl>> sublayers() const override { return {layer}; }

  /// What a step is for the layer.
  std::vector<TensorSpec> steps(const std::vector<TensorSpec> &inputs) const {
    std::vector<TensorSpec> result = inputs;
    for (TensorSpec &step : result) {
      if (step.shape.size() < 3)
        fail("expected an input of at least 3 dimensions, (batch, time, …), got " +
             toString(step.shape) + "; use the layer itself where there is no time");
      step.shape.erase(step.shape.begin() + 1);
    }
    return result;
  }
  void buildSublayers(const std::vector<TensorSpec> &inputs) override {
    build(*layer, steps(inputs));
  }
  std::vector<TensorSpec> results(const std::vector<TensorSpec> &inputs) const override {
    std::vector<TensorSpec> result = layer->results(steps(inputs));
    for (TensorSpec &each : result)
      each.shape.insert(each.shape.begin() + 1, inputs[0].shape[1]);
    return result;
  }
  /// Whether training assigns some of its weights, one step after another.
  bool hasStatistics() const {
    return llvm::any_of(weightsOf(*layer),
                        [](const WeightRef &ref) { return !ref.weight->trainable; });
  }
  llvm::SmallVector<Value> stepByStep(Emitter &e, mlir::ValueRange inputs,
                                      const CallOptions &options) const;
  llvm::SmallVector<Value> emitAll(Emitter &e, mlir::ValueRange inputs,
                                   const CallOptions &options) const override {
    Dims outer = dimsOf(inputs[0]);
    outer.resize(2);
    llvm::SmallVector<Value> operands;
    for (Value x : inputs) {
      Dims dims = dimsOf(x);
      dims.erase(dims.begin());
      dims[0] = outer[0] * outer[1];
      operands.push_back(graph::reshape(e.b, e.loc, x, dims));
    }
    if (e.training && hasStatistics() && outer[1].isStatic())
      return stepByStep(e, inputs, options);
    llvm::SmallVector<Value> results = e.call(*layer, operands, options, e.callIndex);
    for (Value &result : results) {
      Dims dims = dimsOf(result);
      dims[0] = outer[1];
      dims.insert(dims.begin(), outer[0]);
      result = graph::reshape(e.b, e.loc, result, dims);
    }
    return results;
  }
};

llvm::SmallVector<Value> TimeDistributedImpl::stepByStep(Emitter &e, mlir::ValueRange inputs,
                                                         const CallOptions &options) const {
  mlir::MLIRContext *context = e.b.getContext();
  Dim zero = Dim::constant(context, 0), one = Dim::constant(context, 1);
  std::vector<graph::Values> steps;
  for (int64_t at = 0; at < dimsOf(inputs[0])[1].value(); ++at) {
    llvm::SmallVector<Value> operands;
    for (Value x : inputs) {
      Dims dims = dimsOf(x), starts(dims.size(), zero);
      starts[1] = Dim::constant(context, at);
      dims[1] = one;
      Value step = graph::slice(e.b, e.loc, x, starts, dims);
      dims.erase(dims.begin() + 1);
      operands.push_back(graph::reshape(e.b, e.loc, step, dims));
    }
    auto made = e.call(*layer, operands, options, e.callIndex);
    steps.resize(made.size());
    for (auto [all, result] : llvm::zip(steps, made)) {
      Dims dims = dimsOf(result);
      dims.insert(dims.begin() + 1, one);
      all.push_back(graph::reshape(e.b, e.loc, result, dims));
    }
  }
  return llvm::map_to_vector(
      steps, [&](const graph::Values &all) { return graph::concat(e.b, e.loc, all, 1); });
}

struct BidirectionalImpl final : LayerWith<BidirectionalImpl> {
  static constexpr const char *kName = "Bidirectional";
  std::optional<std::string> mergeMode = "concat";
  std::shared_ptr<RecurrentImpl> forward, backward;

  Json config() const override {
    return {{"merge_mode", mergeMode ? Json(*mergeMode) : Json(nullptr)},
            {"layer", layerToJson(*forward)},
            {"backward_layer", layerToJson(*backward)},
            {"activity_regularizer", toJson(activityRegularizer)}};
  }
  void check() const;
  void setLayers(const std::shared_ptr<LayerImpl> &layer,
                 const std::shared_ptr<LayerImpl> &backwardLayer);
  std::shared_ptr<RecurrentImpl> recreated(const LayerImpl &layer, const std::string &prefix,
                                           bool goesBackwards) const;
  bool takesSeveral() const override { return true; }
  bool convertsInputs() const override { return false; }
  bool supportsMasking() const override { return forward->modes.returnSequences; }
  std::vector<std::shared_ptr<LayerImpl>> sublayers() const override { return {forward, backward}; }
  /// The sequence and the states of one of both.
  template <typename T> std::vector<T> inputsOf(llvm::ArrayRef<T> inputs, bool isBackward) const {
    std::vector<T> own = {inputs[0]};
    llvm::ArrayRef<T> states = inputs.drop_front();
    llvm::append_range(own, isBackward ? states.drop_front(states.size() / 2)
                                       : states.take_front(states.size() / 2));
    return own;
  }
  void buildSublayers(const std::vector<TensorSpec> &inputs) override {
    if (inputs.size() % 2 == 0)
      fail("takes a sequence, then the states of one direction and as many of the other; got " +
           std::to_string(inputs.size() - 1) + " states");
    build(*forward, inputsOf(llvm::ArrayRef(inputs), false));
    build(*backward, inputsOf(llvm::ArrayRef(inputs), true));
  }
  std::vector<TensorSpec> results(const std::vector<TensorSpec> &inputs) const override;
  llvm::SmallVector<Value> emitAll(Emitter &e, mlir::ValueRange inputs,
                                   const CallOptions &options) const override;
  /// A sequence in the order of the steps, whichever way its layer goes.
  static Value inOrder(Emitter &e, const RecurrentImpl &layer, Value result);
  llvm::SmallVector<Value> merged(Emitter &e, Value there, Value back) const;
};

void BidirectionalImpl::check() const {
  for (const char *known : {"concat", "sum", "mul", "ave"})
    if (!mergeMode || *mergeMode == known)
      return;
  fail("mergeMode '" + *mergeMode + "' is not known; use 'concat', 'sum', 'mul', 'ave', or none");
}

/// A layer of the same class and arguments with weights of its own.
std::shared_ptr<RecurrentImpl> BidirectionalImpl::recreated(const LayerImpl &layer,
                                                            const std::string &prefix,
                                                            bool goesBackwards) const {
  Json config = layerConfig(layer);
  llvm::StringRef base = layer.name;
  base.consume_front(prefix);
  config["name"] = prefix + base.str();
  config["go_backwards"] = goesBackwards;
  auto made = std::dynamic_pointer_cast<RecurrentImpl>(layerFromConfig(layer.className(), config));
  if (!made)
    fail("'" + layer.name + "' (" + layer.className() +
         ") is no recurrent layer; use SimpleRNN, LSTM, GRU or RNN");
  made->keepsOrder = true;
  return made;
}

void BidirectionalImpl::setLayers(const std::shared_ptr<LayerImpl> &layer,
                                  const std::shared_ptr<LayerImpl> &backwardLayer) {
  auto given = std::dynamic_pointer_cast<RecurrentImpl>(layer);
  forward = recreated(*layer, "forward_", given && given->modes.goBackwards);
  if (backwardLayer)
    backward = std::dynamic_pointer_cast<RecurrentImpl>(backwardLayer);
  else
    backward = recreated(*layer, "backward_", true);
  if (!backward)
    fail("'" + backwardLayer->name + "' (" + backwardLayer->className() +
         ") is no recurrent layer; use SimpleRNN, LSTM, GRU or RNN");
  if (forward->modes.goBackwards == backward->modes.goBackwards)
    fail("both of its layers have the same goBackwards; let one go backwards");
  if (forward->modes.returnSequences != backward->modes.returnSequences ||
      forward->modes.returnState != backward->modes.returnState)
    fail("its two layers differ in returnSequences or returnState; give both the same");
  for (const auto &each : {forward, backward}) // as Keras
    each->modes.zeroOutputForMask = each->modes.returnSequences;
}

std::vector<TensorSpec> BidirectionalImpl::results(const std::vector<TensorSpec> &inputs) const {
  std::vector<TensorSpec> there = forward->results(inputsOf(llvm::ArrayRef(inputs), false)),
                          back = backward->results(inputsOf(llvm::ArrayRef(inputs), true));
  std::vector<TensorSpec> result = {there[0]};
  if (!mergeMode)
    result.push_back(back[0]);
  else if (*mergeMode == "concat")
    result[0].shape.back() += back[0].shape.back();
  else if (there[0].shape != back[0].shape)
    fail("its two layers give " + toString(there[0].shape) + " and " + toString(back[0].shape) +
         ", which cannot be merged by '" + *mergeMode + "'; use as many units, or 'concat'");
  result.insert(result.end(), there.begin() + 1, there.end());
  result.insert(result.end(), back.begin() + 1, back.end());
  return result;
}

Value BidirectionalImpl::inOrder(Emitter &e, const RecurrentImpl &layer, Value result) {
  if (!layer.modes.returnSequences || !layer.modes.goBackwards || layer.keepsOrder)
    return result;
  return e.create<graph::ReverseOp>({result}, {e.integers("axes", {1})});
}

llvm::SmallVector<Value> BidirectionalImpl::merged(Emitter &e, Value there, Value back) const {
  if (!mergeMode)
    return {there, back};
  Expr x = e.expr(there), y = e.expr(back);
  if (*mergeMode == "concat")
    return {graph::concat(e.b, e.loc, {there, back}, graph::rankOf(there) - 1)};
  if (*mergeMode == "mul")
    return {(x * y).v};
  return {(*mergeMode == "ave" ? (x + y) / 2.0 : x + y).v};
}

llvm::SmallVector<Value> BidirectionalImpl::emitAll(Emitter &e, mlir::ValueRange inputs,
                                                    const CallOptions &options) const {
  llvm::SmallVector<Value> all(inputs);
  auto there = e.call(*forward, inputsOf(llvm::ArrayRef<Value>(all), false), options, e.callIndex),
       back = e.call(*backward, inputsOf(llvm::ArrayRef<Value>(all), true), options, e.callIndex);
  llvm::SmallVector<Value> results =
      merged(e, inOrder(e, *forward, there[0]), inOrder(e, *backward, back[0]));
  if (forward->modes.returnSequences)
    for (Value &result : results) {
      if (forward->modes.goBackwards) // sequences come in the order of the first layer
        result = e.create<graph::ReverseOp>({result}, {e.integers("axes", {1})});
      e.setMask(result, e.maskOf(inputs[0]));
    }
  results.append(there.begin() + 1, there.end());
  results.append(back.begin() + 1, back.end());
  return results;
}

std::shared_ptr<LayerImpl> timeDistributedFromConfig(const Json &config) {
  auto layer =
      std::static_pointer_cast<TimeDistributedImpl>(fromConfig<TimeDistributedImpl>(config));
  layer->layer = layerFromJson(*layer, config.at("layer"));
  return layer;
}

std::shared_ptr<LayerImpl> bidirectionalFromConfig(const Json &config) {
  auto layer = std::static_pointer_cast<BidirectionalImpl>(fromConfig<BidirectionalImpl>(config));
  if (auto mode = config.find("merge_mode"); mode != config.end() && mode->is_null())
    layer->mergeMode = std::nullopt;
  else if (mode != config.end())
    layer->mergeMode = mode->get<std::string>();
  layer->check();
  auto regularizer = config.find("activity_regularizer");
  if (regularizer != config.end())
    layer->activityRegularizer = regularizerFromJson(*regularizer);
  std::shared_ptr<LayerImpl> backward;
  if (auto given = config.find("backward_layer"); given != config.end() && !given->is_null())
    backward = layerFromJson(*layer, *given);
  layer->setLayers(layerFromJson(*layer, config.at("layer")), backward);
  return layer;
}

constexpr LayerClass kClasses[] = {{TimeDistributedImpl::kName, timeDistributedFromConfig},
                                   {BidirectionalImpl::kName, bidirectionalFromConfig}};

} // namespace

llvm::ArrayRef<LayerClass> wrapperLayers() { return kClasses; }

} // namespace detail

layers::TimeDistributed::TimeDistributed(const Layer &layer, PlainOptions options)
    : Layer(detail::construct<detail::TimeDistributedImpl>(
          options, [&](detail::TimeDistributedImpl &wrapper) { wrapper.layer = layer.impl(); })) {}

layers::Bidirectional::Bidirectional(const Layer &layer, BidirectionalOptions options)
    : Layer(detail::construct<detail::BidirectionalImpl>(
          options, [&](detail::BidirectionalImpl &wrapper) {
            wrapper.mergeMode = options.mergeMode;
            wrapper.setLayers(layer.impl(),
                              options.backwardLayer ? options.backwardLayer->impl() : nullptr);
          })) {}

} // namespace ingot::keras
