// The usual mistakes: each gets an error that names the layer (or loss, or array), what was
// expected and what was seen, and a remedy; at build time wherever shapes are known then.
#include "tests/unit/frontends/KerasTest.h"

namespace ingot::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class KerasMistakes : public KerasTest {
protected:
  keras::Sequential classifier() {
    return keras::Sequential(
        {layers::Dense(3, {.activation = "softmax", .inputShape = {4}, .name = "scores"})});
  }
  ingot::Tensor zeros(DType dtype, const ingot::Shape &shape) {
    return std::move(ingot::Tensor::zeros(dtype, shape)).value();
  }
};

TEST_F(KerasMistakes, guideExercise2ViewTo64x6x6) {
  std::string error = errorOf([] {
    keras::Sequential({layers::Conv2D(32, 3, {.activation = "relu", .inputShape = {28, 28, 1}}),
                       layers::MaxPooling2D(2), layers::Conv2D(64, 3, {.activation = "relu"}),
                       layers::MaxPooling2D(2), layers::Reshape({64 * 6 * 6}, {.name = "view"}),
                       layers::Dense(64)});
  });
  EXPECT_EQ(error, "layer 'view' (Reshape): cannot turn input shape (None, 5, 5, 64), 5 * 5 * 64 = "
                   "1600 elements a sample, into target shape (2304,), 2304 elements; use a target "
                   "of 1600 elements, Reshape({-1}), or Flatten()");
}

TEST_F(KerasMistakes, denseOnAnUnknownLastDimension) {
  auto input = keras::Input({keras::None});
  EXPECT_THAT(errorOf([&] { layers::Dense(3, {.name = "head"})(input); }),
              AllOf(HasSubstr("layer 'head' (Dense): the last dimension of its input is not known"),
                    HasSubstr("got (None, None)"), HasSubstr("give the Input a full shape")));
}

TEST_F(KerasMistakes, kernelLargerThanItsInput) {
  EXPECT_THAT(errorOf([] {
                keras::Sequential({layers::MaxPooling2D(8, {.inputShape = {28, 28, 1}}),
                                   layers::Conv2D(4, 5, {.name = "deep"})});
              }),
              AllOf(HasSubstr("layer 'deep' (Conv2D): kernelSize (5, 5) covers 5 rows"),
                    HasSubstr("the input (None, 3, 3, 1) has 3"),
                    HasSubstr(".padding = \"same\"")));
}

TEST_F(KerasMistakes, imagesWithoutTheirChannels) {
  EXPECT_THAT(errorOf([] { keras::Sequential({layers::Conv2D(4, 3, {.inputShape = {28, 28}})}); }),
              AllOf(HasSubstr("layer 'conv2d' (Conv2D): expected an input of 4 dimensions"),
                    HasSubstr("got (None, 28, 28)"), HasSubstr("inputShape {h, w, 1}")));
}

TEST_F(KerasMistakes, negativeSizes) {
  EXPECT_THAT(errorOf([] { layers::Conv2D(-8, 3, {.name = "c"}); }),
              HasSubstr("layer 'c' (Conv2D): filters must be positive, got -8"));
  EXPECT_THAT(errorOf([] { layers::Dense(0, {.name = "d"}); }),
              HasSubstr("layer 'd' (Dense): units must be positive, got 0"));
  EXPECT_THAT(errorOf([] { layers::Conv2D(8, {3, -3}); }),
              HasSubstr("kernelSize must be positive, got (3, -3)"));
  EXPECT_THAT(errorOf([] { layers::Dropout(20); }), HasSubstr("from 0 to below 1, got 20"));
}

TEST_F(KerasMistakes, unknownNamesAreAnsweredWithTheNearest) {
  EXPECT_THAT(errorOf([] { layers::Dense(3, {.activation = "rleu", .name = "d"}); }),
              HasSubstr("layer 'd' (Dense): unknown activation 'rleu': did you mean 'relu'?"));
  keras::Sequential model = classifier();
  EXPECT_THAT(errorOf([&] { model.compile({.loss = "sparse_categorical_cross_entropy"}); }),
              HasSubstr("unknown loss 'sparse_categorical_cross_entropy': did you mean "
                        "'sparse_categorical_crossentropy'?"));
  EXPECT_THAT(errorOf([&] { model.compile({.optimizer = "adan", .loss = "mse"}); }),
              HasSubstr("unknown optimizer 'adan': did you mean 'adam'?"));
  EXPECT_THAT(errorOf([&] { model.compile({.loss = "mse", .metrics = {"accurracy"}}); }),
              HasSubstr("unknown metric 'accurracy': did you mean 'accuracy'?"));
  EXPECT_THAT(errorOf([] { layers::Dense(3, {.kernelInitializer = "glorot"}); }),
              HasSubstr("unknown initializer 'glorot'"));
  EXPECT_THAT(errorOf([] { layers::MaxPooling2D(2, {.padding = "smae"}); }),
              HasSubstr("unknown padding 'smae': did you mean 'same'?"));
  EXPECT_THAT(errorOf([&] { model.getLayer("score"); }), HasSubstr("did you mean 'scores'?"));
}

TEST_F(KerasMistakes, mergingShapesThatDoNotFit) {
  auto a = keras::Input({8, 8, 16}), b = keras::Input({4, 4, 16}), c = keras::Input({8, 8, 32});
  EXPECT_THAT(errorOf([&] { layers::concatenate({a, b}, {.name = "join"}); }),
              AllOf(HasSubstr("layer 'join' (Concatenate)"), HasSubstr("(None, 8, 8, 16)"),
                    HasSubstr("(None, 4, 4, 16)"), HasSubstr("except axis -1")));
  EXPECT_THAT(errorOf([&] { layers::add({a, c}, {.name = "sum"}); }),
              AllOf(HasSubstr("layer 'sum' (Add)"), HasSubstr("(None, 8, 8, 16)"),
                    HasSubstr("(None, 8, 8, 32)"), HasSubstr("1x1")));
}

TEST_F(KerasMistakes, severalTensorsForALayerOfOne) {
  auto a = keras::Input({8}), b = keras::Input({8});
  EXPECT_THAT(errorOf([&] { layers::Dense(3)(std::vector{a, b}); }),
              HasSubstr("layer 'dense' (Dense): takes one tensor, got 2"));
}

TEST_F(KerasMistakes, fitBeforeCompileOrWithoutAShape) {
  keras::Sequential model = classifier();
  ingot::Tensor x = zeros(DType::F32, {2, 4}), y = zeros(DType::I64, {2});
  EXPECT_THAT(errorOf([&] { model.fit(x, y); }), HasSubstr("was not compiled: call compile"));
  keras::Sequential unbuilt({layers::Dense(3)});
  EXPECT_THAT(errorOf([&] { unbuilt.countParams(); }),
              AllOf(HasSubstr("the shape of its input is not known"), HasSubstr("inputShape")));
}

TEST_F(KerasMistakes, samplesThatDoNotMatch) {
  keras::Sequential model = classifier();
  model.compile({.loss = "sparse_categorical_crossentropy"});
  ingot::Tensor x = zeros(DType::F32, {6, 4}), y = zeros(DType::I64, {5});
  EXPECT_THAT(errorOf([&] { model.fit(x, y); }),
              HasSubstr("x has 6 samples, y has 5; both need one entry a sample"));
}

TEST_F(KerasMistakes, inputOfAnotherShape) {
  keras::Sequential model = classifier();
  ingot::Tensor x = zeros(DType::F32, {6, 28, 28});
  EXPECT_THAT(errorOf([&] { model.predict(x); }),
              AllOf(HasSubstr("input 'input_layer': expected shape (None, 4)"),
                    HasSubstr("got (6, 28, 28)"), HasSubstr("reshape the array")));
}

TEST_F(KerasMistakes, lossesThatDoNotFitTheOutput) {
  keras::Sequential one({layers::Dense(1, {.inputShape = {4}, .name = "score"})});
  EXPECT_THAT(errorOf([&] { one.compile({.loss = "sparse_categorical_crossentropy"}); }),
              AllOf(HasSubstr("output 'score' of shape (None, 1) has one class"),
                    HasSubstr("binary_crossentropy")));
  keras::Sequential model = classifier();
  EXPECT_THAT(errorOf([&] {
                model.compile({.loss = "categorical_crossentropy",
                               .metrics = {"sparse_categorical_accuracy"}});
              }),
              HasSubstr("use \"accuracy\", which follows the loss"));
  EXPECT_THAT(errorOf([&] { model.compile({.metrics = {"accuracy"}}); }),
              HasSubstr("compile needs a loss"));
}

TEST_F(KerasMistakes, unknownDtypes) {
  EXPECT_THAT(
      errorOf([] { keras::Input({4}, {.dtype = "flaot32", .name = "x"}); }),
      HasSubstr("layer 'x' (InputLayer): unknown dtype 'flaot32': did you mean 'float32'?"));
}

TEST_F(KerasMistakes, weightsOfAnotherShape) {
  keras::Sequential model = classifier();
  EXPECT_THAT(errorOf([&] { model.setWeight("scores/kernel", zeros(DType::F32, {3, 4})); }),
              HasSubstr("weight 'scores/kernel': expected f32 (4, 3), got f32 (3, 4)"));
  EXPECT_THAT(errorOf([&] { model.setWeight("scores/kernal", zeros(DType::F32, {4, 3})); }),
              HasSubstr("did you mean 'scores/kernel'?"));
}

TEST_F(KerasMistakes, disconnectedAndAmbiguousGraphs) {
  auto a = keras::Input({4}, {.name = "a"}), b = keras::Input({4}, {.name = "b"});
  auto sum = layers::add({a, b});
  EXPECT_THAT(errorOf([&] { keras::Model({a}, {sum}); }),
              HasSubstr("depend on input 'b', which is not among the model's inputs"));
  auto left = layers::Dense(4, {.name = "same"})(a), right = layers::Dense(4, {.name = "same"})(b);
  EXPECT_THAT(errorOf([&] { keras::Model({a, b}, {layers::add({left, right})}); }),
              HasSubstr("two layers are called 'same'"));
  layers::Dense shared(4, {.name = "shared"});
  shared(a);
  EXPECT_THAT(errorOf([&] { shared(keras::Input({5})); }),
              AllOf(HasSubstr("kernel (4, 4)"), HasSubstr("kernel (5, 4)")));
}

TEST_F(KerasMistakes, labelsOutOfRangeNameTheLoss) {
  keras::Sequential model = classifier();
  model.compile({.loss = "sparse_categorical_crossentropy"});
  load(model);
  auto results = interpreter->run("evaluate", {floats({2, 4}, {1}), labels({0, 3})});
  ASSERT_TRUE(mlir::failed(results));
  EXPECT_THAT(interpreter->error(), HasSubstr("sparse_categorical_crossentropy"));
}

TEST_F(KerasMistakes, wrongNamesInConstructorsAreNamed) {
  EXPECT_THAT(errorOf([] { keras::Loss("mean_squared_eror"); }),
              HasSubstr("unknown loss 'mean_squared_eror'"));
  EXPECT_THAT(errorOf([] { keras::Optimizer("Adm", {}); }),
              HasSubstr("unknown optimizer 'Adm': did you mean 'adam'?"));
  EXPECT_THAT(
      errorOf([] { keras::Optimizer("SGD", {{"learningrate", 0.1}}); }),
      HasSubstr("optimizer SGD: unknown argument 'learningrate': did you mean 'learning_rate'?"));
  EXPECT_THAT(errorOf([] { keras::Optimizer("SGD", {{"momentum", 2}}); }),
              HasSubstr("optimizer SGD: momentum must be a number from 0 to 1, got 2"));
  EXPECT_EQ(keras::Optimizer("Adam", {{"beta_1", 0.5}}).get("learning_rate"), 0.001);
  EXPECT_THAT(errorOf([] { keras::Initializer("Glorot", {}); }),
              HasSubstr("unknown initializer 'Glorot'"));
  EXPECT_THAT(errorOf([] { keras::Initializer("RandomNormal", {{"stdev", 1.0}}); }),
              HasSubstr("initializer RandomNormal: unknown argument 'stdev': did you mean "
                        "'stddev'?"));
  EXPECT_EQ(keras::Initializer("RandomNormal", {{"mean", 1.0}}).config.back(),
            (std::pair<std::string, keras::Argument>("stddev", 0.05)));
  // Handles are open: a name may be wrong later, too.
  keras::Sequential model = classifier();
  keras::Loss loss = "mse";
  loss.className = "MeanSquaredEror";
  EXPECT_THAT(errorOf([&] { model.compile({.loss = loss}); }),
              HasSubstr("unknown loss 'MeanSquaredEror'"));
}

TEST_F(KerasMistakes, anInputListedTwice) {
  auto a = keras::Input({2}, {.name = "a"});
  EXPECT_THAT(errorOf([&] { keras::Model({a, a}, {layers::Dense(1)(a)}); }),
              HasSubstr("input 'a' is listed twice"));
}

} // namespace
} // namespace ingot::test
