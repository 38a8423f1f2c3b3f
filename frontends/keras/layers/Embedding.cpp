// Embedding, ReversibleEmbedding and Masking; see Embedding.h.
#include "frontends/keras/layers/Embedding.h"
#include "frontends/keras/layers/Arguments.h"
#include "frontends/keras/layers/Ops.h"

namespace ingot::keras {

using namespace detail;
using graph::Expr;
using mlir::Value;

namespace {

struct EmbeddingImpl : LayerWith<EmbeddingImpl> {
  static constexpr const char *kName = "Embedding";
  int64_t inputDim = 0, outputDim = 0;
  layers::EmbeddingOptions options;

  static void fields(auto &self, auto &visit) {
    visit.required("input_dim", self.inputDim);
    visit.required("output_dim", self.outputDim);
    visit("embeddings_initializer", self.options.embeddingsInitializer);
    visit("embeddings_regularizer", self.options.embeddingsRegularizer);
    visit("embeddings_constraint", self.options.embeddingsConstraint);
    visit("mask_zero", self.options.maskZero);
  }
  void check() const {
    if (inputDim <= 0 || outputDim <= 0)
      fail("inputDim and outputDim must be positive, got " + std::to_string(inputDim) + " and " +
           std::to_string(outputDim));
  }
  bool takesIntegers() const override { return true; }
  std::vector<TensorSpec> results(const std::vector<TensorSpec> &inputs) const override {
    Shape shape = inputs[0].shape;
    shape.push_back(outputDim);
    return {{shape, computeDtype(dtypePolicy)}};
  }
  std::vector<Weight> makeWeights(const std::vector<Shape> &) const override {
    return {{"embeddings",
             {inputDim, outputDim},
             options.embeddingsInitializer,
             true,
             options.embeddingsRegularizer,
             options.embeddingsConstraint}};
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    Value indices = inputs[0];
    mlir::Type element = graph::elementType(indices);
    if (!element.isSignedInteger(32) && !element.isSignedInteger(64))
      indices = graph::cast(e.b, e.loc, indices, e.b.getIntegerType(32, /*isSigned=*/true));
    Value rows = gather(e, e.read(*this, "embeddings"), indices, 0);
    if (options.maskZero) {
      Expr given = e.expr(indices);
      e.setMask(rows, compare(graph::Predicate::NE, given, given.number(0)));
    }
    return rows;
  }
};

struct ReversibleEmbeddingImpl : LayerWith<ReversibleEmbeddingImpl, EmbeddingImpl> {
  static constexpr const char *kName = "ReversibleEmbedding";
  bool tieWeights = true;
  std::optional<std::string> reverseDtype;
  std::optional<double> logitSoftCap;

  static void fields(auto &self, auto &visit) {
    EmbeddingImpl::fields(self, visit);
    visit("tie_weights", self.tieWeights);
    visit("reverse_dtype", self.reverseDtype);
    visit("logit_soft_cap", self.logitSoftCap);
  }
  void check() const {
    EmbeddingImpl::check();
    if (reverseDtype)
      checkOneOf(*this, "reverse dtype", *reverseDtype, {"float16", "bfloat16", "float32"});
    if (logitSoftCap && !(*logitSoftCap > 0))
      fail("logitSoftCap must be above 0, got " + std::to_string(*logitSoftCap));
  }
  std::vector<TensorSpec> resultsOf(const std::vector<TensorSpec> &inputs,
                                    const CallOptions &call) const override {
    if (!call.reverse)
      return results(inputs);
    Shape shape = inputs[0].shape;
    if (shape.size() < 2 || shape.back() != outputDim)
      fail("in reverse expected an input (…, " + std::to_string(outputDim) + "), got " +
           toString(shape) + "; its last dimension is the layer's outputDim");
    shape.back() = inputDim;
    return {{shape, reverseDtype.value_or(computeDtype(dtypePolicy))}};
  }
  std::vector<Weight> makeWeights(const std::vector<Shape> &inputs) const override {
    std::vector<Weight> result = EmbeddingImpl::makeWeights(inputs);
    if (!tieWeights)
      result.push_back(
          {"reverse_embeddings", {outputDim, inputDim}, options.embeddingsInitializer});
    return result;
  }
  llvm::SmallVector<Value> emitAll(Emitter &e, mlir::ValueRange inputs,
                                   const CallOptions &call) const override {
    if (!call.reverse)
      return {emit(e, inputs)};
    Value x = inputs[0];
    Value kernel = tieWeights ? graph::transpose(e.b, e.loc, e.read(*this, "embeddings"), {1, 0})
                              : e.read(*this, "reverse_embeddings");
    if (reverseDtype) {
      mlir::Type element = elementTypeOf(*reverseDtype, e.b.getContext());
      x = graph::cast(e.b, e.loc, x, element);
      kernel = graph::cast(e.b, e.loc, kernel, element);
    }
    Expr scores = product(e, e.expr(x), e.expr(kernel));
    return {logitSoftCap ? tanh(scores / *logitSoftCap) * *logitSoftCap : scores};
  }
};

struct MaskingImpl : SameShapeLayer<MaskingImpl> {
  static constexpr const char *kName = "Masking";
  layers::MaskingOptions options;

  static void fields(auto &self, auto &visit) { visit("mask_value", self.options.maskValue); }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    if (inputs[0].size() < 2)
      fail("expected an input of at least 2 dimensions, (batch, …, features), got " +
           toString(inputs[0]) + "; give the model an inputShape of one dimension or more");
    return inputs[0];
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    Expr x = e.expr(inputs[0]);
    Expr differs = compare(graph::Predicate::NE, x, x.number(options.maskValue));
    int64_t last = graph::rankOf(x) - 1;
    Expr counts = e.expr(graph::reduce(
        e.b, e.loc, graph::cast(e.b, e.loc, differs, e.b.getIntegerType(8, /*isSigned=*/false)),
        graph::ReduceKind::Max, {last}));
    Expr mask = compare(graph::Predicate::GT, counts, counts.number(0));
    Dims wide = x.dims();
    wide.back() = Dim::constant(e.b.getContext(), 1);
    Expr kept = e.expr(graph::reshape(e.b, e.loc, mask, wide));
    Expr result = select(kept, x, x.number(0));
    e.setMask(result, mask);
    return result;
  }
};

constexpr LayerClass kClasses[] = {
    layerClass<EmbeddingImpl>(), layerClass<ReversibleEmbeddingImpl>(), layerClass<MaskingImpl>()};

} // namespace

llvm::ArrayRef<LayerClass> detail::embeddingLayers() { return kClasses; }

layers::Embedding::Embedding(int64_t inputDim, int64_t outputDim, EmbeddingOptions options)
    : Layer(construct<EmbeddingImpl>(options, [&](EmbeddingImpl &layer) {
        layer.inputDim = inputDim;
        layer.outputDim = outputDim;
      })) {}

layers::ReversibleEmbedding::ReversibleEmbedding(int64_t inputDim, int64_t outputDim,
                                                 ReversibleEmbeddingOptions options)
    : Layer(construct<ReversibleEmbeddingImpl>(options, [&](ReversibleEmbeddingImpl &layer) {
        layer.inputDim = inputDim;
        layer.outputDim = outputDim;
        layer.options.embeddingsInitializer = options.embeddingsInitializer;
        layer.options.embeddingsRegularizer = options.embeddingsRegularizer;
        layer.options.embeddingsConstraint = options.embeddingsConstraint;
        layer.options.maskZero = options.maskZero;
        layer.tieWeights = options.tieWeights;
        if (!options.reverseDtype.empty())
          layer.reverseDtype = options.reverseDtype;
        layer.logitSoftCap = options.logitSoftCap;
      })) {}

layers::Masking::Masking(MaskingOptions options) : Layer(construct<MaskingImpl>(options)) {}

} // namespace ingot::keras
