// Layers of sequences and attention: names and shapes, masks, states, wrapped models, mistakes,
// configs both ways, and training on compiled code. Numbers equal Keras's in
// KerasLayerFixturesTest.
#include "ingot/Model.h"
#include "tests/unit/frontends/KerasTest.h"

#include <cmath>

namespace ingot::test {
namespace {

using keras::None;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class KerasSequence : public KerasTest {
protected:
  /// Values that differ from element to element, between -1 and 1.
  reference::Tensor varied(llvm::ArrayRef<int64_t> shape, double phase = 0) {
    std::vector<double> values;
    int64_t count = 1;
    for (int64_t extent : shape)
      count *= extent;
    for (int64_t i = 0; i < count; ++i)
      values.push_back(std::sin(1.7 * static_cast<double>(i) + phase));
    return floats(shape, values);
  }
  reference::Tensor indices(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> values) {
    reference::Tensor t(mlir::IntegerType::get(&context, 32, mlir::IntegerType::Signed), shape);
    for (auto [i, value] : llvm::enumerate(values))
      t.set(static_cast<int64_t>(i), Number::integer(value));
    return t;
  }
  /// The layer that the config of this one describes.
  static keras::Layer reread(const keras::Layer &layer) {
    return keras::Layer(keras::detail::layerFromConfig(layer.className(),
                                                       keras::detail::layerConfig(*layer.impl())));
  }
  static std::string configOf(const keras::Layer &layer) {
    return keras::detail::layerConfig(*layer.impl()).dump();
  }
};

TEST_F(KerasSequence, weightsHaveKerasNamesAndShapes) {
  auto x = keras::Input({5, 3});
  layers::LSTM lstm(4);
  EXPECT_EQ(lstm(x).shape(), (keras::Shape{None, 4}));
  EXPECT_THAT(lstm.weightNames(),
              ElementsAre("lstm/lstm_cell/kernel", "lstm/lstm_cell/recurrent_kernel",
                          "lstm/lstm_cell/bias"));
  EXPECT_EQ(lstm.impl()->sublayers()[0]->weights[0].shape, (keras::Shape{3, 16}));
  layers::GRU gru(4, {.returnSequences = true});
  EXPECT_EQ(gru(x).shape(), (keras::Shape{None, 5, 4}));
  EXPECT_EQ(gru.impl()->sublayers()[0]->weights[2].shape, (keras::Shape{2, 12}));
  layers::Bidirectional both(layers::LSTM(4, {.returnSequences = true, .name = "read"}));
  EXPECT_EQ(both(x).shape(), (keras::Shape{None, 5, 8}));
  EXPECT_EQ(both.weightNames()[0], "bidirectional/forward_read/lstm_cell/kernel");
  EXPECT_EQ(both.weightNames()[3], "bidirectional/backward_read/lstm_cell/kernel");
  layers::MultiHeadAttention attention(2, 3);
  EXPECT_EQ(attention({x, x}).shape(), (keras::Shape{None, 5, 3}));
  EXPECT_THAT(attention.weightNames(),
              ElementsAre("multi_head_attention/query/kernel", "multi_head_attention/query/bias",
                          "multi_head_attention/key/kernel", "multi_head_attention/key/bias",
                          "multi_head_attention/value/kernel", "multi_head_attention/value/bias",
                          "multi_head_attention/attention_output/kernel",
                          "multi_head_attention/attention_output/bias"));
  EXPECT_EQ(attention.callAll({x, x}).size(), 1u);
  auto withScores = attention.callAll({x, x}, {.returnAttentionScores = true});
  ASSERT_EQ(withScores.size(), 2u);
  EXPECT_EQ(withScores[1].shape(), (keras::Shape{None, 2, 5, 5}));
}

TEST_F(KerasSequence, aBackwardLayerIsTheSameOutsideOfBidirectional) {
  layers::LSTM back(3, {.returnSequences = true, .goBackwards = true});
  auto input = keras::Input({5, 2});
  keras::Model alone(input, back(input));
  std::vector<float> values;
  for (int i = 0; i < 10; ++i)
    values.push_back(0.1f * static_cast<float>(i * i % 7) - 0.2f);
  auto x = std::move(ingot::Tensor::of(ingot::Shape{1, 5, 2}, values)).value();
  auto of = [&](keras::Model model) {
    ingot::Tensor y = model.predict(x);
    return std::vector<float>(y.data<float>(), y.data<float>() + y.elementCount());
  };
  const std::vector<float> before = of(alone);
  layers::Bidirectional both(layers::LSTM(3, {.returnSequences = true}), {.backwardLayer = back});
  auto other = keras::Input({5, 2});
  keras::Model around(other, both(other));
  EXPECT_EQ(of(keras::Model(input, back(input))), before);
  // In it, its steps are in the order of the other layer's.
  const std::vector<float> joined = of(around);
  ASSERT_EQ(joined.size(), 30u);
  for (int step = 0; step < 5; ++step)
    for (int unit = 0; unit < 3; ++unit)
      EXPECT_FLOAT_EQ(joined[step * 6 + 3 + unit], before[(4 - step) * 3 + unit]);
}

TEST_F(KerasSequence, whatIsPaddedChangesNothing) {
  auto model = [](int64_t steps) {
    return keras::Sequential(
        {keras::Input({steps}, {.dtype = "int32", .name = "tokens"}),
         layers::Embedding(6, 3, {.maskZero = true, .name = "embedding"}),
         layers::Bidirectional(layers::LSTM(2, {.returnSequences = true, .name = "there"}),
                               {.name = "both"}),
         layers::GRU(2, {.name = "last"})});
  };
  load(model(5));
  auto padded = run("predict", {indices({2, 5}, {3, 1, 4, 0, 0, 2, 5, 1, 0, 0})});
  auto weights = interpreter->variables;
  load(model(3));
  interpreter->variables = weights;
  auto plain = run("predict", {indices({2, 3}, {3, 1, 4, 2, 5, 1})});
  EXPECT_THAT(valuesOf(padded[0]),
              ::testing::Pointwise(::testing::DoubleNear(1e-6), valuesOf(plain[0])));
}

TEST_F(KerasSequence, statesCarryASequenceOn) {
  auto x = keras::Input({None, 3}, {.name = "x"}), h = keras::Input({2}, {.name = "h"}),
       c = keras::Input({2}, {.name = "c"});
  layers::LSTM lstm(2, {.returnSequences = true, .returnState = true});
  load(keras::Model({x, h, c}, lstm.callAll({x, h, c})));
  reference::Tensor whole = varied({1, 4, 3}), zero = floats({1, 2}, {0});
  auto part = [&](int64_t from) {
    std::vector<double> values = valuesOf(whole);
    return floats({1, 2, 3}, llvm::ArrayRef(values).slice(from * 3, 6));
  };
  auto all = run("predict", {whole, zero, zero}), first = run("predict", {part(0), zero, zero});
  auto second = run("predict", {part(2), first[1], first[2]});
  std::vector<double> joined = valuesOf(first[0]);
  for (double value : valuesOf(second[0]))
    joined.push_back(value);
  EXPECT_THAT(valuesOf(all[0]), ::testing::Pointwise(::testing::DoubleNear(1e-6), joined));
  EXPECT_EQ(valuesOf(all[1]), valuesOf(second[1]));
}

TEST_F(KerasSequence, aModelStandsAtEachStep) {
  auto picture = keras::Input({4});
  keras::Model encoder({picture}, {layers::Dense(3, {.activation = "tanh", .name = "d"})(picture)},
                       "encoder");
  auto film = keras::Input({None, 4});
  layers::TimeDistributed each(encoder, {.name = "each"});
  auto encoded = each(film);
  EXPECT_EQ(encoded.shape(), (keras::Shape{None, None, 3}));
  EXPECT_THAT(each.weightNames(), ElementsAre("each/encoder/d/kernel", "each/encoder/d/bias"));
  load(keras::Model({film}, {encoded}));
  auto weights = interpreter->variables;
  reference::Tensor frames = varied({2, 3, 4});
  auto together = run("predict", {frames});
  load(encoder);
  interpreter->variables["d/kernel"] = weights.at("each/encoder/d/kernel");
  auto alone = run("predict", {floats({6, 4}, valuesOf(frames))});
  EXPECT_THAT(valuesOf(together[0]),
              ::testing::Pointwise(::testing::DoubleNear(1e-6), valuesOf(alone[0])));
}

TEST_F(KerasSequence, dropoutDropsTheSameAtEachStep) {
  auto x = keras::Input({3, 4});
  keras::Sequential model(
      {layers::SimpleRNN(4, {.activation = "linear",
                             .kernelInitializer = keras::initializers::Identity(),
                             .recurrentInitializer = "zeros",
                             .dropout = 0.5,
                             .returnSequences = true,
                             .inputShape = {3, 4}})});
  model.compile({.optimizer = "sgd", .loss = "mse"});
  load(model);
  mlir::OpBuilder b(&context);
  auto loss = module->lookupSymbol<mlir::func::FuncOp>("loss");
  ASSERT_TRUE(loss);
  int64_t drops = 0;
  loss.walk([&](graph::DropoutOp op) {
    ++drops;
    EXPECT_EQ(graph::rankOf(op.getResult()), 2);
  });
  EXPECT_EQ(drops, 1);
}

TEST_F(KerasSequence, noPositionSeesALaterOne) {
  auto x = keras::Input({4, 3});
  auto seen =
      layers::MultiHeadAttention(2, 2, {.name = "a"})(std::vector{x, x}, {.useCausalMask = true});
  load(keras::Model({x}, {seen}));
  std::vector<double> values = valuesOf(varied({1, 4, 3})), changed = values;
  changed[11] = 5;
  auto before = run("predict", {floats({1, 4, 3}, values)}),
       after = run("predict", {floats({1, 4, 3}, changed)});
  std::vector<double> one = valuesOf(before[0]), other = valuesOf(after[0]);
  for (size_t i = 0; i < 9; ++i)
    EXPECT_EQ(one[i], other[i]) << i;
  EXPECT_NE(one[9], other[9]);
}

TEST_F(KerasSequence, scoresOfAttentionAreNeverStoredWhole) {
  const int64_t steps = 1024, heads = 4, features = 32, shape[] = {1, steps, features};
  auto input = std::move(ingot::Tensor::zeros(DType::F32, {1, steps, features})).value();
  for (int64_t length : {steps, keras::None})
    for (bool isCausal : {false, true}) {
      SCOPED_TRACE(std::to_string(length) + (isCausal ? ", causal" : ""));
      auto x = keras::Input({length, features});
      layers::MultiHeadAttention attention(heads, 8);
      keras::Model model({x}, {attention({x, x}, {.useCausalMask = isCausal})});
      (void)model.predict(input);
      const State &state = keras::detail::stateOf(*model.impl()->engine);
      auto session = Session::create(state.artifact(), "predict");
      ASSERT_TRUE(session.isOk()) << session.status().message();
      TensorView view{DType::F32, 3, shape, input.rawData()};
      ASSERT_TRUE(session->prepare(&view, 1).isOk());
      EXPECT_LT(session->arenaBytes(), heads * steps * steps * 4 / 4);
    }
}

TEST_F(KerasSequence, configsMakeTheSameLayers) {
  std::vector<keras::Layer> all = {
      layers::Embedding(5, 2, {.embeddingsRegularizer = "l2", .maskZero = true}),
      layers::Masking({.maskValue = -1}),
      layers::SimpleRNN(3, {.activation = "relu", .goBackwards = true}),
      layers::LSTM(3, {.unitForgetBias = false,
                       .recurrentConstraint = keras::constraints::MaxNorm(3),
                       .dropout = 0.1,
                       .seed = 7}),
      layers::GRU(3, {.returnState = true, .resetAfter = false}),
      layers::RNN(std::vector<keras::Layer>{layers::LSTMCell(3), layers::GRUCell(2)},
                  {.zeroOutputForMask = true}),
      layers::Bidirectional(layers::GRU(2), {.mergeMode = {}}),
      layers::TimeDistributed(layers::Dense(2)),
      layers::EinsumDense("abc,cd->abd", {None, 4}, {.biasAxes = "d"}),
      layers::MultiHeadAttention(2, 3, {.valueDim = 4, .outputShape = keras::Shape{5}}),
      layers::GroupQueryAttention(2, 4, 2, {.useBias = false}),
      layers::Attention({.useScale = true, .scoreMode = "concat"}),
      layers::AdditiveAttention({.useScale = false})};
  for (const keras::Layer &layer : all) {
    EXPECT_EQ(configOf(reread(layer)), configOf(layer)) << layer.className();
    EXPECT_EQ(reread(layer).className(), layer.className());
  }
}

TEST_F(KerasSequence, mistakesAreNamed) {
  auto sequence = keras::Input({5, 3}), vector = keras::Input({3});
  EXPECT_THAT(errorOf([&] { layers::LSTM(4, {.name = "l"})(vector); }),
              AllOf(HasSubstr("layer 'l' (LSTM): expected an input of 3 dimensions"),
                    HasSubstr("got (None, 3)"), HasSubstr(".returnSequences = true")));
  EXPECT_THAT(errorOf([&] { layers::LSTM(4, {.stateful = true, .name = "l"}); }),
              HasSubstr("layer 'l' (LSTM): stateful is not supported"));
  EXPECT_THAT(errorOf([&] { layers::GRU(0, {.name = "g"}); }),
              HasSubstr("layer 'g' (GRU): units must be positive, got 0"));
  EXPECT_THAT(errorOf([&] { layers::LSTM(4, {.name = "l"})({sequence, vector}); }),
              HasSubstr("layer 'l' (LSTM): has 2 states"));
  EXPECT_THAT(errorOf([&] { layers::GRU(4, {.name = "g"})({sequence, vector}); }),
              HasSubstr("state 0 has shape (None, 3), expected (None, 4)"));
  EXPECT_THAT(errorOf([&] { layers::RNN(layers::Dense(3), {.name = "r"}); }),
              HasSubstr("layer 'r' (RNN): 'dense' (Dense) is no cell"));
  EXPECT_THAT(errorOf([&] { layers::Bidirectional(layers::Dense(3), {.name = "b"}); }),
              HasSubstr("is no recurrent layer; use SimpleRNN, LSTM, GRU or RNN"));
  EXPECT_THAT(errorOf([&] { layers::Bidirectional(layers::GRU(3), {.mergeMode = "add"}); }),
              HasSubstr("mergeMode 'add' is not known"));
  EXPECT_THAT(errorOf([&] { layers::TimeDistributed(layers::Dense(3), {.name = "t"})(vector); }),
              HasSubstr("layer 't' (TimeDistributed): expected an input of at least 3 dimensions"));
  EXPECT_THAT(errorOf([&] { layers::Embedding(0, 3, {.name = "e"}); }),
              HasSubstr("inputDim and outputDim must be positive, got 0 and 3"));
  EXPECT_THAT(errorOf([&] { layers::MultiHeadAttention(2, 3, {.name = "m"})(sequence); }),
              HasSubstr("layer 'm' (MultiHeadAttention): is called on {query, value}"));
  EXPECT_THAT(errorOf([&] { layers::GroupQueryAttention(2, 3, 2); }),
              HasSubstr("numQueryHeads 3 must be a multiple of numKeyValueHeads 2"));
  EXPECT_THAT(errorOf([&] { layers::EinsumDense("ab->b", {3}); }),
              HasSubstr("equation 'ab->b' is none of two operands"));
  EXPECT_THAT(errorOf([&] { layers::EinsumDense("abc,cd->abd", {4, 6}, {.name = "e"})(sequence); }),
              HasSubstr("layer 'e' (EinsumDense): outputShape (4, 6) has 4 where the input (None, "
                        "5, 3) has 5; write None there"));
}

/// Which of two tokens came first, told from a sequence's last state: needs gradients through all
/// steps.
TEST_F(KerasSequence, compiledTrainingLearnsThroughTheLoop) {
  const int64_t count = 96, steps = 6;
  std::vector<int32_t> tokens;
  std::vector<int64_t> first;
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t t = 0; t < steps; ++t)
      tokens.push_back(static_cast<int32_t>((i * 7 + t * t * 3 + i * t) % 2 + 1));
    first.push_back(tokens[i * steps] - 1);
  }
  keras::Sequential model({keras::Input({steps}, {.dtype = "int32", .name = "tokens"}),
                           layers::Embedding(3, 4), layers::LSTM(8),
                           layers::Dense(2, {.activation = "softmax"})});
  model.compile({.optimizer = keras::optimizers::Adam({.learningRate = 0.02}),
                 .loss = "sparse_categorical_crossentropy",
                 .metrics = {"accuracy"}});
  model.setSeed(3);
  ingot::Tensor x = *ingot::Tensor::of({count, steps}, tokens),
                y = *ingot::Tensor::of({count}, first);
  keras::FitOptions options{.batchSize = 16, .epochs = 40, .verbose = keras::Verbosity::Silent};
  keras::History history = model.fit(x, y, options);
  EXPECT_LT(history.history.at("loss").back(), 0.2 * history.history.at("loss").front());
  EXPECT_EQ(model.evaluate(x, y).at("accuracy"), 1);
}

} // namespace
} // namespace ingot::test
