// Handles, nodes and calls: see Layer.h and LayerImpl.h.
#include "frontends/keras/Layer.h"
#include "frontends/keras/Layers.h"
#include "frontends/keras/ModelImpl.h"
#include "frontends/keras/Names.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace ingot::keras {

using namespace detail;

std::string toString(const Shape &shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + (shape[i] == None ? std::string("None") : std::to_string(shape[i]));
  return text + (shape.size() == 1 ? ",)" : ")");
}

namespace detail {

void LayerImpl::fail(const std::string &text) const {
  throw Error("layer '" + name + "' (" + className() + "): " + text);
}

std::string chooseName(const char *className, const std::string &given) {
  if (given.empty())
    return automaticName(className);
  checkName("layer", given);
  if (given.find('/') != std::string::npos)
    throw Error("layer '" + given + "' (" + className +
                "): a name may not contain '/', which separates layer and weight; use '_'");
  return given;
}

int64_t elementCount(const Shape &shape, size_t firstAxis) {
  int64_t count = 1;
  for (size_t i = firstAxis; i < shape.size(); ++i) {
    if (shape[i] == None)
      return None;
    if (llvm::MulOverflow(count, shape[i], count))
      count = INT64_MAX;
  }
  return count;
}

void checkBounds(const LayerImpl &layer, const std::string &what, const Shape &shape,
                 int64_t maxElements) {
  if (static_cast<int64_t>(shape.size()) > kMaxRank)
    layer.fail(what + " has " + std::to_string(shape.size()) + " dimensions, at most " +
               std::to_string(kMaxRank) + " are supported");
  Shape known;
  for (int64_t extent : shape) {
    if (extent > kMaxExtent)
      layer.fail(what + " of shape " + toString(shape) + " has an extent of more than " +
                 std::to_string(kMaxExtent) + "; use a smaller one");
    if (extent != None)
      known.push_back(extent);
  }
  if (elementCount(known) > maxElements)
    layer.fail(what + " of shape " + toString(shape) + " has more than " +
               std::to_string(maxElements) + " elements; use smaller sizes");
}

Node::~Node() {
  std::vector<TensorRef> pending = std::move(inputs);
  while (!pending.empty()) {
    std::shared_ptr<const Node> node = std::move(pending.back().node);
    pending.pop_back();
    if (node.use_count() > 1)
      continue;
    // The last owner may take it apart; no Node is made const.
    for (TensorRef &input : const_cast<Node &>(*node).inputs)
      pending.push_back(std::move(input));
    const_cast<Node &>(*node).inputs.clear();
  }
}

const TensorSpec &TensorRef::operator*() const { return node->results[index]; }

std::vector<TensorSpec> LayerImpl::results(const std::vector<TensorSpec> &inputs) const {
  std::vector<Shape> shapes;
  for (const TensorSpec &input : inputs)
    shapes.push_back(input.shape);
  return {{resultShape(shapes), takesIntegers() && !isFloatName(inputs[0].dtype)
                                    ? inputs[0].dtype
                                    : computeDtype(dtypePolicy)}};
}

Shape LayerImpl::resultShape(const std::vector<Shape> &) const {
  fail("internal error: neither results nor resultShape is there");
}

llvm::SmallVector<mlir::Value> LayerImpl::emitAll(Emitter &emitter, mlir::ValueRange inputs,
                                                  const CallOptions &) const {
  return {emit(emitter, inputs)};
}

mlir::Value LayerImpl::emit(Emitter &, mlir::ValueRange) const {
  fail("internal error: neither emitAll nor emit is there");
}

void LayerImpl::setTrainable(bool value) {
  trainable = value;
  for (const auto &layer : sublayers())
    layer->setTrainable(value);
}

std::string WeightRef::layerPath() const {
  std::string path;
  for (const LayerImpl *layer : layers)
    path += (path.empty() ? "" : "/") + layer->name;
  return path;
}

std::string WeightRef::name() const { return layerPath() + "/" + weight->name; }

bool WeightRef::isTrainable() const {
  return weight->trainable &&
         llvm::all_of(layers, [](const LayerImpl *layer) { return layer->trainable; });
}

namespace {
void appendWeights(const LayerImpl &layer, std::vector<const LayerImpl *> &path,
                   std::vector<WeightRef> &weights) {
  path.push_back(&layer);
  for (bool trainable : {true, false})
    for (const Weight &weight : layer.weights)
      if (weight.trainable == trainable)
        weights.push_back({path, &weight});
  for (const auto &sublayer : layer.sublayers())
    appendWeights(*sublayer, path, weights);
  path.pop_back();
}
} // namespace

void appendWeights(const LayerImpl &layer, std::vector<WeightRef> &weights) {
  std::vector<const LayerImpl *> path;
  appendWeights(layer, path, weights);
}

std::vector<WeightRef> weightsOf(const LayerImpl &layer) {
  std::vector<WeightRef> weights;
  appendWeights(layer, weights);
  return weights;
}

mlir::Type elementTypeOf(const std::string &dtype, mlir::MLIRContext *context) {
  mlir::Builder b(context);
  auto integer = [&](unsigned width, bool isSigned) {
    return mlir::IntegerType::get(
        context, width, isSigned ? mlir::IntegerType::Signed : mlir::IntegerType::Unsigned);
  };
  return llvm::StringSwitch<llvm::function_ref<mlir::Type()>>(dtype)
      .Case("float32", [&]() -> mlir::Type { return b.getF32Type(); })
      .Case("float64", [&]() -> mlir::Type { return b.getF64Type(); })
      .Case("float16", [&]() -> mlir::Type { return b.getF16Type(); })
      .Case("bfloat16", [&]() -> mlir::Type { return b.getBF16Type(); })
      .Case("bool", [&]() -> mlir::Type { return b.getI1Type(); })
      .Case("uint8", [&]() -> mlir::Type { return integer(8, false); })
      .Case("int8", [&]() -> mlir::Type { return integer(8, true); })
      .Case("int16", [&]() -> mlir::Type { return integer(16, true); })
      .Case("int32", [&]() -> mlir::Type { return integer(32, true); })
      .Case("int64", [&]() -> mlir::Type { return integer(64, true); })
      .Default([]() -> mlir::Type { return {}; })();
}

bool isFloatName(const std::string &dtype) { return dtype.find("float") != std::string::npos; }

namespace {
bool sameWeights(const std::vector<Weight> &a, const std::vector<Weight> &b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Weight &x, const Weight &y) {
    return x.name == y.name && x.shape == y.shape;
  });
}

std::string listWeights(const std::vector<Weight> &weights) {
  std::string text;
  for (const Weight &weight : weights)
    text += (text.empty() ? "" : ", ") + weight.name + " " + toString(weight.shape);
  return text;
}
} // namespace

namespace {
std::vector<TensorSpec> specsOf(const std::vector<TensorRef> &tensors) {
  std::vector<TensorSpec> specs;
  for (const TensorRef &tensor : tensors)
    specs.push_back(*tensor);
  return specs;
}
} // namespace

std::vector<TensorSpec> checkedResults(const LayerImpl &layer,
                                       const std::vector<TensorSpec> &inputs,
                                       const CallOptions &options) {
  std::vector<TensorSpec> results = layer.resultsOf(inputs, options);
  for (const TensorSpec &result : results) {
    for (int64_t extent : result.shape)
      if (extent != None && extent < 0)
        layer.fail("internal error: result shape " + toString(result.shape));
    checkBounds(layer, inputs.empty() ? "the input" : "its result", result.shape,
                kMaxSampleElements);
  }
  return results;
}

std::vector<TensorSpec> build(LayerImpl &layer, const std::vector<TensorSpec> &inputs,
                              const CallOptions &options) {
  if (!layer.takesSeveral() && inputs.size() != 1)
    layer.fail("takes one tensor, got " + std::to_string(inputs.size()) +
               "; join them first with layers::concatenate or layers::add");
  layer.buildSublayers(inputs);
  std::vector<TensorSpec> results = checkedResults(layer, inputs, options);
  checkActivityRegularizer(layer, results);
  std::vector<Shape> shapes;
  for (const TensorSpec &input : inputs)
    shapes.push_back(input.shape);
  std::vector<Weight> weights = layer.makeWeights(shapes);
  for (const Weight &weight : weights) {
    checkBounds(layer, "its weight '" + weight.name + "'", weight.shape, kMaxWeightElements);
    checkInitializer(layer, weight);
    checkRegularizer(layer, weight);
  }
  if (layer.isBuilt && !sameWeights(layer.weights, weights))
    layer.fail("is shared: its weights are " + listWeights(layer.weights) + ", an input of shape " +
               toString(shapes[0]) + " needs " + listWeights(weights) +
               "; use a second layer for inputs of this shape");
  if (!layer.isBuilt)
    layer.weights = std::move(weights);
  layer.isBuilt = true;
  return results;
}

NodePtr call(const std::shared_ptr<LayerImpl> &layer, std::vector<TensorRef> inputs,
             const CallOptions &options) {
  auto node = std::make_shared<Node>();
  node->results = build(*layer, specsOf(inputs), options);
  node->results.resize(layer->resultCount(node->results.size(), options));
  node->layer = layer;
  node->inputs = std::move(inputs);
  node->options = options;
  node->call = layer->calls++;
  return node;
}

NodePtr makeInputNode(const std::shared_ptr<LayerImpl> &layer) {
  auto node = std::make_shared<Node>();
  node->results = checkedResults(*layer, {});
  node->layer = layer;
  node->call = layer->calls++;
  layer->isBuilt = true;
  return node;
}

Json InputLayerImpl::config() const {
  Json batchShape = Json::array({nullptr});
  for (int64_t extent : shape)
    batchShape.push_back(extent == None ? Json(nullptr) : Json(extent));
  return {{"batch_shape", batchShape}, {"dtype", dtype}};
}

std::vector<TensorSpec> InputLayerImpl::results(const std::vector<TensorSpec> &) const {
  Shape result = {None};
  result.insert(result.end(), shape.begin(), shape.end());
  return {{result, dtype}};
}

void Emitter::enter(const std::string &layerName, int64_t index) {
  layer = layerName;
  callIndex = index;
  loc = mlir::NameLoc::get(b.getStringAttr(layerName));
}

mlir::Type Emitter::computeType() const { return elementTypeOf(computes, b.getContext()); }

mlir::Value Emitter::castTo(mlir::Type element, mlir::Value value) {
  if (graph::elementType(value) == element)
    return value;
  mlir::Value result = graph::cast(b, loc, value, element);
  setMask(result, maskOf(value));
  return result;
}

mlir::Value Emitter::toFloat32(mlir::Value value) {
  mlir::Value result = castTo(b.getF32Type(), value);
  if (auto known = logits.find(value); result != value && known != logits.end()) {
    Logits of = known->second;
    of.value = castTo(b.getF32Type(), of.value);
    logits[result] = of;
  }
  return result;
}

namespace {
/// A sample's share of the regularizer's term.
mlir::Value emitActivityTerm(Emitter &e, const Regularizer &regularizer, mlir::Value x) {
  graph::Expr term = e.expr(emitRegularizer(e, regularizer, x));
  return graph::rankOf(x) == 0 ? term : term / elementCount(e.expr(x), {0});
}
} // namespace

llvm::SmallVector<mlir::Value> Emitter::call(const LayerImpl &called, mlir::ValueRange inputs,
                                             const CallOptions &options, int64_t index) {
  auto outer = std::tuple(loc, training, layer, callIndex, computes);
  enter(layer.empty() ? called.name : layer + "/" + called.name, index);
  training = options.training.value_or(training);
  const std::string policy = computeDtype(called.dtypePolicy);
  computes = called.computesInFloat32() ? "float32" : policy;
  llvm::SmallVector<mlir::Value> operands(inputs);
  for (mlir::Value &operand : operands)
    if (llvm::isa<mlir::FloatType>(graph::elementType(operand)) ? called.convertsInputs()
                                                                : !called.takesIntegers())
      operand = castTo(computeType(), operand);
  llvm::SmallVector<mlir::Value> results = called.emitAll(*this, operands, options);
  results.resize(called.resultCount(results.size(), options));
  if (computes != policy)
    for (mlir::Value &result : results)
      result = castTo(elementTypeOf(policy, b.getContext()), result);
  if (called.supportsMasking() && !operands.empty() && !maskOf(results[0]))
    setMask(results[0], maskOf(operands[0]));
  if (called.activityRegularizer)
    for (mlir::Value result : results)
      losses.push_back(emitActivityTerm(*this, called.activityRegularizer, toFloat32(result)));
  std::tie(loc, training, layer, callIndex, computes) = outer;
  return results;
}

mlir::NamedAttribute Emitter::randomId(llvm::StringRef path) {
  uint32_t hash = 2166136261u; // FNV-1a
  for (unsigned char c : path)
    hash = (hash ^ c) * 16777619u;
  while (!randomIds.insert(hash).second)
    ++hash;
  return named("id", b.getI64IntegerAttr(hash));
}

mlir::Value Emitter::control(llvm::StringRef name) {
  auto type = mlir::RankedTensorType::get({}, b.getIntegerType(64, /*isSigned=*/true));
  return graph::ReadOp::create(b, loc, type, name);
}

namespace {
const Weight &findWeight(const LayerImpl &layer, llvm::StringRef name) {
  for (const Weight &weight : layer.weights)
    if (weight.name == name)
      return weight;
  layer.fail("internal error: no weight " + name.str());
}
} // namespace

std::string Emitter::nameOf(const LayerImpl &of, llvm::StringRef weight) const {
  auto known = variableNames.find(findWeight(of, weight).variable.get());
  return known != variableNames.end() ? known->second : of.name + "/" + weight.str();
}

mlir::Value Emitter::read(const LayerImpl &of, llvm::StringRef weight) {
  std::string variable = nameOf(of, weight);
  if (auto known = assigned.find(variable); known != assigned.end())
    return castTo(computeType(), known->second.getX());
  auto type = mlir::RankedTensorType::get(findWeight(of, weight).shape, b.getF32Type());
  return castTo(computeType(), graph::ReadOp::create(b, loc, type, variable));
}

void Emitter::assign(const LayerImpl &of, llvm::StringRef weight, mlir::Value value) {
  std::string variable = nameOf(of, weight);
  auto now = graph::AssignOp::create(b, loc, variable, castTo(b.getF32Type(), value));
  if (auto [known, isFirst] = assigned.try_emplace(variable, now); !isFirst) {
    known->second.erase();
    known->second = now;
  }
}

} // namespace detail

const Shape &Tensor::shape() const { return ref->shape; }
const std::string &Tensor::dtype() const { return ref->dtype; }
const std::string &Tensor::layerName() const { return ref.node->layer->name; }

Layer::Layer(const Tensor &tensor) : layer(tensor.impl().node->layer) {}

std::vector<Tensor> Layer::addCall(const std::vector<Tensor> &inputs,
                                   const CallOptions &options) const {
  std::vector<TensorRef> refs;
  for (const Tensor &input : inputs)
    refs.push_back(input.impl());
  if (refs.empty())
    layer->fail("was called without a tensor");
  NodePtr node = call(layer, std::move(refs), options);
  std::vector<Tensor> results;
  for (size_t i = 0; i < node->results.size(); ++i)
    results.emplace_back(TensorRef{node, static_cast<int64_t>(i)});
  return results;
}

Tensor Layer::operator()(const Tensor &input, const CallOptions &options) const {
  return addCall({input}, options)[0];
}

Tensor Layer::operator()(const std::vector<Tensor> &inputs, const CallOptions &options) const {
  return addCall(inputs, options)[0];
}

std::vector<Tensor> Layer::callAll(const std::vector<Tensor> &inputs,
                                   const CallOptions &options) const {
  return addCall(inputs, options);
}

const std::string &Layer::name() const { return layer->name; }
std::string Layer::className() const { return layer->className(); }
bool Layer::trainable() const { return layer->trainable; }
void Layer::setTrainable(bool trainable) { layer->setTrainable(trainable); }

std::vector<std::string> Layer::weightNames() const {
  std::vector<std::string> names;
  for (const WeightRef &ref : weightsOf(*layer))
    names.push_back(ref.name());
  return names;
}

std::vector<ingot::Tensor> Layer::getWeights() const {
  std::vector<ingot::Tensor> values;
  for (const WeightRef &ref : weightsOf(*layer)) {
    std::optional<ingot::Tensor> value = newestValue(*ref.weight->variable);
    if (!value)
      throw Error("weight '" + ref.name() +
                      "' has no value yet; run a model with the layer, or use its getWeights",
                  StatusCode::FailedPrecondition);
    values.push_back(std::move(*value));
  }
  return values;
}

void Layer::setWeights(const std::vector<ingot::Tensor> &values) {
  std::vector<WeightRef> refs = weightsOf(*layer);
  if (refs.size() != values.size())
    layer->fail("has " + std::to_string(refs.size()) + " weights, got " +
                std::to_string(values.size()) +
                (layer->isBuilt ? "; see weightNames()" : "; it has none before it is called"));
  for (size_t i = 0; i < refs.size(); ++i)
    checkValue(refs[i], values[i]);
  for (size_t i = 0; i < refs.size(); ++i)
    setValue(*refs[i].weight->variable, copyOf(values[i]));
}

namespace {
std::shared_ptr<InputLayerImpl> makeInput(Shape shape, const InputOptions &options) {
  auto layer = std::make_shared<InputLayerImpl>();
  layer->name = chooseName("InputLayer", options.name);
  layer->shape = std::move(shape);
  layer->dtype = options.dtype;
  for (int64_t extent : layer->shape)
    if (extent != None && extent <= 0)
      layer->fail("extents are positive or None, got shape " + toString(layer->shape) +
                  "; leave the batch dimension out");
  static const std::vector<std::string> known = {"float32", "int32", "int64", "uint8", "bool"};
  if (std::find(known.begin(), known.end(), options.dtype) == known.end())
    layer->fail(unknownName("dtype", options.dtype, known) +
                "; fit, evaluate and predict convert arrays themselves");
  return layer;
}
} // namespace

Tensor Input(Shape shape, InputOptions options) {
  return Tensor(TensorRef{makeInputNode(makeInput(std::move(shape), options))});
}

layers::InputLayer::InputLayer(Shape shape, InputOptions options)
    : Layer(makeInput(std::move(shape), options)) {}

} // namespace ingot::keras
