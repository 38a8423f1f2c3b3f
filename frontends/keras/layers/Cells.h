// Cells: what recurrent layers do at one step.
//
// Invariant: what does not depend on states is made by `begin` and `project`, outside of the loop
// over steps; `step` stands in its body and reads no variable. Called by Recurrent.cpp.
#pragma once
#include "frontends/keras/layers/Arguments.h"

#include <functional>

namespace ingot::keras::detail {

struct CellRun {
  /// The inputs of all steps, (steps, batch, features), or of one, to what a step takes of them.
  std::function<mlir::Value(mlir::Value)> project;
  /// A step's inputs and the states to the new states, of which the first is the result.
  std::function<graph::Values(mlir::Value, mlir::ValueRange)> step;
};

/// Arguments that the three cells have in common.
struct CellArguments {
  int64_t units = 0;
  std::string activation = "tanh", recurrentActivation = "sigmoid";
  bool useBias = true;
  Initializer kernelInitializer = "glorot_uniform", recurrentInitializer = "orthogonal",
              biasInitializer = "zeros";
  bool unitForgetBias = true, resetAfter = true;
  Regularizer kernelRegularizer, recurrentRegularizer, biasRegularizer;
  Constraint kernelConstraint, recurrentConstraint, biasConstraint;
  double dropout = 0, recurrentDropout = 0;
  std::optional<int64_t> seed;

  /// From the options of a layer or cell, which have the same names.
  template <typename Options> void take(const Options &o) {
    activation = o.activation;
    if constexpr (requires { o.recurrentActivation; })
      recurrentActivation = o.recurrentActivation;
    useBias = o.useBias;
    kernelInitializer = o.kernelInitializer;
    recurrentInitializer = o.recurrentInitializer;
    biasInitializer = o.biasInitializer;
    if constexpr (requires { o.unitForgetBias; })
      unitForgetBias = o.unitForgetBias;
    if constexpr (requires { o.resetAfter; })
      resetAfter = o.resetAfter;
    kernelRegularizer = o.kernelRegularizer;
    recurrentRegularizer = o.recurrentRegularizer;
    biasRegularizer = o.biasRegularizer;
    kernelConstraint = o.kernelConstraint;
    recurrentConstraint = o.recurrentConstraint;
    biasConstraint = o.biasConstraint;
    dropout = o.dropout;
    recurrentDropout = o.recurrentDropout;
    seed = o.seed;
  }
};

/// Throws, naming the layer, for activations and rates that can never be right.
void checkCellArguments(const LayerImpl &layer, const CellArguments &arguments);
/// kernel, recurrent_kernel and, with one, bias: one number a column of the kernel.
std::vector<Weight> cellWeights(const CellArguments &arguments, const Shape &kernel,
                                const Shape &recurrent);
/// The second gate's bias, the last of the weights, begins as 1.
void setUnitForgetBias(const CellArguments &arguments, std::vector<Weight> &weights);

struct CellImpl : LayerImpl {
  /// Dimensions of a step's inputs, with the batch.
  virtual int64_t stepRank() const { return 2; }
  /// Shapes of its states, of one sample of a step like this; the first is that of its result.
  virtual std::vector<Shape> stateShapes(const Shape &step) const = 0;
  /// Cells to be run one after another: itself, or those that it is made of.
  virtual std::vector<const CellImpl *> parts() const { return {this}; }
  /// `step`: the dimensions of a step's inputs.
  virtual CellRun begin(Emitter &e, llvm::ArrayRef<Dim> step) const = 0;
  virtual size_t stateCount() const { return stateShapes(Shape(stepRank(), 1)).size(); }

  bool takesSeveral() const override { return true; }
  std::vector<TensorSpec> results(const std::vector<TensorSpec> &inputs) const override;
  /// A call on one step's inputs and the states: the result, then the new states.
  llvm::SmallVector<mlir::Value> emitAll(Emitter &e, mlir::ValueRange inputs,
                                         const CallOptions &options) const override;
};

/// A cell of Keras's with kernel, recurrent kernel and bias.
struct GatedCell : CellImpl {
  CellArguments arguments;

  virtual int64_t gates() const = 0;
  void check() const { check(*this); }
  /// Throws, naming `layer`, for arguments that can never be right.
  void check(const LayerImpl &layer) const;
  std::vector<Weight> makeWeights(const std::vector<Shape> &inputs) const override;

protected:
  /// Masks of dropout for one run; empty where nothing is dropped. One for all gates, or one each.
  struct Masks {
    std::vector<graph::Expr> inputs, states;
  };
  Masks masks(Emitter &e, Dim batch, Dim features) const;
  std::optional<graph::Expr> biasOf(Emitter &e) const;
  /// x kernel + bias, and the dropout of inputs.
  graph::Expr projected(Emitter &e, const Masks &masks, mlir::Value x,
                        std::optional<graph::Expr> bias) const;
  /// h recurrent_kernel for gates `from` … `from + count`, with the dropout of states.
  graph::Expr recurrent(Emitter &e, const Masks &masks, graph::Expr kernel, graph::Expr h,
                        int64_t from, int64_t count) const;
  graph::Expr part(graph::Expr x, int64_t from, int64_t count = 1) const;
  graph::Expr activated(Emitter &e, graph::Expr x) const {
    return e.expr(emitActivation(e, arguments.activation, x));
  }
  graph::Expr recurrentActivated(Emitter &e, graph::Expr x) const {
    return e.expr(emitActivation(e, arguments.recurrentActivation, x));
  }
};

struct SimpleRNNCellImpl final : LayerWith<SimpleRNNCellImpl, GatedCell> {
  static constexpr const char *kName = "SimpleRNNCell";
  static constexpr const char *kLayer = "SimpleRNN";
  static constexpr const char *kCellName = "simple_rnn_cell";
  int64_t gates() const override { return 1; }
  std::vector<Shape> stateShapes(const Shape &) const override { return {{arguments.units}}; }
  CellRun begin(Emitter &e, llvm::ArrayRef<Dim> step) const override;
  static void fields(auto &self, auto &visit);
};

struct LSTMCellImpl final : LayerWith<LSTMCellImpl, GatedCell> {
  static constexpr const char *kName = "LSTMCell";
  static constexpr const char *kLayer = "LSTM";
  static constexpr const char *kCellName = "lstm_cell";
  int64_t gates() const override { return 4; }
  std::vector<Shape> stateShapes(const Shape &) const override {
    return {{arguments.units}, {arguments.units}};
  }
  CellRun begin(Emitter &e, llvm::ArrayRef<Dim> step) const override;
  std::vector<Weight> makeWeights(const std::vector<Shape> &inputs) const override;
  static void fields(auto &self, auto &visit);
};

struct GRUCellImpl final : LayerWith<GRUCellImpl, GatedCell> {
  static constexpr const char *kName = "GRUCell";
  static constexpr const char *kLayer = "GRU";
  static constexpr const char *kCellName = "gru_cell";
  int64_t gates() const override { return 3; }
  std::vector<Shape> stateShapes(const Shape &) const override { return {{arguments.units}}; }
  CellRun begin(Emitter &e, llvm::ArrayRef<Dim> step) const override;
  std::vector<Weight> makeWeights(const std::vector<Shape> &inputs) const override;
  static void fields(auto &self, auto &visit);
};

/// Arguments with Keras's keys, without the size; `isGated`: with a recurrent activation.
void cellFields(auto &a, auto &visit, bool isGated) {
  visit("activation", a.activation);
  if (isGated)
    visit("recurrent_activation", a.recurrentActivation);
  visit("use_bias", a.useBias);
  visit("kernel_initializer", a.kernelInitializer);
  visit("recurrent_initializer", a.recurrentInitializer);
  visit("bias_initializer", a.biasInitializer);
  visit("kernel_regularizer", a.kernelRegularizer);
  visit("recurrent_regularizer", a.recurrentRegularizer);
  visit("bias_regularizer", a.biasRegularizer);
  visit("kernel_constraint", a.kernelConstraint);
  visit("recurrent_constraint", a.recurrentConstraint);
  visit("bias_constraint", a.biasConstraint);
  visit("dropout", a.dropout);
  visit("recurrent_dropout", a.recurrentDropout);
  visit("seed", a.seed);
}

void SimpleRNNCellImpl::fields(auto &self, auto &visit) {
  visit.required("units", self.arguments.units);
  cellFields(self.arguments, visit, false);
}
void LSTMCellImpl::fields(auto &self, auto &visit) {
  visit.required("units", self.arguments.units);
  cellFields(self.arguments, visit, true);
  visit("unit_forget_bias", self.arguments.unitForgetBias);
}
void GRUCellImpl::fields(auto &self, auto &visit) {
  visit.required("units", self.arguments.units);
  cellFields(self.arguments, visit, true);
  visit("reset_after", self.arguments.resetAfter);
}

/// Zeros for the states of a cell.
graph::Values emptyStates(Emitter &e, const CellImpl &cell, mlir::Type element,
                          llvm::ArrayRef<Dim> step);

/// The cell that a layer stands for; throws, naming `layer`, when it is none.
std::shared_ptr<CellImpl> cellOf(const LayerImpl &layer, const std::shared_ptr<LayerImpl> &cell);

} // namespace ingot::keras::detail
