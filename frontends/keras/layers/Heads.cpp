// MultiHeadAttention and GroupQueryAttention: projections, scores, softmax and weighted sums as
// graph ops, which the compiler runs head by head, so that scores are never stored whole.
#include "frontends/keras/Names.h"
#include "frontends/keras/layers/Attention.h"
#include "frontends/keras/layers/HeadsImpl.h"
#include "frontends/keras/layers/Ops.h"

#include <cmath>

namespace ingot::keras {

namespace detail {

using graph::Expr;
using mlir::Value;

void Looks::restrict(Emitter &e, Expr condition) {
  if (!allowed) {
    allowed = condition;
    return;
  }
  Dims dims = graph::commonDims({*allowed, condition});
  Value both = e.create<graph::AndOp>({graph::broadcastTo(e.b, e.loc, *allowed, dims),
                                       graph::broadcastTo(e.b, e.loc, condition, dims)});
  allowed = e.expr(both);
}

Expr causal(Emitter &e, Dim queries, Dim keys) {
  mlir::Type integer = e.b.getIntegerType(64, /*isSigned=*/true);
  return compare(graph::Predicate::GE, iota(e, {queries, keys}, 0, integer),
                 iota(e, {queries, keys}, 1, integer));
}

void HeadsImpl::check() const {
  if (heads <= 0 || keyHeads <= 0 || keyDim <= 0 || valueSize() <= 0)
    fail("the numbers of heads and their sizes must be positive, got " + std::to_string(heads) +
         " heads of " + std::to_string(keyDim) + " and " + std::to_string(valueSize()));
  if (heads % keyHeads != 0)
    fail("numQueryHeads " + std::to_string(heads) + " must be a multiple of numKeyValueHeads " +
         std::to_string(keyHeads));
  checkRate(*this, "dropout", dropout);
  if (slidingWindow && *slidingWindow <= 0)
    fail("slidingWindow must be positive, got " + std::to_string(*slidingWindow));
  if (outputShape)
    for (int64_t extent : *outputShape)
      if (extent <= 0)
        fail("outputShape " + toString(*outputShape) + " has an extent that is not positive");
}

std::pair<std::vector<int64_t>, std::vector<int64_t>> HeadsImpl::axesOf(int64_t rank) const {
  std::vector<int64_t> attended, others = {0};
  for (int64_t axis = 1; axis + 1 < rank; ++axis) {
    bool isAttended = !attentionAxes;
    for (int64_t given : attentionAxes.value_or(Shape()))
      isAttended |= given == axis || given + rank == axis;
    (isAttended ? attended : others).push_back(axis);
  }
  return {attended, others};
}

void HeadsImpl::checkInputs(const std::vector<TensorSpec> &inputs) const {
  const bool hasMask = inputs.back().dtype == "bool";
  const size_t count = inputs.size() - hasMask;
  if (count != 2 && count != 3)
    fail("is called on {query, value} or {query, value, key}, and a mask of bools, got " +
         std::to_string(inputs.size()) + " tensors");
  const Shape &query = inputs[0].shape, &value = inputs[1].shape, &key = inputs[count - 1].shape;
  auto text = [&] { return toString(query) + ", " + toString(value) + " and " + toString(key); };
  if (query.size() < 3 || value.size() != query.size() || key.size() != query.size())
    fail(
        "expected a query, a value and a key of as many dimensions, (batch, time, features), got " +
        text());
  for (size_t d = 1; d + 1 < value.size(); ++d)
    if (value[d] != key[d] && value[d] != None && key[d] != None)
      fail("the value and the key differ in more than their features: query, value and key are " +
           text() + "; there is one key for each value");
  auto [attended, others] = axesOf(static_cast<int64_t>(query.size()));
  if (attended.empty())
    fail("attentionAxes name no dimension between the batch and the features of " +
         toString(query));
  for (int64_t d : others)
    if (query[d] != value[d] && query[d] != None && value[d] != None)
      fail("query, value and key " + text() + " differ in dimension " + std::to_string(d) +
           ", which is not attended over; make them the same");
  if (hasMask && (inputs.back().shape.size() != 3 || query.size() != 3))
    fail("its mask has shape " + toString(inputs.back().shape) +
         "; expected (batch, query's time, key's time), for inputs of 3 dimensions");
  if (slidingWindow && query.size() != 3)
    fail("slidingWindow is for inputs of 3 dimensions, got " + toString(query));
}

Shape HeadsImpl::resultFeatures(const Shape &query) const {
  return outputShape ? *outputShape : Shape{query.back()};
}

/// (batch, …, features of `bound` dimensions) -> (batch, …, made).
std::shared_ptr<EinsumDenseImpl> HeadsImpl::makeProjection(const char *projectionName, int64_t rank,
                                                           int64_t bound, const Shape &made) const {
  std::string free, summed, result;
  char next = 'a';
  for (int64_t i = 0; i + 1 < rank; ++i)
    free += next++;
  for (int64_t i = 0; i < bound; ++i)
    summed += next++;
  for (size_t i = 0; i < made.size(); ++i)
    result += next++;
  auto dense = std::make_shared<EinsumDenseImpl>();
  dense->name = projectionName;
  dense->dtypePolicy = dtypePolicy;
  dense->equation = free + summed + "," + summed + result + "->" + free + result;
  dense->outputShape = Shape(rank - 2, None);
  dense->outputShape->insert(dense->outputShape->end(), made.begin(), made.end());
  dense->options = projection;
  dense->activityRegularizer = projection.activityRegularizer;
  if (useBias)
    dense->options.biasAxes = result;
  if (llvm::StringRef(projectionName) == "gate")
    dense->options.activation = "sigmoid";
  return dense;
}

void HeadsImpl::buildSublayers(const std::vector<TensorSpec> &inputs) {
  checkInputs(inputs);
  const TensorSpec &query = inputs[0], &value = inputs[1];
  const bool hasKey = inputs.size() > 2 && inputs[2].dtype != "bool";
  auto rank = static_cast<int64_t>(query.shape.size());
  if (rank > 16)
    fail("the query has " + std::to_string(rank) + " dimensions, at most 16 are supported");
  if (projections.empty()) {
    projections = {makeProjection("query", rank, 1, {heads, keyDim}),
                   makeProjection("key", rank, 1, {keyHeads, keyDim})};
    if (useGate)
      projections.push_back(makeProjection("gate", rank, 1, {heads, valueSize()}));
    projections.push_back(makeProjection("value", rank, 1, {keyHeads, valueSize()}));
    projections.push_back(makeProjection("attention_output", rank, 2, resultFeatures(query.shape)));
  }
  TensorSpec attended = query;
  attended.shape.back() = heads;
  attended.shape.push_back(valueSize());
  for (const auto &dense : projections)
    build(*dense, {dense->name == "key"                ? inputs[hasKey ? 2 : 1]
                   : dense->name == "value"            ? value
                   : dense->name == "attention_output" ? attended
                                                       : query});
}

std::vector<TensorSpec> HeadsImpl::results(const std::vector<TensorSpec> &inputs) const {
  checkInputs(inputs);
  const Shape &query = inputs[0].shape, &value = inputs[1].shape;
  Shape result(query.begin(), query.end() - 1);
  for (int64_t extent : resultFeatures(query))
    result.push_back(extent);
  auto [attended, others] = axesOf(static_cast<int64_t>(query.size()));
  Shape scores;
  for (int64_t axis : others)
    scores.push_back(query[axis]);
  scores.push_back(heads);
  for (int64_t axis : attended)
    scores.push_back(query[axis]);
  for (int64_t axis : attended)
    scores.push_back(value[axis]);
  const std::string dtype = computeDtype(dtypePolicy);
  return {{result, dtype}, {scores, dtype}};
}

namespace {
bool isBool(Value x) { return graph::elementType(x).isInteger(1); }
bool hasKey(mlir::ValueRange inputs) { return inputs.size() > 2 && !isBool(inputs[2]); }
/// Integers as floats; their masks are looked at elsewhere.
Value asFloat(Emitter &e, Value x) {
  return llvm::isa<mlir::FloatType>(graph::elementType(x))
             ? x
             : graph::cast(e.b, e.loc, x, e.b.getF32Type());
}
} // namespace

const EinsumDenseImpl &HeadsImpl::projectionOf(llvm::StringRef projectionName) const {
  for (const auto &dense : projections)
    if (dense->name == projectionName)
      return *dense;
  fail("internal error: no projection " + projectionName.str());
}

Value HeadsImpl::project(Emitter &e, llvm::StringRef projectionName, Value x) const {
  return e.call(projectionOf(projectionName), {asFloat(e, x)}, {}, e.callIndex)[0];
}

Looks HeadsImpl::looks(Emitter &e, mlir::ValueRange inputs, const CallOptions &options) const {
  Looks looks;
  Dims query = dimsOf(inputs[0]), value = dimsOf(inputs[1]);
  Value queryMask = e.maskOf(inputs[0]), valueMask = e.maskOf(inputs[1]),
        keyMask = hasKey(inputs) ? e.maskOf(inputs[2]) : Value();
  if (query.size() != 3) {
    if (queryMask || valueMask || keyMask || options.useCausalMask)
      fail("masks are for inputs of 3 dimensions, (batch, time, features), got " +
           ingot::str(query));
    return looks;
  }
  Dim one = Dim::constant(e.b.getContext(), 1);
  auto shaped = [&](Value mask, Dims dims) {
    return e.expr(graph::reshape(e.b, e.loc, mask, dims));
  };
  if (queryMask)
    looks.restrict(e, shaped(queryMask, {query[0], one, query[1], one}));
  for (Value mask : {valueMask, keyMask})
    if (mask)
      looks.restrict(e, shaped(mask, {value[0], one, one, value[1]}));
  if (options.useCausalMask)
    looks.restrict(e, causal(e, query[1], value[1]));
  if (slidingWindow) {
    mlir::Type integer = e.b.getIntegerType(64, /*isSigned=*/true);
    Dims plane = {query[1], value[1]};
    Expr distance = abs(iota(e, plane, 0, integer) - iota(e, plane, 1, integer));
    looks.restrict(e, compare(graph::Predicate::LT, distance,
                              distance.number(static_cast<double>(*slidingWindow))));
  }
  if (Value mask = inputs.back(); isBool(mask)) {
    Dims dims = dimsOf(mask);
    looks.restrict(e, shaped(mask, {dims[0], one, dims[1], dims[2]}));
  }
  return looks;
}

/// (batch, …, heads, size) -> (batch, others…, heads, positions, size).
Value HeadsImpl::toHeads(Emitter &e, Value x) const {
  Dims dims = dimsOf(x), result;
  auto rank = static_cast<int64_t>(dims.size()) - 1; // of the layer's inputs
  auto [attended, others] = axesOf(rank);
  llvm::SmallVector<int64_t> permutation(others.begin(), others.end());
  permutation.push_back(rank - 1);
  permutation.append(attended.begin(), attended.end());
  permutation.push_back(rank);
  Value moved = graph::transpose(e.b, e.loc, x, permutation);
  Dim positions = Dim::constant(e.b.getContext(), 1);
  for (int64_t axis : attended)
    positions = positions * dims[axis];
  for (int64_t axis : others)
    result.push_back(dims[axis]);
  result.append({dims[rank - 1], positions, dims[rank]});
  return graph::reshape(e.b, e.loc, moved, result);
}

/// The way back; `query` has the dimensions of the query.
Value HeadsImpl::fromHeads(Emitter &e, Value x, llvm::ArrayRef<Dim> query) const {
  auto rank = static_cast<int64_t>(query.size());
  auto [attended, others] = axesOf(rank);
  Dims apart, given = dimsOf(x);
  for (int64_t axis : others)
    apart.push_back(query[axis]);
  apart.push_back(given[given.size() - 3]);
  for (int64_t axis : attended)
    apart.push_back(query[axis]);
  apart.push_back(given.back());
  std::vector<int64_t> order = others;
  order.push_back(rank - 1);
  order.insert(order.end(), attended.begin(), attended.end());
  order.push_back(rank);
  llvm::SmallVector<int64_t> permutation(order.size());
  for (auto [from, to] : llvm::enumerate(order))
    permutation[to] = static_cast<int64_t>(from);
  return graph::transpose(e.b, e.loc, graph::reshape(e.b, e.loc, x, apart), permutation);
}

namespace {
/// The largest number of the element type.
double largest(Value x) {
  return llvm::APFloat::getLargest(
             llvm::cast<mlir::FloatType>(graph::elementType(x)).getFloatSemantics())
      .convertToDouble();
}
/// The heads of queries that share keys as more rows of one product.
Value grouped(Emitter &e, Value x, int64_t groups, int64_t heads) {
  Dims dims = dimsOf(x);
  size_t at = dims.size() - 3;
  Dim rows = dims[at + 1];
  dims[at] = Dim::constant(e.b.getContext(), groups);
  dims[at + 1] = rows * (heads / groups);
  return graph::reshape(e.b, e.loc, x, dims);
}
} // namespace

/// softmax(query key^T / sqrt(size)): (…, heads, queries, keys).
Value HeadsImpl::weights(Emitter &e, Value query, Value key, const Looks &looks,
                         bool isZeroed) const {
  Expr scaled = e.expr(query) * (1 / std::sqrt(static_cast<double>(keyDim)));
  Dims dims = dimsOf(query);
  dims.back() = dimsOf(key)[dims.size() - 2];
  Value rows = grouped(e, scaled, keyHeads, heads);
  Value product =
      e.create<graph::MatMulOp>({rows, key}, {e.named("transposeRhs", e.b.getBoolAttr(true))});
  Expr scores = e.expr(graph::reshape(e.b, e.loc, product, dims));
  std::optional<Expr> allowed;
  if (looks.allowed)
    allowed = e.expr(graph::broadcastTo(e.b, e.loc, *looks.allowed, dims));
  // A query that may look nowhere looks everywhere alike, as in Keras.
  if (allowed)
    scores = select(*allowed, scores, scores.number(-0.7 * largest(scores)));
  Expr result = e.expr(emitSoftmax(e, scores, -1));
  return allowed && isZeroed ? select(*allowed, result, result.number(0)) : result;
}

llvm::SmallVector<Value> HeadsImpl::emitAll(Emitter &e, mlir::ValueRange inputs,
                                            const CallOptions &options) const {
  auto [attended, others] = axesOf(graph::rankOf(inputs[0]));
  Value query = project(e, "query", inputs[0]);
  Value key = toHeads(e, project(e, "key", inputs[hasKey(inputs) ? 2 : 1]));
  Value value = toHeads(e, project(e, "value", inputs[1]));
  // Keras's two ways differ in this.
  bool isZeroed = dropout > 0 || options.returnAttentionScores;
  Value scores = weights(e, toHeads(e, query), key, looks(e, inputs, options), isZeroed),
        used = scores;
  if (e.training && dropout > 0)
    used = Draws(e, seed).dropout(scores, dropout);
  Value rows = grouped(e, used, keyHeads, heads);
  Value sums = e.create<graph::MatMulOp>({rows, value});
  Dims dims = dimsOf(scores);
  dims.back() = dimsOf(value).back();
  Value result = fromHeads(e, graph::reshape(e.b, e.loc, sums, dims), dimsOf(inputs[0]));
  if (useGate)
    result = e.expr(result) * e.expr(project(e, "gate", inputs[0]));
  Dims scoreDims;
  for (int64_t axis : others)
    scoreDims.push_back(dimsOf(inputs[0])[axis]);
  scoreDims.push_back(Dim::constant(e.b.getContext(), heads));
  for (Value x : inputs.take_front(2))
    for (int64_t axis : attended)
      scoreDims.push_back(dimsOf(x)[axis]);
  return {project(e, "attention_output", result), graph::reshape(e.b, e.loc, scores, scoreDims)};
}

namespace {

struct MultiHeadAttentionImpl final : LayerWith<MultiHeadAttentionImpl, HeadsImpl> {
  static constexpr const char *kName = "MultiHeadAttention";
  static void fields(auto &self, auto &visit) {
    visit.required("num_heads", self.heads);
    visit.required("key_dim", self.keyDim);
    visit("value_dim", self.valueDim);
    visit("dropout", self.dropout);
    visit("use_bias", self.useBias);
    visit("output_shape", self.outputShape);
    visit("attention_axes", self.attentionAxes);
    visit("sliding_window", self.slidingWindow);
    headFields(self, visit);
  }
  void check() {
    keyHeads = heads;
    HeadsImpl::check();
  }
};

struct GroupQueryAttentionImpl final : LayerWith<GroupQueryAttentionImpl, HeadsImpl> {
  static constexpr const char *kName = "GroupQueryAttention";
  static void fields(auto &self, auto &visit) {
    visit.required("head_dim", self.keyDim);
    visit.required("num_query_heads", self.heads);
    visit.required("num_key_value_heads", self.keyHeads);
    visit("use_bias", self.useBias);
    visit("dropout", self.dropout);
    visit("sliding_window", self.slidingWindow);
    headFields(self, visit);
  }
};

// Keras has two names for the second: of its API, and of its class.
constexpr LayerClass kClasses[] = {layerClass<MultiHeadAttentionImpl>(),
                                   layerClass<GroupQueryAttentionImpl>(),
                                   {"GroupedQueryAttention", fromConfig<GroupQueryAttentionImpl>}};

} // namespace

llvm::ArrayRef<LayerClass> headLayers() { return kClasses; }

} // namespace detail

layers::MultiHeadAttention::MultiHeadAttention(int64_t numHeads, int64_t keyDim,
                                               MultiHeadAttentionOptions options)
    : Layer(detail::construct<detail::MultiHeadAttentionImpl>(
          options, [&](detail::MultiHeadAttentionImpl &layer) {
            layer.heads = numHeads;
            layer.keyDim = keyDim;
            layer.take(options);
            layer.valueDim = options.valueDim;
            layer.outputShape = options.outputShape;
            if (options.attentionAxes)
              layer.attentionAxes = options.attentionAxes->values;
          })) {}

namespace {
/// Keras names it by its class there, which has another name than here.
layers::GroupQueryAttentionOptions withName(layers::GroupQueryAttentionOptions options) {
  if (options.name.empty())
    options.name = detail::automaticName("GroupedQueryAttention");
  return options;
}
} // namespace

layers::GroupQueryAttention::GroupQueryAttention(int64_t headDim, int64_t numQueryHeads,
                                                 int64_t numKeyValueHeads,
                                                 GroupQueryAttentionOptions options)
    : Layer(detail::construct<detail::GroupQueryAttentionImpl>(
          withName(options), [&](detail::GroupQueryAttentionImpl &layer) {
            layer.heads = numQueryHeads;
            layer.keyHeads = numKeyValueHeads;
            layer.keyDim = headDim;
            layer.take(options);
          })) {}

} // namespace ingot::keras
