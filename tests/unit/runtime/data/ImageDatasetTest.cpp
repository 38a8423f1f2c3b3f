// Data sets from directories and archives: the real ones where they are, small ones everywhere.
#include "ingot/data/ImageDataset.h"
#include "Helpers.h"
#include "ingot/data/Npy.h"

using namespace ingot;
using namespace ingot::data;
using namespace ingot::test;

namespace {

Tensor labels(const std::vector<uint8_t> &values) {
  return *Tensor::of<uint8_t>({int64_t(values.size())}, values);
}

class ImageDatasetTest : public ::testing::Test {
protected:
  TemporaryDirectory directory;
  Tensor train = *Tensor::zeros(DType::U8, {3, 4, 4}), test = *Tensor::zeros(DType::U8, {2, 4, 4});

  Result<ImageDataset> load(const TensorView &trainImages, const TensorView &trainLabels,
                            const TensorView &testImages, const TensorView &testLabels) {
    const std::string path = directory.path("set.npz");
    const Status status = writeNpz(path,
                                   {{"x_train", trainImages},
                                    {"y_train", trainLabels},
                                    {"x_test", testImages},
                                    {"y_test", testLabels}},
                                   true);
    EXPECT_TRUE(status.isOk()) << status.message();
    return loadImageDataset(path);
  }

  void expectRefused(const Result<ImageDataset> &set, const std::string &words) {
    ASSERT_FALSE(set.isOk());
    EXPECT_EQ(set.status().code(), StatusCode::DataLoss);
    EXPECT_NE(set.status().message().find(words), std::string::npos) << set.status().message();
    EXPECT_NE(set.status().message().find("set.npz"), std::string::npos);
  }
};

TEST_F(ImageDatasetTest, LabelsBecomeI64AndClassesAreCounted) {
  Result<ImageDataset> set = load(train, labels({0, 2, 1}), test, labels({1, 1}));
  ASSERT_TRUE(set.isOk()) << set.status().message();
  EXPECT_EQ(valuesOf<int64_t>(set->trainLabels), (std::vector<int64_t>{0, 2, 1}));
  EXPECT_EQ(set->classNames, (std::vector<std::string>{"0", "1", "2"}));
}

TEST_F(ImageDatasetTest, ArraysThatDoNotFitTogetherAreNamedWithBothSides) {
  expectRefused(load(train, labels({0, 2}), test, labels({1, 1})),
                "x_train has 3 images, y_train has 2 labels");
  expectRefused(
      load(train, labels({0, 1, 2}), *Tensor::zeros(DType::U8, {2, 4, 5}), labels({1, 1})),
      "x_test holds u8[2, 4, 5]");
  expectRefused(load(train, *Tensor::zeros(DType::F32, {3}), test, labels({1, 1})),
                "y_train holds f32[3]");
  expectRefused(load(train, *Tensor::of<int64_t>({3}, {0, -1, 2}), test, labels({1, 1})),
                "y_train[1] is -1");
  expectRefused(load(*Tensor::zeros(DType::U8, {3, 16}), labels({0, 1, 2}), test, labels({1, 1})),
                "expected u8[samples, height, width]");
}

TEST_F(ImageDatasetTest, ADirectoryWithoutTheFilesListsThem) {
  const Status status = loadImageDataset(directory.path("")).status();
  EXPECT_EQ(status.code(), StatusCode::NotFound);
  EXPECT_NE(status.message().find("train-images-idx3-ubyte[.gz]"), std::string::npos);
  EXPECT_NE(status.message().find("dataset-fashion-mnist"), std::string::npos);
  EXPECT_EQ(loadImageDataset(directory.path("none")).status().code(), StatusCode::NotFound);
}

TEST_F(ImageDatasetTest, ToFloatScalesAndReshapes) {
  Tensor image = *Tensor::of<uint8_t>({1, 2, 2}, {0, 51, 102, 255});
  Result<Tensor> scaled = toFloat(image, 1 / 255.0, {1, 2, 2, 1});
  ASSERT_TRUE(scaled.isOk()) << scaled.status().message();
  EXPECT_EQ(scaled->shape(), (Shape{1, 2, 2, 1}));
  EXPECT_EQ(valuesOf<float>(*scaled), (std::vector<float>{0, 0.2f, 0.4f, 1}));
  EXPECT_EQ(toFloat(image, 1, {5}).status().code(), StatusCode::InvalidArgument);
  EXPECT_EQ(toFloat(*Tensor::zeros(DType::BF16, {1})).status().code(), StatusCode::InvalidArgument);
}

TEST(RealDatasetTest, FashionMnistOfDebian) {
  const std::string path = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "Debian's package dataset-fashion-mnist is not installed";
  Result<ImageDataset> set = loadImageDataset(path);
  ASSERT_TRUE(set.isOk()) << set.status().message();
  EXPECT_EQ(set->trainImages.shape(), (Shape{60000, 28, 28}));
  EXPECT_EQ(set->testLabels.shape(), (Shape{10000}));
  ASSERT_EQ(set->classNames.size(), 10u);
  EXPECT_EQ(set->classNames[9], "Ankle boot");
}

TEST(RealDatasetTest, MnistOfKeras) {
  const std::string path = std::string(INGOT_SHARED) + "/data/mnist.npz";
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "no " << path << " on this machine";
  Result<ImageDataset> set = loadImageDataset(path);
  ASSERT_TRUE(set.isOk()) << set.status().message();
  EXPECT_EQ(set->trainImages.shape(), (Shape{60000, 28, 28}));
  EXPECT_EQ(set->testImages.shape(), (Shape{10000, 28, 28}));
  EXPECT_EQ(set->testLabels.data<int64_t>()[0], 7);
  EXPECT_EQ(set->classNames.front(), "0");
}

} // namespace
