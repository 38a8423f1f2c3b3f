// Embedding and Masking; see Embedding.h.
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

constexpr LayerClass kClasses[] = {layerClass<EmbeddingImpl>(), layerClass<MaskingImpl>()};

} // namespace

llvm::ArrayRef<LayerClass> detail::embeddingLayers() { return kClasses; }

layers::Embedding::Embedding(int64_t inputDim, int64_t outputDim, EmbeddingOptions options)
    : Layer(construct<EmbeddingImpl>(options, [&](EmbeddingImpl &layer) {
        layer.inputDim = inputDim;
        layer.outputDim = outputDim;
      })) {}

layers::Masking::Masking(MaskingOptions options) : Layer(construct<MaskingImpl>(options)) {}

} // namespace ingot::keras
