// ImageDataGenerator: transformations and standardisation equal Keras's on its own results
// (tests/fixtures/keras/data), draws follow seed, epoch and sample alone, mistakes are named.
#include "ingot/data/ImageDataGenerator.h"
#include "Helpers.h"
#include "ingot/data/Npy.h"

#include <cmath>
#include <set>

using namespace ingot;
using namespace ingot::data;
using namespace ingot::test;

namespace {

const NamedTensors &fixtures() {
  static const NamedTensors arrays = readNpz(INGOT_FIXTURES "/augment.npz").value();
  return arrays;
}

const Tensor &fixture(const std::string &name) {
  const Tensor *tensor = findTensor(fixtures(), name);
  EXPECT_NE(tensor, nullptr) << name;
  return *tensor;
}

double difference(const Tensor &a, const Tensor &b) {
  EXPECT_EQ(a.shape(), b.shape());
  double largest = 0;
  for (int64_t i = 0; i < std::min(a.elementCount(), b.elementCount()); ++i)
    largest = std::max(largest, std::abs(double(a.data<float>()[i]) - b.data<float>()[i]));
  return largest;
}

ImageDataGenerator generator(ImageDataGeneratorOptions options) {
  return ImageDataGenerator::create(std::move(options)).value();
}

TransformParameters parametersOf(const double *row) {
  TransformParameters how;
  how.theta = row[0], how.tx = row[1], how.ty = row[2], how.shear = row[3];
  how.zx = row[4], how.zy = row[5];
  how.flipHorizontal = row[6] != 0, how.flipVertical = row[7] != 0;
  if (!std::isnan(row[8]))
    how.channelShiftIntensity = row[8];
  if (!std::isnan(row[9]))
    how.brightness = row[9];
  return how;
}

TEST(ImageDataGeneratorTest, ApplyTransformEqualsKeras) {
  const Tensor &cases = fixture("cases"), &fill = fixture("fill");
  ASSERT_GT(cases.dim(0), 40);
  for (int64_t i = 0; i < cases.dim(0); ++i) {
    const std::string mode(textAt(fill, i));
    const TransformParameters how = parametersOf(cases.data<double>() + i * cases.dim(1));
    const Result<Tensor> result =
        generator({.fillMode = mode, .cval = 77.25}).applyTransform(fixture("image"), how);
    ASSERT_TRUE(result.isOk()) << result.status().message();
    EXPECT_LE(difference(*result, fixture("result/" + std::to_string(i))), 1e-4)
        << "case " << i << ", " << mode;
  }
  TransformParameters turned;
  turned.theta = 30, turned.zx = 0.8, turned.zy = 1.1;
  EXPECT_EQ(
      difference(
          generator({.interpolationOrder = 0}).applyTransform(fixture("image"), turned).value(),
          fixture("order0")),
      0);
}

TEST(ImageDataGeneratorTest, BrightnessOfValuesOutsideOfBytesIsScaledThereAndBack) {
  TransformParameters how;
  how.brightness = 0.8;
  EXPECT_LE(difference(generator({}).applyTransform(fixture("wide"), how).value(),
                       fixture("wide_bright")),
            1e-4);
}

Tensor standardized(ImageDataGeneratorOptions options) {
  ImageDataGenerator made = generator(std::move(options));
  EXPECT_TRUE(made.fit(fixture("fit_x")).isOk());
  Tensor all = Tensor::zeros(DType::F32, {5, 3, 4, 3}).value();
  for (int64_t i = 0; i < 5; ++i) {
    float *to = all.data<float>() + i * 36;
    std::copy_n(fixture("fit_x").data<float>() + i * 36, 36, to);
    Tensor image = Tensor::borrow(DType::F32, {3, 4, 3}, to).value();
    const Status status = made.standardize(image);
    EXPECT_TRUE(status.isOk()) << status.message();
  }
  return all;
}

TEST(ImageDataGeneratorTest, StandardisationEqualsKeras) {
  EXPECT_LE(difference(standardized({.rescale = 1 / 255.0}), fixture("standard/rescale")), 1e-6);
  EXPECT_LE(difference(standardized({.samplewiseStdNormalization = true, .rescale = 0.5}),
                       fixture("standard/samplewise")),
            1e-5);
  EXPECT_LE(difference(standardized({.featurewiseStdNormalization = true, .rescale = 1 / 255.0}),
                       fixture("standard/featurewise")),
            1e-5);
  EXPECT_LE(difference(standardized({.zcaWhitening = true, .rescale = 1 / 255.0}),
                       fixture("standard/zca")),
            1e-3);
}

TEST(ImageDataGeneratorTest, DrawsFollowSeedEpochAndSampleAlone) {
  const ImageDataGenerator made = generator({.rotationRange = 20,
                                             .widthShiftRange = 0.1,
                                             .heightShiftRange = 3,
                                             .brightnessRange = std::pair(0.5, 1.5),
                                             .shearRange = 5,
                                             .zoomRange = 0.2,
                                             .channelShiftRange = 10,
                                             .horizontalFlip = true});
  std::set<double> angles;
  int flips = 0;
  for (int64_t sample = 0; sample < 400; ++sample) {
    const TransformParameters how = made.getRandomTransform(28, 28, 7, 2, sample);
    const TransformParameters again = made.getRandomTransform(28, 28, 7, 2, sample);
    EXPECT_EQ(how.theta, again.theta);
    EXPECT_EQ(how.brightness, again.brightness);
    EXPECT_NE(how.theta, made.getRandomTransform(28, 28, 7, 3, sample).theta);
    EXPECT_NE(how.theta, made.getRandomTransform(28, 28, 8, 2, sample).theta);
    EXPECT_LE(std::abs(how.theta), 20);
    EXPECT_LE(std::abs(how.ty), 2.8);
    EXPECT_TRUE(std::abs(how.tx) <= 2 && how.tx == std::round(how.tx)) << how.tx;
    EXPECT_TRUE(how.zx >= 0.8 && how.zx <= 1.2);
    EXPECT_TRUE(*how.brightness >= 0.5 && *how.brightness <= 1.5);
    EXPECT_FALSE(how.flipVertical);
    angles.insert(how.theta), flips += how.flipHorizontal;
  }
  EXPECT_EQ(angles.size(), 400u);
  EXPECT_TRUE(flips > 150 && flips < 250) << flips;
}

TEST(ImageDataGeneratorTest, ExtremeParametersStayInside) {
  for (const char *mode : {"nearest", "constant", "reflect", "wrap"})
    for (int order : {0, 1}) {
      const ImageDataGenerator made = generator({.fillMode = mode, .interpolationOrder = order});
      for (double far : {1e3, 1e9, 1e17, 1e300}) {
        TransformParameters how;
        how.tx = far, how.ty = -far, how.zx = far;
        for (const Shape &shape : {Shape{1, 1, 1}, Shape{2, 3, 1}, Shape{5, 1, 3}}) {
          const Tensor image = Tensor::zeros(DType::F32, shape).value();
          const Tensor result = made.applyTransform(image, how).value();
          EXPECT_EQ(valuesOf<float>(result), valuesOf<float>(image)) << mode << " " << far;
        }
      }
    }
  TransformParameters how;
  how.brightness = NAN;
  EXPECT_FALSE(generator({}).applyTransform(fixture("image"), how).isOk());
}

void expectInvalid(ImageDataGeneratorOptions options, const std::string &words) {
  const Status status = ImageDataGenerator::create(std::move(options)).status();
  EXPECT_EQ(status.code(), StatusCode::InvalidArgument);
  EXPECT_NE(status.message().find(words), std::string::npos) << status.message();
}

TEST(ImageDataGeneratorTest, MistakesAreNamed) {
  expectInvalid({.fillMode = "mirror"}, "fill_mode 'mirror' is none of");
  expectInvalid({.validationSplit = 1.5}, "not strictly between 0 and 1");
  expectInvalid({.interpolationOrder = 3}, "neither 0 (nearest) nor 1 (linear)");
  expectInvalid({.widthShiftRange = {}, .heightShiftRange = ShiftRange({NAN})},
                "height_shift_range");
  Tensor image = Tensor::zeros(DType::F32, {2, 2, 1}).value();
  const Status status = generator({.featurewiseCenter = true}).standardize(image);
  EXPECT_EQ(status.code(), StatusCode::FailedPrecondition);
  EXPECT_NE(status.message().find("call fit"), std::string::npos);
  EXPECT_FALSE(
      generator({}).applyTransform(Tensor::zeros(DType::U8, {2, 2, 1}).value(), {}).isOk());
}

} // namespace
