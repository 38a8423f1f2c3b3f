// What a loss is as ops: its values one a sample or position, and their reduction to a scalar.
//
// Called by TrainingPlan.cpp and, for the metrics that are losses, by MeanMetrics.cpp.
#pragma once
#include "frontends/keras/LayerImpl.h"
#include "frontends/keras/Losses.h"

namespace ingot::keras::detail {

constexpr double kEpsilon = 1e-7; // keras.backend.epsilon()

/// A loss and what it is of, while its ops are made.
struct LossCall {
  Emitter &e;
  const Loss &loss;
  mlir::Value output, target;
  graph::Expr p() const { return e.expr(output); }
  graph::Expr t() const { return e.expr(target); }
  int64_t rank() const { return graph::rankOf(output); }
};

/// A loss before it is reduced. Where `mask`, of the values' shape, is there and false, a value
/// does not count. Values are means of `elements` along `axis`, which need not be taken where the
/// mean of all is what is wanted.
struct LossValues {
  mlir::Value elements, mask;
  std::optional<int64_t> axis = {};
  graph::Expr values(Emitter &e) const;
};
using LossFormula = LossValues (*)(const LossCall &);

/// Which targets a loss or a metric takes for an output of shape (…, n).
enum class Targets {
  Same,      ///< f32 of the output's shape
  Classes,   ///< i64 of shape (…)
  Sequences, ///< i64 of shape (batch, any)
  Any        ///< of a metric: whatever the loss takes
};

/// One class of losses. The table is in Losses.cpp.
struct LossKind;
const LossKind &kindOf(const Loss &loss);
Targets targetsOf(const Loss &loss);
/// Throws when the loss cannot be of an output of this shape; `where` is "output 'x' of shape …".
void checkLoss(const Loss &loss, const Shape &shape, const std::string &where);
/// The loss itself, or the one that "crossentropy" means for an output of this shape.
Loss resolveLoss(const Loss &loss, const Shape &shape, const std::string &where);
Json toJson(const Loss &loss);
Loss lossFromJson(const Json &json);

LossValues lossValues(Emitter &e, const Loss &loss, mlir::Value output, mlir::Value target);
/// Lets the mask of the output, bool (batch, time) or null, decide as well what counts.
void addMask(Emitter &e, LossValues &values, mlir::Value mask);
/// Keras's reduce_weighted_values. `weight`: f32 (batch), or null.
mlir::Value reduceLoss(Emitter &e, const Loss &loss, const LossValues &values, mlir::Value weight);

// Pieces of formulas.

/// What `function` ("softmax", "sigmoid") was applied to to give `output`, or the output itself
/// where it is logits; null: probabilities.
mlir::Value logitsOf(Emitter &e, const Loss &loss, mlir::Value output, llvm::StringRef function);
graph::Expr meanOfAll(graph::Expr x);
graph::Expr sumOfAll(graph::Expr x);
graph::Expr clamp(graph::Expr x, double low, double high);
graph::Expr both(graph::Expr a, graph::Expr b);
graph::Expr toFloat(graph::Expr x);
graph::Expr toInteger(graph::Expr x);
/// 0 where y is.
graph::Expr divideNoNan(graph::Expr x, graph::Expr y);
/// x with a dimension of 1 at `axis`, or with `count` at its end.
graph::Expr expandDims(graph::Expr x, int64_t axis, int64_t count = 1);
/// -1 is the last one.
int64_t axisOf(int64_t axis, int64_t rank);
/// Vectors of length 1 along the axis, as keras.ops.normalize.
graph::Expr normalized(graph::Expr x, int64_t axis);

/// log(sum(exp(x))) along the last axis over the places where the mask holds; hugely negative where
/// it holds nowhere.
graph::Expr maskedLogSumExp(graph::Expr x, graph::Expr mask);

// LossFormulas.cpp, CrossEntropies.cpp, Ctc.cpp
LossValues ctc(const LossCall &c);
LossValues meanSquaredError(const LossCall &c);
LossValues meanAbsoluteError(const LossCall &c);
LossValues meanAbsolutePercentageError(const LossCall &c);
LossValues meanSquaredLogarithmicError(const LossCall &c);
LossValues logCosh(const LossCall &c);
LossValues poisson(const LossCall &c);
LossValues klDivergence(const LossCall &c);
LossValues hinge(const LossCall &c);
LossValues squaredHinge(const LossCall &c);
LossValues categoricalHinge(const LossCall &c);
LossValues huber(const LossCall &c);
LossValues cosineSimilarity(const LossCall &c);
LossValues dice(const LossCall &c);
LossValues tversky(const LossCall &c);
LossValues circle(const LossCall &c);
LossValues binaryCrossentropy(const LossCall &c);
LossValues binaryFocalCrossentropy(const LossCall &c);
LossValues categoricalCrossentropy(const LossCall &c);
LossValues categoricalFocalCrossentropy(const LossCall &c);
LossValues categoricalGeneralizedCrossEntropy(const LossCall &c);
LossValues sparseCategoricalCrossentropy(const LossCall &c);

} // namespace ingot::keras::detail
