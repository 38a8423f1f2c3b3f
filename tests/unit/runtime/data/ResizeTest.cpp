// Resizing equals Pillow to the bit and TensorFlow within 1e-3 of 255 (tests/fixtures/keras/data).
#include "ingot/data/Resize.h"
#include "Helpers.h"
#include "ingot/data/ImageDataset.h"
#include "ingot/data/Npy.h"

#include <cmath>

using namespace ingot;
using namespace ingot::data;
using namespace ingot::test;

namespace {

const NamedTensors &fixtures() {
  static const NamedTensors arrays = readNpz(INGOT_FIXTURES "/resize.npz").value();
  return arrays;
}

/// The fixtures' picture with its first `channels`.
Tensor picture(int64_t channels) {
  const Tensor &all = *findTensor(fixtures(), "picture");
  Tensor part = Tensor::zeros(DType::U8, {all.dim(0), all.dim(1), channels}).value();
  for (int64_t i = 0; i < part.elementCount(); ++i)
    part.data<uint8_t>()[i] = all.data<uint8_t>()[i / channels * 4 + i % channels];
  return part;
}

double difference(const Tensor &a, const Tensor &b) {
  EXPECT_EQ(a.shape(), b.shape());
  const Tensor x = toFloat(a).value(), y = toFloat(b).value();
  double largest = 0;
  for (int64_t i = 0; i < std::min(x.elementCount(), y.elementCount()); ++i)
    largest = std::max(largest, std::abs(double(x.data<float>()[i]) - y.data<float>()[i]));
  return largest;
}

/// Calls `resize(method, height, width)` for each array `prefix/METHOD/HxW`, and compares.
template <typename Resize>
int compare(const std::string &prefix, double tolerance, const Resize &resize) {
  int compared = 0;
  for (const auto &[key, expected] : fixtures()) {
    if (key.compare(0, prefix.size() + 1, prefix + "/") != 0)
      continue;
    const size_t slash = key.rfind('/');
    const std::string method = key.substr(prefix.size() + 1, slash - prefix.size() - 1);
    Result<Tensor> result = resize(method, expected.dim(0), expected.dim(1));
    EXPECT_TRUE(result.isOk()) << key << ": " << result.status().message();
    if (result.isOk())
      EXPECT_LE(difference(*result, expected), tolerance) << key;
    ++compared;
  }
  return compared;
}

TEST(ResizeTest, EqualsPillowToTheBit) {
  for (int64_t channels : {1, 3, 4}) {
    const Tensor from = picture(channels);
    EXPECT_EQ(compare("pillow" + std::to_string(channels), 0,
                      [&](const std::string &method, int64_t height, int64_t width) {
                        return resizePillow(from, height, width, method);
                      }),
              6 * 3);
  }
}

TEST(ResizeTest, KeptProportionsEqualKeras) {
  const Tensor from = picture(3);
  EXPECT_EQ(compare("kept", 0,
                    [&](const std::string &method, int64_t height, int64_t width) {
                      return resizePillow(from, height, width, method,
                                          cropToAspectRatio(23, 31, height, width, true));
                    }),
            6 * 3);
}

TEST(ResizeTest, EqualsTensorFlow) {
  const Tensor from = picture(3);
  EXPECT_EQ(compare("tensorflow", 1e-3,
                    [&](const std::string &method, int64_t height, int64_t width) {
                      return resizeTensorFlow(from, height, width, method);
                    }),
            8 * 3);
  EXPECT_EQ(compare("cropped", 1e-3,
                    [&](const std::string &method, int64_t height, int64_t width) {
                      return resizeTensorFlow(from, height, width, method,
                                              cropToAspectRatio(23, 31, height, width, false));
                    }),
            3 * 3);
}

TEST(ResizeTest, MistakesAreNamed) {
  const Tensor from = picture(3);
  EXPECT_NE(
      resizePillow(from, 4, 4, "area").status().message().find("'area' is none of \"nearest\""),
      std::string::npos);
  EXPECT_FALSE(resizePillow(from, 0, 4, "nearest").isOk());
  EXPECT_FALSE(resizeTensorFlow(from, 4, 4, "bilinear", {20, 0, 5, 5}).isOk());
  EXPECT_FALSE(resizeTensorFlow(Tensor::zeros(DType::F32, {2, 2, 3}).value(), 1, 1, "area").isOk());
}

} // namespace
