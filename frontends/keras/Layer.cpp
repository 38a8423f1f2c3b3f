// Handles, nodes and calls: see Layer.h and LayerImpl.h.
#include "frontends/keras/Layer.h"
#include "frontends/keras/LayerImpl.h"
#include "frontends/keras/Layers.h"
#include "frontends/keras/Names.h"
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
  std::vector<std::shared_ptr<const Node>> pending = std::move(inputs);
  while (!pending.empty()) {
    std::shared_ptr<const Node> node = std::move(pending.back());
    pending.pop_back();
    if (node.use_count() > 1)
      continue;
    // The last owner may take it apart; no Node is made const.
    for (auto &input : const_cast<Node &>(*node).inputs)
      pending.push_back(std::move(input));
    const_cast<Node &>(*node).inputs.clear();
  }
}

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

NodePtr call(const std::shared_ptr<LayerImpl> &layer, std::vector<NodePtr> inputs) {
  std::vector<Shape> shapes;
  for (const NodePtr &input : inputs)
    shapes.push_back(input->shape);
  if (!layer->takesSeveral() && inputs.size() != 1)
    layer->fail("takes one tensor, got " + std::to_string(inputs.size()) +
                "; join them first with layers::concatenate or layers::add");
  auto node = std::make_shared<Node>();
  node->shape = layer->resultShape(shapes);
  for (int64_t extent : node->shape)
    if (extent != None && extent < 0)
      layer->fail("internal error: result shape " + toString(node->shape));
  checkBounds(*layer, "its result", node->shape, kMaxSampleElements);
  std::vector<Weight> weights = layer->makeWeights(shapes);
  for (const Weight &weight : weights)
    checkBounds(*layer, "its weight '" + weight.name + "'", weight.shape, kMaxWeightElements);
  if (layer->isBuilt && !sameWeights(layer->weights, weights))
    layer->fail("is shared: its weights are " + listWeights(layer->weights) +
                ", an input of shape " + toString(shapes[0]) + " needs " + listWeights(weights) +
                "; use a second layer for inputs of this shape");
  layer->weights = std::move(weights);
  layer->isBuilt = true;
  node->layer = layer;
  node->inputs = std::move(inputs);
  node->dtype = "float32";
  node->call = layer->calls++;
  return node;
}

NodePtr makeInputNode(const std::shared_ptr<LayerImpl> &layer) {
  auto node = std::make_shared<Node>();
  node->shape = layer->resultShape({});
  checkBounds(*layer, "the input", node->shape, kMaxSampleElements);
  node->dtype = "float32";
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

Shape InputLayerImpl::resultShape(const std::vector<Shape> &) const {
  Shape result = {None};
  result.insert(result.end(), shape.begin(), shape.end());
  return result;
}

mlir::Value InputLayerImpl::emit(Emitter &, mlir::ValueRange inputs) const { return inputs[0]; }

void Emitter::enter(const std::string &layerName, int64_t index) {
  layer = layerName;
  callIndex = index;
  loc = mlir::NameLoc::get(b.getStringAttr(layerName));
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
mlir::Type weightType(mlir::OpBuilder &b, const LayerImpl &layer, llvm::StringRef weight) {
  for (const Weight &w : layer.weights)
    if (w.name == weight)
      return mlir::RankedTensorType::get(w.shape, b.getF32Type());
  layer.fail("internal error: no weight " + weight.str());
}
} // namespace

mlir::Value Emitter::read(const LayerImpl &layer, llvm::StringRef weight) {
  return graph::ReadOp::create(b, loc, weightType(b, layer, weight),
                               layer.name + "/" + weight.str());
}

void Emitter::assign(const LayerImpl &layer, llvm::StringRef weight, mlir::Value value) {
  graph::AssignOp::create(b, loc, layer.name + "/" + weight.str(), value);
}

} // namespace detail

const Shape &Tensor::shape() const { return node->shape; }
const std::string &Tensor::dtype() const { return node->dtype; }
const std::string &Tensor::layerName() const { return node->layer->name; }

Layer::Layer(const Tensor &tensor) : layer(tensor.impl()->layer) {}

Tensor Layer::operator()(const Tensor &input) const { return Tensor(call(layer, {input.impl()})); }

Tensor Layer::operator()(const std::vector<Tensor> &inputs) const {
  std::vector<NodePtr> nodes;
  for (const Tensor &input : inputs)
    nodes.push_back(input.impl());
  if (nodes.empty())
    layer->fail("was called without a tensor");
  return Tensor(call(layer, std::move(nodes)));
}

const std::string &Layer::name() const { return layer->name; }
std::string Layer::className() const { return layer->className(); }
bool Layer::trainable() const { return layer->trainable; }
void Layer::setTrainable(bool trainable) { layer->trainable = trainable; }

std::vector<std::string> Layer::weightNames() const {
  std::vector<std::string> names;
  for (bool trainable : {true, false})
    for (const Weight &weight : layer->weights)
      if (weight.trainable == trainable)
        names.push_back(layer->weightName(weight));
  return names;
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
  static const std::vector<std::string> known = {"float32"};
  if (std::find(known.begin(), known.end(), options.dtype) == known.end())
    layer->fail(unknownName("dtype", options.dtype, known) +
                "; fit, evaluate and predict convert integer arrays themselves");
  return layer;
}
} // namespace

Tensor Input(Shape shape, InputOptions options) {
  return Tensor(makeInputNode(makeInput(std::move(shape), options)));
}

layers::InputLayer::InputLayer(Shape shape, InputOptions options)
    : Layer(makeInput(std::move(shape), options)) {}

} // namespace ingot::keras
