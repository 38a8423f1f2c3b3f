// Attention of several heads, with projections: MultiHeadAttention and GroupQueryAttention; and the
// formula that all attention layers end in.
#pragma once
#include "frontends/keras/layers/EinsumDenseImpl.h"

namespace ingot::keras::detail {

/// Where a query may look, as far as inputs and options say.
struct Looks {
  std::optional<graph::Expr> allowed; ///< bool, broadcast to the scores
  void restrict(Emitter &e, graph::Expr condition);
};
/// Position of the query >= that of the key, (T, S).
graph::Expr causal(Emitter &e, Dim queries, Dim keys);

struct HeadsImpl : LayerImpl {
  int64_t heads = 0, keyHeads = 0, keyDim = 0;
  std::optional<int64_t> valueDim;
  double dropout = 0;
  bool useBias = true, useGate = false;
  std::optional<Shape> outputShape, attentionAxes;
  std::optional<int64_t> slidingWindow, seed;
  layers::EinsumDenseOptions projection; ///< initializers, regularizers and constraints of each
  std::vector<std::shared_ptr<EinsumDenseImpl>> projections; ///< made by the first call

  template <typename Options> void take(const Options &o) {
    dropout = o.dropout;
    useBias = o.useBias;
    useGate = o.useGate;
    slidingWindow = o.slidingWindow;
    seed = o.seed;
    projection.kernelInitializer = o.kernelInitializer;
    projection.biasInitializer = o.biasInitializer;
    projection.kernelRegularizer = o.kernelRegularizer;
    projection.biasRegularizer = o.biasRegularizer;
    projection.activityRegularizer = o.activityRegularizer;
    projection.kernelConstraint = o.kernelConstraint;
    projection.biasConstraint = o.biasConstraint;
  }
  void check() const;

  bool takesSeveral() const override { return true; }
  bool takesIntegers() const override { return true; }
  bool supportsMasking() const override { return true; }
  size_t resultCount(size_t all, const CallOptions &options) const override {
    return options.returnAttentionScores ? all : 1;
  }
  std::vector<std::shared_ptr<LayerImpl>> sublayers() const override {
    return {projections.begin(), projections.end()};
  }
  void buildSublayers(const std::vector<TensorSpec> &inputs) override;
  /// The result and the scores.
  std::vector<TensorSpec> results(const std::vector<TensorSpec> &inputs) const override;
  llvm::SmallVector<mlir::Value> emitAll(Emitter &e, mlir::ValueRange inputs,
                                         const CallOptions &options) const override;

private:
  int64_t valueSize() const { return valueDim.value_or(keyDim); }
  void checkInputs(const std::vector<TensorSpec> &inputs) const;
  /// Axes that are attended over, of a tensor of this rank, and those that are neither these nor
  /// features.
  std::pair<std::vector<int64_t>, std::vector<int64_t>> axesOf(int64_t rank) const;
  Shape resultFeatures(const Shape &query) const;
  std::shared_ptr<EinsumDenseImpl> makeProjection(const char *projectionName, int64_t rank,
                                                  int64_t bound, const Shape &made) const;
  const EinsumDenseImpl &projectionOf(llvm::StringRef projectionName) const;
  mlir::Value project(Emitter &e, llvm::StringRef projectionName, mlir::Value x) const;
  Looks looks(Emitter &e, mlir::ValueRange inputs, const CallOptions &options) const;
  mlir::Value toHeads(Emitter &e, mlir::Value x) const;
  mlir::Value fromHeads(Emitter &e, mlir::Value x, llvm::ArrayRef<Dim> query) const;
  mlir::Value weights(Emitter &e, mlir::Value query, mlir::Value key, const Looks &looks,
                      bool isZeroed) const;
};

void headFields(auto &self, auto &visit) {
  kernelFields(self.projection, self.projection.activityRegularizer, visit);
  visit("use_gate", self.useGate);
  visit("seed", self.seed);
}

} // namespace ingot::keras::detail
