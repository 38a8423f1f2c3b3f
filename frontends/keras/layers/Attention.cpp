// Attention and AdditiveAttention: one head, without projections.
#include "frontends/keras/layers/Attention.h"
#include "frontends/keras/layers/HeadsImpl.h"
#include "frontends/keras/layers/Ops.h"

namespace ingot::keras {

namespace detail {

using graph::Expr;
using mlir::Value;

namespace {

/// What both have in common. Inputs: query (batch, Tq, features), value and key (batch, Tv, …).
struct SingleHead : LayerImpl {
  bool useScale = false;
  double dropout = 0;
  std::optional<int64_t> seed;

  virtual Expr scores(Emitter &e, Expr query, Expr key) const = 0;

  void check() const { checkRate(*this, "dropout", dropout); }
  bool takesSeveral() const override { return true; }
  bool supportsMasking() const override { return true; }
  size_t resultCount(size_t all, const CallOptions &options) const override {
    return options.returnAttentionScores ? all : 1;
  }
  std::vector<TensorSpec> results(const std::vector<TensorSpec> &inputs) const override {
    if (inputs.size() != 2 && inputs.size() != 3)
      fail("is called on {query, value} or {query, value, key}, got " +
           std::to_string(inputs.size()) + " tensors");
    const Shape &query = inputs[0].shape, &value = inputs[1].shape, &key = inputs.back().shape;
    auto differ = [](int64_t a, int64_t b) { return a != b && a != None && b != None; };
    if (query.size() != 3 || value.size() != 3 || key.size() != 3 || differ(query[2], key[2]) ||
        differ(value[1], key[1]))
      fail("expected (batch, Tq, features), (batch, Tv, …) and (batch, Tv, features), got " +
           toString(query) + ", " + toString(value) + " and " + toString(key) +
           "; query and key need the same features, value and key the same time");
    const std::string dtype = computeDtype(dtypePolicy);
    return {{{query[0], query[1], value[2]}, dtype}, {{query[0], query[1], key[1]}, dtype}};
  }
  llvm::SmallVector<Value> emitAll(Emitter &e, mlir::ValueRange inputs,
                                   const CallOptions &options) const override {
    Expr made = scores(e, e.expr(inputs[0]), e.expr(inputs.back()));
    Dims dims = made.dims();
    Dim one = Dim::constant(e.b.getContext(), 1);
    Looks looks;
    if (Value mask = e.maskOf(inputs[1]))
      looks.restrict(e, e.expr(graph::reshape(e.b, e.loc, mask, {dims[0], one, dims[2]})));
    if (options.useCausalMask)
      looks.restrict(e, causal(e, dims[1], dims[2]));
    if (looks.allowed)
      made =
          select(*looks.allowed, made, made - (graph::elementType(made).isF16() ? 65504.0 : 1e9));
    Value weights = emitSoftmax(e, made, -1), used = weights;
    if (e.training && dropout > 0)
      used = Draws(e, seed).dropout(weights, dropout);
    Expr result = e.expr(e.create<graph::MatMulOp>({used, inputs[1]}));
    if (Value mask = e.maskOf(inputs[0])) {
      Expr kept = e.expr(graph::reshape(e.b, e.loc, mask, {dims[0], dims[1], one}));
      result = select(kept, result, result.number(0));
    }
    return {result.v, weights};
  }
};

/// sum(scale * tanh(query + key)) over the features.
Expr additive(Emitter &e, Expr query, Expr key, std::optional<Expr> inner,
              std::optional<Expr> outer) {
  Dims q = query.dims(), k = key.dims();
  Dim one = Dim::constant(e.b.getContext(), 1);
  Expr rows = e.expr(graph::reshape(e.b, e.loc, query, {q[0], q[1], one, q[2]})),
       columns = e.expr(graph::reshape(e.b, e.loc, key, {k[0], one, k[1], k[2]}));
  Expr both = rows + columns;
  Expr bent = graph::tanh(inner ? both * *inner : both);
  return sum(outer ? bent * *outer : bent, {3});
}

struct AttentionImpl final : LayerWith<AttentionImpl, SingleHead> {
  static constexpr const char *kName = "Attention";
  std::string scoreMode = "dot";

  static void fields(auto &self, auto &visit) {
    visit("use_scale", self.useScale);
    visit("score_mode", self.scoreMode);
    visit("dropout", self.dropout);
    visit("seed", self.seed);
  }
  void check() const {
    SingleHead::check();
    if (scoreMode != "dot" && scoreMode != "concat")
      fail("scoreMode '" + scoreMode + "' is not known; use 'dot' or 'concat'");
  }
  std::vector<Weight> makeWeights(const std::vector<Shape> &) const override {
    std::vector<Weight> result;
    if (useScale)
      result.push_back({"scale", {}, "ones"});
    if (scoreMode == "concat")
      result.push_back({"concat_score_weight", {}, "ones"});
    return result;
  }
  Expr scores(Emitter &e, Expr query, Expr key) const override {
    std::optional<Expr> scale;
    if (useScale)
      scale = e.expr(e.read(*this, "scale"));
    if (scoreMode == "concat")
      return additive(e, query, key, scale, std::nullopt) *
             e.expr(e.read(*this, "concat_score_weight"));
    Expr product = e.expr(e.create<graph::MatMulOp>(
        {query.v, key.v}, {e.named("transposeRhs", e.b.getBoolAttr(true))}));
    return scale ? product * *scale : product;
  }
};

struct AdditiveAttentionImpl final : LayerWith<AdditiveAttentionImpl, SingleHead> {
  static constexpr const char *kName = "AdditiveAttention";
  AdditiveAttentionImpl() { useScale = true; }
  static void fields(auto &self, auto &visit) {
    visit("use_scale", self.useScale);
    visit("dropout", self.dropout);
    visit("seed", self.seed);
  }
  std::vector<Weight> makeWeights(const std::vector<Shape> &inputs) const override {
    if (!useScale)
      return {};
    if (inputs[0].back() == None)
      fail("the number of features of its query is not known: " + toString(inputs[0]) +
           "; its scale needs that number: give the Input a full shape");
    return {{"scale", {inputs[0].back()}, "glorot_uniform"}};
  }
  Expr scores(Emitter &e, Expr query, Expr key) const override {
    std::optional<Expr> scale;
    if (useScale)
      scale = e.expr(e.read(*this, "scale"));
    return additive(e, query, key, std::nullopt, scale);
  }
};

template <typename Impl, typename Options>
std::shared_ptr<Impl> makeSingle(const Options &options) {
  return construct<Impl>(options, [&](Impl &layer) {
    layer.useScale = options.useScale;
    layer.dropout = options.dropout;
    layer.seed = options.seed;
    if constexpr (requires { options.scoreMode; })
      layer.scoreMode = options.scoreMode;
  });
}

constexpr LayerClass kClasses[] = {layerClass<AttentionImpl>(),
                                   layerClass<AdditiveAttentionImpl>()};

} // namespace

llvm::ArrayRef<LayerClass> attentionLayers() { return kClasses; }

} // namespace detail

layers::Attention::Attention(AttentionOptions options)
    : Layer(detail::makeSingle<detail::AttentionImpl>(options)) {}
layers::AdditiveAttention::AdditiveAttention(AdditiveAttentionOptions options)
    : Layer(detail::makeSingle<detail::AdditiveAttentionImpl>(options)) {}

} // namespace ingot::keras
