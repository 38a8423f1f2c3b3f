// Mistakes with each family of layers: the message names the layer, what was expected and seen, and
// a remedy.
#include "tests/unit/frontends/KerasTest.h"

namespace ingot::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Tensors = std::vector<keras::Tensor>;

class KerasLayerMistakes : public KerasTest {};

template <typename Make> std::string mistake(const keras::Shape &input, Make make) {
  return errorOf([&] { make()(keras::Input(input)); });
}

TEST_F(KerasLayerMistakes, convolutions) {
  EXPECT_THAT(mistake({8, 8, 3}, [] { return layers::Conv1D(4, 3, {.name = "c"}); }),
              AllOf(HasSubstr("layer 'c' (Conv1D): expected an input of 3 dimensions, (batch, "
                              "steps, channels), got (None, 8, 8, 3)"),
                    HasSubstr("Reshape")));
  EXPECT_THAT(
      mistake({3, 4, 4}, [] { return layers::Conv2D(4, 5, {.dataFormat = "channels_first"}); }),
      HasSubstr("covers 5 rows, the input (None, 3, 4, 4) has 4"));
  EXPECT_THAT(errorOf([] { layers::Conv2D(4, 3, {.padding = "causal"}); }),
              HasSubstr("unknown padding 'causal'"));
  EXPECT_THAT(errorOf([] { layers::Conv2D(4, 3, {.dataFormat = "channel_first"}); }),
              HasSubstr("unknown data format 'channel_first': did you mean 'channels_first'?"));
  EXPECT_THAT(errorOf([] { layers::Conv3D(4, 3, {.strides = 2, .dilationRate = 2}); }),
              HasSubstr("strides (2, 2, 2) and dilationRate (2, 2, 2) may not both be larger"));
  EXPECT_THAT(errorOf([] { layers::Conv1DTranspose(4, 3, {.outputPadding = 1}); }),
              HasSubstr("outputPadding 1 must be from 0 to below the stride, 1"));
  EXPECT_THAT(errorOf([] {
                layers::Conv1DTranspose(4, 2,
                                        {.strides = 2, .padding = "same", .outputPadding = 0});
              }),
              HasSubstr("an outputPadding of 1 or more"));
  EXPECT_THAT(errorOf([] { layers::DepthwiseConv2D(3, {.depthMultiplier = 0}); }),
              HasSubstr("depthMultiplier must be positive, got 0"));
  EXPECT_THAT(mistake({8, keras::None}, [] { return layers::SeparableConv1D(4, 3); }),
              HasSubstr("the number of input channels is not known"));
  EXPECT_THAT(mistake({8, 8, 3}, [] { return layers::Conv2D(3, 3, {.activation = "glu"}); }),
              HasSubstr("activation 'glu' halves the last dimension"));
}

TEST_F(KerasLayerMistakes, reshaping) {
  EXPECT_THAT(errorOf([] { layers::Permute({0, 1}); }),
              HasSubstr("dims (0, 1) must name each dimension from 1 to 2 once"));
  EXPECT_THAT(mistake({4, 5}, [] { return layers::Permute({1, 3, 2}); }),
              HasSubstr("want an input of 4 dimensions, got (None, 4, 5)"));
  EXPECT_THAT(mistake({4, 5}, [] { return layers::RepeatVector(2); }),
              HasSubstr("put a Flatten before it"));
  EXPECT_THAT(mistake({4, 5, 1}, [] { return layers::Cropping2D({2, 0}); }),
              HasSubstr("cropping (2, 2) leaves nothing of the 4 rows of input (None, 4, 5, 1)"));
  EXPECT_THAT(errorOf([] { layers::ZeroPadding1D(-1); }), HasSubstr("may not be negative"));
  EXPECT_THAT(errorOf([] { layers::UpSampling2D(2, {.interpolation = "bilinar"}); }),
              HasSubstr("unknown interpolation 'bilinar': did you mean 'bilinear'?"));
  EXPECT_THAT(mistake({8}, [] { return layers::GlobalAveragePooling2D(); }),
              HasSubstr("put it before Flatten"));
}

TEST_F(KerasLayerMistakes, merging) {
  auto a = keras::Input({4, 5}), b = keras::Input({5, 6}), c = keras::Input({3});
  EXPECT_THAT(errorOf([&] { layers::subtract({a, a, a}); }),
              HasSubstr("layer 'subtract' (Subtract): takes two tensors, got 3"));
  EXPECT_THAT(errorOf([&] { layers::maximum({a, c}); }), HasSubstr("must have one shape"));
  EXPECT_THAT(errorOf([&] { layers::dot({a, b}, 1); }),
              AllOf(HasSubstr("have (4, 5) elements along axes (1,)"), HasSubstr("Dense")));
  EXPECT_THAT(errorOf([&] { layers::dot({a, b}, 0); }), HasSubstr("name the batch"));
  EXPECT_THAT(errorOf([&] { layers::Dot({1, 2, 3}); }), HasSubstr("one each, got (1, 2, 3)"));
}

TEST_F(KerasLayerMistakes, normalization) {
  EXPECT_THAT(mistake({4, 6}, [] { return layers::GroupNormalization({.groups = 4}); }),
              HasSubstr("6 channels of input shape (None, 4, 6) cannot be split into 4 groups"));
  EXPECT_THAT(mistake({4, 6}, [] { return layers::LayerNormalization({.axis = 3}); }),
              HasSubstr("axis 3 does not exist in input shape (None, 4, 6)"));
  EXPECT_THAT(mistake({4, 6}, [] { return layers::LayerNormalization({.axis = {0, 1}}); }),
              HasSubstr("names the batch"));
  EXPECT_THAT(mistake({4, 6}, [] { return layers::RMSNormalization({.axis = 1}); }),
              HasSubstr("are not the last axes"));
  EXPECT_THAT(mistake({4, keras::None}, [] { return layers::LayerNormalization(); }),
              HasSubstr("its weights need that number"));
}

TEST_F(KerasLayerMistakes, regularizationAndActivations) {
  EXPECT_THAT(errorOf([] { layers::SpatialDropout1D(1.5); }), HasSubstr("got 1.5"));
  keras::Regularizer orthogonal = "orthogonal_regularizer";
  EXPECT_THAT(mistake({6}, [&] { return layers::Dense(2, {.activityRegularizer = orthogonal}); }),
              AllOf(HasSubstr("its result has shape (None, 2)"), HasSubstr("mode \"columns\"")));
  for (auto glu : {+[] { layers::GRU(4, {.activation = "glu"}); },
                   +[] { layers::LSTMCell(4, {.recurrentActivation = "glu"}); },
                   +[] { layers::EinsumDense("ab,bc->ac", {4}, {.activation = "glu"}); }})
    EXPECT_THAT(errorOf(glu), HasSubstr("Activation(\"glu\") behind it"));
  EXPECT_THAT(errorOf([] { layers::GaussianNoise(-1); }), HasSubstr("stddev must be from 0 to 1"));
  EXPECT_THAT(
      mistake({4, 6},
              [] { return layers::Dropout(0.5, {.noiseShape = keras::Shape{keras::None, 3, 6}}); }),
      HasSubstr("noiseShape (None, 3, 6) does not fit input shape (None, 4, 6)"));
  EXPECT_THAT(errorOf([] { layers::LeakyReLU({.negativeSlope = -1}); }),
              HasSubstr("negativeSlope may not be negative"));
  EXPECT_THAT(mistake({4, keras::None}, [] { return layers::PReLU(); }),
              HasSubstr("name the unknown axes in sharedAxes"));
}

TEST_F(KerasLayerMistakes, preprocessing) {
  EXPECT_THAT(mistake({4, 6}, [] { return layers::Rescaling({1, 2}); }),
              HasSubstr("scale of shape (2,) does not fit input shape (None, 4, 6)"));
  EXPECT_THAT(errorOf([] { layers::Normalization({.mean = 1.0}); }),
              HasSubstr("given both or not at all"));
  EXPECT_THAT(errorOf([] { layers::Discretization({2, 1}); }), HasSubstr("in increasing order"));
  EXPECT_THAT(errorOf([] { layers::RandomRotation(2); }), HasSubstr("factor must be a number"));
  EXPECT_THAT(errorOf([] { layers::RandomFlip("sideways"); }), HasSubstr("unknown mode"));
  EXPECT_THAT(errorOf([] { layers::RandomZoom(0.1, {.fillMode = "mirror"}); }),
              HasSubstr("unknown fill mode 'mirror'"));
  EXPECT_THAT(errorOf([] { layers::Resizing(0, 4); }), HasSubstr("got (0, 4)"));
  EXPECT_THAT(errorOf([] {
                auto input = keras::Input({keras::None, keras::None, 3});
                keras::Model model(input, layers::Resizing(4, 4)(input));
                model.predict(std::move(ingot::Tensor::zeros(DType::F32, {1, 8, 8, 3})).value());
              }),
              HasSubstr("give the Input its height and width"));
}

} // namespace
} // namespace ingot::test
