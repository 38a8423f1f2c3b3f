// The training step on the reference interpreter: optimizers against numbers computed with NumPy
// from the frameworks' formulas, the order of assignments, initialization, and messages.
#include "ir/Elementwise.h"
#include "tests/unit/compiler/GraphTest.h"
#include <gmock/gmock.h>

namespace ingot {
namespace {

using Kind = OptimizerSpec::Kind;
using test::GraphTest;
using test::Interpreter;
using ::testing::HasSubstr;

class TrainStepTest : public GraphTest {
protected:
  /// loss = sum(w * w * x), so that the gradient is 2 w x.
  void parseQuadratic() {
    parse(R"mlir(
      graph.variable @"layer/w" {role = "trainable"} : tensor<2xf32>
      func.func @loss(%x: tensor<2xf32>) -> tensor<f32> {
        %w = graph.read @"layer/w" : tensor<2xf32>
        %again = graph.read @"layer/w" : tensor<2xf32>
        %a = graph.mul %w, %again : tensor<2xf32>
        %b = graph.mul %a, %x : tensor<2xf32>
        %s = graph.reduce %b {kind = 0 : i32, axes = array<i64: 0>}
            : (tensor<2xf32>) -> tensor<f32>
        return %s : tensor<f32>
      })mlir");
  }
};

struct OptimizerCase {
  OptimizerSpec spec;
  double expected[2];
};

std::vector<OptimizerCase> optimizerCases() {
  auto spec = [](Kind kind, bool pytorch) {
    OptimizerSpec s;
    s.kind = kind;
    s.pytorch = pytorch;
    s.learningRate = 0.1;
    s.rho = pytorch ? 0.99 : 0.9;
    s.epsilon = pytorch ? 1e-8 : 1e-7;
    return s;
  };
  auto momentum = [](OptimizerSpec s, double m, bool nesterov = false) {
    s.momentum = m;
    s.nesterov = nesterov;
    return s;
  };
  auto decay = [](OptimizerSpec s) {
    s.weightDecay = 0.01;
    return s;
  };
  auto epsilon = [](OptimizerSpec s) {
    s.epsilon = 0.01;
    return s;
  };
  const bool keras = false, torch = true;
  return {
      {spec(Kind::SGD, keras), {0.7290000000, -1.7147500000}},
      {momentum(spec(Kind::SGD, keras), 0.9), {0.4860000000, -1.4627500000}},
      {momentum(spec(Kind::SGD, keras), 0.9, true), {0.3273210000, -1.2629252500}},
      {momentum(spec(Kind::SGD, torch), 0.9), {0.4860000000, -1.4627500000}},
      {momentum(spec(Kind::SGD, torch), 0.9, true), {0.3273210000, -1.2629252500}},
      {decay(momentum(spec(Kind::SGD, torch), 0.9)), {0.4813244990, -1.4524842980}},
      {decay(momentum(spec(Kind::SGD, keras), 0.9)), {0.4837526990, -1.4575206980}},
      {spec(Kind::Adam, keras), {0.7015870149, -1.7006241255}},
      {spec(Kind::Adam, torch), {0.7015862745, -1.7006233943}},
      {epsilon(spec(Kind::Adam, keras)), {0.7602982969, -1.7589352424}},
      {epsilon(spec(Kind::Adam, torch)), {0.7046692617, -1.7036542119}},
      {decay(spec(Kind::AdamW, keras)), {0.6989119244, -1.6949452472}},
      {decay(spec(Kind::AdamW, torch)), {0.6989111847, -1.6949445167}},
      {spec(Kind::RMSprop, keras), {0.3691807604, -1.3087181084}},
      {momentum(spec(Kind::RMSprop, keras), 0.9), {-0.2682563139, -0.6041201121}},
      {momentum(spec(Kind::RMSprop, torch), 0.9), {-1.0373272129, 1.4075418667}},
      {epsilon(spec(Kind::RMSprop, keras)), {0.3887293497, -1.3314578287}},
      {epsilon(spec(Kind::RMSprop, torch)), {0.0007055790, -0.3945179189}},
  };
}

TEST_F(TrainStepTest, OptimizersFollowTheFrameworksFormulas) {
  for (auto [number, c] : llvm::enumerate(optimizerCases())) {
    SCOPED_TRACE("case " + std::to_string(number));
    parseQuadratic();
    ASSERT_TRUE(mlir::succeeded(buildTrainStep(*module, "loss", c.spec)));
    ASSERT_TRUE(mlir::succeeded(mlir::verify(*module)));
    Interpreter run(*module, /*exact=*/true);
    ASSERT_TRUE(mlir::succeeded(run.run("initialize", {})));
    run.variables["layer/w"] = tensor({2}, {1, -2});
    for (int i = 0; i < 3; ++i)
      ASSERT_TRUE(mlir::succeeded(run.run("train_step", {tensor({2}, {0.5, 0.25})})));
    // The hyper-parameters are f32 constants; 1 - beta^t in f32, as Keras has it, costs 1e-5.
    for (int i = 0; i < 2; ++i)
      EXPECT_NEAR(run.variables["layer/w"].real(i), c.expected[i], 2e-6);
    EXPECT_EQ(run.variables["step"].integer(0), 3);
  }
}

TEST_F(TrainStepTest, TheLossFallsAndIsThatBeforeTheUpdate) {
  parseQuadratic();
  ASSERT_TRUE(mlir::succeeded(buildTrainStep(*module, "loss", {})));
  Interpreter run(*module);
  ASSERT_TRUE(mlir::succeeded(run.run("initialize", {})));
  run.variables["layer/w"] = tensor({2}, {1, -2});
  auto x = tensor({2}, {0.5, 0.25});
  double before = 2;
  for (int i = 0; i < 20; ++i) {
    double plain = (*run.run("loss", {x}))[0].real(0);
    double loss = (*run.run("train_step", {x}))[0].real(0);
    EXPECT_EQ(loss, plain);
    EXPECT_LT(loss, before);
    before = loss;
  }
}

TEST_F(TrainStepTest, StateIsAssignedAtTheEndAndLaterReadsSeeTheNewValue) {
  parse(R"mlir(
    graph.variable @w {role = "trainable"} : tensor<f32>
    graph.variable @count {role = "state"} : tensor<f32>
    graph.variable @learning_rate {role = "control"} : tensor<f32>
    func.func @loss(%x: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
      %c = graph.read @count : tensor<f32>
      %c1 = graph.add %c, %x : tensor<f32>
      graph.assign @count, %c1 : tensor<f32>
      %w = graph.read @w : tensor<f32>
      %l = graph.mul %w, %x : tensor<f32>
      %seen = graph.read @count : tensor<f32>
      return %l, %seen : tensor<f32>, tensor<f32>
    })mlir");
  ASSERT_TRUE(mlir::succeeded(buildTrainStep(*module, "loss", {})));
  ASSERT_TRUE(mlir::succeeded(mlir::verify(*module)));
  Interpreter run(*module);
  ASSERT_TRUE(mlir::succeeded(run.run("initialize", {})));
  run.variables["w"] = tensor({}, {1});
  run.variables["count"] = tensor({}, {10});
  auto results = run.run("train_step", {tensor({}, {2})});
  ASSERT_TRUE(mlir::succeeded(results));
  EXPECT_EQ((*results)[1].real(0), 12);
  EXPECT_EQ(run.variables["count"].real(0), 12);
  EXPECT_FLOAT_EQ(run.variables["w"].real(0), 0.98f);
  bool assigning = false;
  for (mlir::Operation &op : function("train_step").getBody().front().without_terminator()) {
    assigning |= llvm::isa<graph::AssignOp>(op);
    EXPECT_EQ(llvm::isa<graph::AssignOp>(op), assigning) << "an op comes after an assignment";
  }
}

TEST_F(TrainStepTest, InitializeIsExtendedWithTheOptimizersState) {
  parse(R"mlir(
    graph.variable @w {role = "trainable"} : tensor<3xf32>
    func.func @initialize() {
      %0 = graph.constant dense<2.0> : tensor<f32> : tensor<3xf32>
      graph.assign @w, %0 : tensor<3xf32>
      return
    }
    func.func @loss() -> tensor<f32> {
      %w = graph.read @w : tensor<3xf32>
      %l = graph.reduce %w {kind = 0 : i32, axes = array<i64: 0>} : (tensor<3xf32>) -> tensor<f32>
      return %l : tensor<f32>
    })mlir");
  OptimizerSpec adam;
  adam.kind = Kind::Adam;
  adam.learningRate = 0.25;
  ASSERT_TRUE(mlir::succeeded(buildTrainStep(*module, "loss", adam)));
  Interpreter run(*module);
  run.variables["step"] =
      tensor({}, {7}, mlir::IntegerType::get(&context, 64, mlir::IntegerType::Signed));
  ASSERT_TRUE(mlir::succeeded(run.run("initialize", {})));
  EXPECT_EQ(run.variables["w"].real(2), 2);
  EXPECT_EQ(run.variables["optimizer/w/momentum"].real(2), 0);
  EXPECT_EQ(run.variables["optimizer/w/velocity"].numElements(), 3);
  EXPECT_EQ(run.variables["learning_rate"].real(0), 0.25);
  EXPECT_EQ(run.variables["step"].integer(0), 0);
  auto slot = module->lookupSymbol<graph::VariableOp>("optimizer/w/velocity");
  ASSERT_TRUE(slot);
  EXPECT_EQ(slot.getRole(), "optimizer");
}

TEST_F(TrainStepTest, NewValuesAreConstrainedBeforeTheyAreAssigned) {
  parseQuadratic();
  OptimizerSpec spec;
  spec.learningRate = 0.1;
  spec.momentum = 0.9;
  TrainStepOptions options;
  std::vector<std::string> asked;
  options.constrain = [&](mlir::OpBuilder &b, mlir::Location loc, llvm::StringRef name,
                          mlir::Value value) -> mlir::Value {
    asked.push_back(name.str());
    return graph::Expr(b, loc, value) + 10.0;
  };
  ASSERT_TRUE(mlir::succeeded(buildTrainStep(*module, "loss", spec, options)));
  EXPECT_EQ(asked, std::vector<std::string>{"layer/w"});
  Interpreter run(*module);
  ASSERT_TRUE(mlir::succeeded(run.run("initialize", {})));
  run.variables["layer/w"] = tensor({2}, {1, -2});
  ASSERT_TRUE(mlir::succeeded(run.run("train_step", {tensor({2}, {0.5, 0.25})})));
  EXPECT_FLOAT_EQ(run.variables["layer/w"].real(0), 10.9f);
  EXPECT_FLOAT_EQ(run.variables["optimizer/layer/w/momentum"].real(0), -0.1f);
}

TEST_F(TrainStepTest, AScheduledRateIsTheNextStepsAndNoControl) {
  parseQuadratic();
  OptimizerSpec spec;
  spec.schedule = [](mlir::OpBuilder &b, mlir::Location loc, mlir::Value step) -> mlir::Value {
    return castTo(graph::Expr(b, loc, step), b.getF32Type()) * 0.25 + 0.5;
  };
  spec.learningRate = 0.5;
  ASSERT_TRUE(mlir::succeeded(buildTrainStep(*module, "loss", spec)));
  EXPECT_EQ(module->lookupSymbol<graph::VariableOp>("learning_rate").getRole(), "optimizer");
  Interpreter run(*module);
  ASSERT_TRUE(mlir::succeeded(run.run("initialize", {})));
  EXPECT_EQ(run.variables["learning_rate"].real(0), 0.5);
  run.variables["layer/w"] = tensor({2}, {1, -2});
  run.variables["step"] =
      tensor({}, {2}, mlir::IntegerType::get(&context, 64, mlir::IntegerType::Signed));
  ASSERT_TRUE(mlir::succeeded(run.run("train_step", {tensor({2}, {0.5, 0.25})})));
  EXPECT_FLOAT_EQ(run.variables["layer/w"].real(0), 0) << "the rate is 1, by the step";
  EXPECT_EQ(run.variables["learning_rate"].real(0), 1.25);
}

TEST_F(TrainStepTest, OnlyAveragesOfTheWeightsNeedFinalize) {
  for (bool averages : {false, true}) {
    parseQuadratic();
    OptimizerSpec spec;
    if (averages)
      spec.emaMomentum = 0.5;
    ASSERT_TRUE(mlir::succeeded(buildTrainStep(*module, "loss", spec)));
    EXPECT_EQ(module->lookupSymbol("finalize") != nullptr, averages);
  }
}

TEST_F(TrainStepTest, AStepWithoutFiniteGradientsLeavesTheOptimizerButForTheScale) {
  parse(R"mlir(
    graph.variable @w {role = "trainable"} : tensor<2xf32>
    graph.variable @count {role = "state"} : tensor<f32>
    func.func @loss(%x: tensor<2xf32>) -> tensor<f32> {
      %c = graph.read @count : tensor<f32>
      %one = graph.constant dense<1.0> : tensor<f32> : tensor<f32>
      %c1 = graph.add %c, %one : tensor<f32>
      graph.assign @count, %c1 : tensor<f32>
      %w = graph.read @w : tensor<2xf32>
      %a = graph.mul %w, %x : tensor<2xf32>
      %s = graph.reduce %a {kind = 0 : i32, axes = array<i64: 0>} : (tensor<2xf32>) -> tensor<f32>
      return %s : tensor<f32>
    })mlir");
  OptimizerSpec adam;
  adam.kind = Kind::Adam;
  adam.dynamicScale = {1024, 2};
  ASSERT_TRUE(mlir::succeeded(buildTrainStep(*module, "loss", adam)));
  Interpreter run(*module);
  ASSERT_TRUE(mlir::succeeded(run.run("initialize", {})));
  run.variables["w"] = tensor({2}, {1, 1});
  run.variables["count"] = tensor({}, {0});
  auto before = run.variables;
  for (double bad : {HUGE_VAL, std::nan("")})
    ASSERT_TRUE(mlir::succeeded(run.run("train_step", {tensor({2}, {1, bad})})));
  for (auto &[name, value] : run.variables)
    for (int64_t i = 0; i < value.numElements(); ++i) {
      double now = value.isFloat() ? value.real(i) : static_cast<double>(value.integer(i));
      double then = value.isFloat() ? before[name].real(i) : before[name].integer(i);
      if (name == "count") // statistics are the forward pass's, as in Keras
        EXPECT_EQ(now, 2);
      else
        EXPECT_EQ(now, name == "optimizer/dynamic_scale" ? 256 : then) << name;
    }
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(mlir::succeeded(run.run("train_step", {tensor({2}, {1, 1})})));
  EXPECT_EQ(run.variables["optimizer/dynamic_scale"].real(0), 512);
  EXPECT_EQ(run.variables["optimizer/step_counter"].integer(0), 0);
  EXPECT_EQ(run.variables["step"].integer(0), 2);
}

TEST_F(TrainStepTest, VariablesThatTheLossDoesNotDependOnStayUntouched) {
  parse(R"mlir(
    graph.variable @w {role = "trainable"} : tensor<f32>
    graph.variable @other {role = "trainable"} : tensor<f32>
    graph.variable @frozen {role = "state"} : tensor<f32>
    func.func @loss() -> (tensor<f32>, tensor<f32>) {
      %w = graph.read @w : tensor<f32>
      %f = graph.read @frozen : tensor<f32>
      %l = graph.mul %w, %f : tensor<f32>
      %o = graph.read @other : tensor<f32>
      return %l, %o : tensor<f32>, tensor<f32>
    })mlir");
  OptimizerSpec adamw;
  adamw.kind = Kind::AdamW;
  adamw.weightDecay = 0.1;
  ASSERT_TRUE(mlir::succeeded(buildTrainStep(*module, "loss", adamw)));
  EXPECT_FALSE(module->lookupSymbol("optimizer/other/momentum"));
  EXPECT_FALSE(module->lookupSymbol("optimizer/frozen/momentum"));
  EXPECT_THAT(text(), ::testing::Not(HasSubstr("assign @other")));
}

TEST_F(TrainStepTest, WhatCannotBeTrainedIsSaidAndLeavesTheModuleAsItWas) {
  parse(R"mlir(
    graph.variable @w {role = "state"} : tensor<f32>
    graph.variable @step {role = "control"} : tensor<f32>
    graph.variable @v {role = "trainable"} : tensor<f32>
    func.func @loss() -> tensor<f32> {
      %w = graph.read @w : tensor<f32>
      return %w : tensor<f32>
    }
    func.func @none() {
      return
    }
    func.func @wrongStep() -> tensor<f32> {
      %v = graph.read @v : tensor<f32>
      return %v : tensor<f32>
    })mlir");
  EXPECT_TRUE(mlir::failed(buildTrainStep(*module, "loss", {})));
  EXPECT_TRUE(mlir::failed(buildTrainStep(*module, "none", {})));
  EXPECT_TRUE(mlir::failed(buildTrainStep(*module, "absent", {})));
  EXPECT_TRUE(mlir::failed(buildTrainStep(*module, "wrongStep", {})));
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_THAT(messages[0], HasSubstr("`loss` reads no trainable variable"));
  EXPECT_THAT(messages[1], HasSubstr("`none` must return the loss first"));
  EXPECT_THAT(messages[2], HasSubstr("no function `absent`"));
  EXPECT_THAT(messages[3], HasSubstr("variable `step` must be of 'tensor<si64>'"));
  EXPECT_FALSE(module->lookupSymbol("train_step"));
}

} // namespace
} // namespace ingot
