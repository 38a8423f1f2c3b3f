// Labels, sequences, splits and pictures as arrays: the examples of Keras's documentation, edges,
// mistakes. One picture is made for people to look at.
#include "ingot/data/Arrays.h"
#include "Helpers.h"
#include "ingot/data/ImageDataGenerator.h"
#include "ingot/data/ImageDataset.h"
#include "ingot/data/Npy.h"
#include "ingot/data/Picture.h"

using namespace ingot;
using namespace ingot::data;
using namespace ingot::test;

namespace {

template <typename T> Tensor of(const Shape &shape, std::vector<T> values) {
  return Tensor::of<T>(shape, values).value();
}

TEST(ArraysTest, ToCategoricalPutsTheClassesLast) {
  const Tensor rows = toCategorical(of<int64_t>({3}, {0, 2, 1})).value();
  EXPECT_EQ(rows.shape(), (Shape{3, 3}));
  EXPECT_EQ(valuesOf<float>(rows), (std::vector<float>{1, 0, 0, 0, 0, 1, 0, 1, 0}));
  EXPECT_EQ(toCategorical(of<uint8_t>({2, 1}, {3, 0}), 5)->shape(), (Shape{2, 5}));
  EXPECT_EQ(toCategorical(of<int32_t>({2, 2}, {3, 0, 1, 1}))->shape(), (Shape{2, 2, 4}));
  EXPECT_NE(toCategorical(of<int32_t>({2}, {1, 7}), 3).status().message().find("element 1 is 7"),
            std::string::npos);
  for (float label : {-1.0f, 0.5f, 1e30f, NAN, INFINITY})
    EXPECT_FALSE(toCategorical(of<float>({1}, {label})).isOk()) << label;
}

TEST(ArraysTest, NormalizeDividesByTheNormAlongAnAxis) {
  const Tensor x = of<float>({2, 2}, {3, 4, 0, 0});
  EXPECT_EQ(valuesOf<float>(normalize(x).value()), (std::vector<float>{0.6f, 0.8f, 0, 0}));
  EXPECT_EQ(valuesOf<float>(normalize(x, 0).value()), (std::vector<float>{1, 1, 0, 0}));
  EXPECT_EQ(valuesOf<float>(normalize(x, 1, 1).value()),
            (std::vector<float>{3 / 7.0f, 4 / 7.0f, 0, 0}));
  EXPECT_NE(normalize(x, 2).status().message().find("no axis 2"), std::string::npos);
}

TEST(ArraysTest, PadSequencesFillsAndCutsEitherEnd) {
  const std::vector<std::vector<int32_t>> sequences = {{1}, {2, 3}, {4, 5, 6}, {}};
  using Values = std::vector<int32_t>;
  EXPECT_EQ(valuesOf<int32_t>(padSequences(sequences).value()),
            (Values{0, 0, 1, 0, 2, 3, 4, 5, 6, 0, 0, 0}));
  EXPECT_EQ(valuesOf<int32_t>(padSequences(sequences, {.padding = "post", .value = -1}).value()),
            (Values{1, -1, -1, 2, 3, -1, 4, 5, 6, -1, -1, -1}));
  EXPECT_EQ(valuesOf<int32_t>(padSequences(sequences, {.maxlen = 2}).value()),
            (Values{0, 1, 2, 3, 5, 6, 0, 0}));
  EXPECT_EQ(valuesOf<int32_t>(padSequences(sequences, {.maxlen = 2, .truncating = "post"}).value()),
            (Values{0, 1, 2, 3, 4, 5, 0, 0}));
  EXPECT_NE(padSequences(sequences, {.padding = "left"}).status().message().find("padding 'left'"),
            std::string::npos);
  EXPECT_EQ(padSequences(std::vector<std::vector<float>>{{0.5f}}, {.maxlen = 2})->dtype(),
            DType::F32);
}

TEST(ArraysTest, SplitDatasetTakesFractionsAndCounts) {
  const Tensor x =
      of<int32_t>({10, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19});
  const Tensor y = of<float>({10}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  const Split split = splitDataset({x, y}, {.leftSize = 0.8}).value();
  EXPECT_EQ(split.first[0].shape(), (Shape{8, 2}));
  EXPECT_EQ(valuesOf<int32_t>(split.second[0]), (std::vector<int32_t>{16, 17, 18, 19}));
  EXPECT_EQ(valuesOf<float>(split.second[1]), (std::vector<float>{8, 9}));
  const Split gap = splitDataset({y}, {.leftSize = 2, .rightSize = 0.3}).value();
  EXPECT_EQ(valuesOf<float>(gap.second[0]), (std::vector<float>{7, 8, 9}));
  const Split mixed = splitDataset({x, y}, {.rightSize = 5, .shuffle = true, .seed = 1}).value();
  for (int64_t i = 0; i < 5; ++i) // rows stay together
    EXPECT_EQ(mixed.first[0].data<int32_t>()[2 * i], 2 * int(mixed.first[1].data<float>()[i]));
  EXPECT_FALSE(splitDataset({y}, {.leftSize = 10}).isOk());
  EXPECT_FALSE(splitDataset({y}, {.leftSize = 6, .rightSize = 5}).isOk());
  EXPECT_FALSE(splitDataset({x, of<float>({1}, {0})}, {.leftSize = 1}).isOk());
  EXPECT_FALSE(splitDataset({y}, {}).isOk());
}

TEST(ArraysTest, PicturesBecomeArraysAndBack) {
  const TemporaryDirectory directory;
  const Tensor array = of<float>({1, 2, 1}, {-1, 3});
  EXPECT_EQ(valuesOf<uint8_t>(arrayToPicture(array).value()), (std::vector<uint8_t>{0, 255}));
  EXPECT_EQ(valuesOf<uint8_t>(arrayToPicture(array, false).value()), (std::vector<uint8_t>{0, 3}));
  ASSERT_TRUE(writePicture(directory.path("a.png"), arrayToPicture(array).value()).isOk());
  const Tensor loaded =
      loadPicture(directory.path("a.png"), {.targetSize = std::pair(2, 2)}).value();
  EXPECT_EQ(loaded.shape(), (Shape{2, 2, 3}));
  EXPECT_EQ(loadPicture(directory.path("a.png"), {.colorMode = "grayscale"})->shape(),
            (Shape{1, 2, 1}));
  EXPECT_FALSE(loadPicture(directory.path("a.png"), {.colorMode = "lab"}).isOk());
  EXPECT_FALSE(loadPicture(directory.path("a.png"), {.targetSize = std::pair(0, 2)}).isOk());
}

/// Rows of digits: the first column as they are, the others augmented. INGOT_CONTACT_SHEET names a
/// .png to keep.
TEST(ArraysTest, AContactSheetOfAugmentedDigits) {
  const std::string path = INGOT_SHARED "/data/mnist.npz";
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "no MNIST in ../shared";
  const Tensor images = std::move(readNpz(path, {"x_train"}).value()[0].second);
  const ImageDataGenerator generator = ImageDataGenerator::create({.rotationRange = 15,
                                                                   .widthShiftRange = 0.1,
                                                                   .heightShiftRange = 0.1,
                                                                   .shearRange = 10,
                                                                   .zoomRange = 0.1})
                                           .value();
  constexpr int64_t rows = 10, columns = 12, side = 28, step = side + 2;
  Tensor sheet = Tensor::zeros(DType::U8, {rows * step, columns * step, 1}).value();
  double moved = 0;
  for (int64_t row = 0; row < rows; ++row) {
    const Tensor digit = toFloat({DType::U8, 3, (Shape{side, side, 1}).data(),
                                  images.data<uint8_t>() + row * side * side},
                                 1, {side, side, 1})
                             .value();
    for (int64_t column = 0; column < columns; ++column) {
      const TransformParameters how =
          column == 0 ? TransformParameters()
                      : generator.getRandomTransform(side, side, 0, column, row);
      const Tensor made = generator.applyTransform(digit, how).value();
      for (int64_t i = 0; i < side * side; ++i) {
        moved += std::abs(made.data<float>()[i] - digit.data<float>()[i]);
        sheet.data<uint8_t>()[(row * step + 1 + i / side) * columns * step + column * step + 1 +
                              i % side] = uint8_t(made.data<float>()[i]);
      }
    }
  }
  EXPECT_GT(moved / double(rows * (columns - 1) * side * side), 5);
  if (const char *keep = std::getenv("INGOT_CONTACT_SHEET"))
    EXPECT_TRUE(writePicture(keep, sheet).isOk());
}

} // namespace
