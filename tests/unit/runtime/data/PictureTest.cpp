// Pictures: every kind of file equals what Pillow and TensorFlow read (tests/fixtures/keras/data),
// what is written is read back, hostile and broken files are refused.
#include "ingot/data/Picture.h"
#include "Helpers.h"
#include "ingot/data/Npy.h"

#include <cstring>

using namespace ingot;
using namespace ingot::data;
using namespace ingot::test;

namespace {

const NamedTensors &fixtures() {
  static const NamedTensors arrays = readNpz(INGOT_FIXTURES "/pictures.npz").value();
  return arrays;
}

std::string bytesOf(const std::string &name) {
  const Tensor *file = findTensor(fixtures(), "file/" + name);
  EXPECT_NE(file, nullptr) << name;
  return {static_cast<const char *>(file->rawData()), file->byteSize()};
}

Result<Tensor> decode(const std::string &bytes, std::optional<ColorMode> mode = std::nullopt,
                      Decoder decoder = Decoder::Pillow) {
  const std::vector<char> copy(bytes.begin(), bytes.end());
  return decodePicture(copy.data(), copy.size(), "fuzzed", mode, decoder);
}

/// Largest difference of two u8 pictures of one shape.
int difference(const Tensor &a, const Tensor &b) {
  EXPECT_EQ(a.shape(), b.shape());
  int largest = 0;
  for (int64_t i = 0; i < std::min(a.elementCount(), b.elementCount()); ++i)
    largest = std::max(largest, std::abs(a.data<uint8_t>()[i] - b.data<uint8_t>()[i]));
  return largest;
}

void expectRefused(const std::string &bytes, StatusCode code, const std::string &words) {
  const Status status = decode(bytes).status();
  EXPECT_EQ(status.code(), code) << status.message();
  EXPECT_NE(status.message().find(words), std::string::npos) << status.message();
  EXPECT_EQ(status.message().find("'fuzzed': "), 0u) << status.message();
}

/// All arrays `library/NAME/MODE` against ours; JPEG decoders of other versions may differ by
/// `most`.
int compareWith(const std::string &library, Decoder decoder, int most) {
  int compared = 0;
  for (const auto &[key, expected] : fixtures()) {
    if (key.compare(0, library.size() + 1, library + "/") != 0)
      continue;
    const size_t slash = key.rfind('/');
    const std::string name = key.substr(library.size() + 1, slash - library.size() - 1);
    const ColorMode mode = parseColorMode(key.substr(slash + 1)).value();
    Result<Tensor> picture = decode(bytesOf(name), mode, decoder);
    EXPECT_TRUE(picture.isOk()) << key << ": " << picture.status().message();
    if (!picture.isOk())
      continue;
    const bool isJpeg = name.find(".jpg") != std::string::npos;
    EXPECT_LE(difference(*picture, expected), isJpeg ? most : 0) << key;
    ++compared;
  }
  return compared;
}

TEST(PictureTest, EqualsPillowInEveryKindAndColorMode) {
  EXPECT_EQ(compareWith("pillow", Decoder::Pillow, 0), 21 * 3);
}

TEST(PictureTest, EqualsTensorFlow) {
  EXPECT_EQ(compareWith("tensorflow", Decoder::TensorFlow, 0), 8 * 3 - 1 + 5 * 2 + 3);
}

TEST(PictureTest, WithoutAColorModeTheChannelsAreTheFiles) {
  EXPECT_EQ(decode(bytesOf("gray.png"))->dim(2), 1);
  EXPECT_EQ(decode(bytesOf("gray_alpha.png"))->dim(2), 4);
  EXPECT_EQ(decode(bytesOf("rgba.png"))->dim(2), 4);
  EXPECT_EQ(decode(bytesOf("420.jpg"))->dim(2), 3);
  EXPECT_EQ(decode(bytesOf("gray.jpg"))->dim(2), 1);
}

TEST(PictureTest, WhatIsWrittenIsReadBack) {
  const TemporaryDirectory directory;
  for (const char *name : {"gray.png", "rgb.png", "rgba.png"}) {
    const Tensor picture = decode(bytesOf(name)).value();
    ASSERT_TRUE(writePicture(directory.path("a.PNG"), picture).isOk());
    EXPECT_EQ(difference(readPicture(directory.path("a.PNG")).value(), picture), 0);
    ASSERT_TRUE(writePicture(directory.path("a.jpeg"), picture).isOk());
    const Tensor lossy = readPicture(directory.path("a.jpeg")).value();
    EXPECT_EQ(lossy.shape(), (Shape{19, 23, std::string(name) == "gray.png" ? 1 : 3}));
  }
  const Tensor gray = decode(bytesOf("gray.png")).value();
  const std::vector<uint8_t> best = encodeJpeg(gray, 100).value();
  EXPECT_LE(difference(decodePicture(best.data(), best.size(), "best").value(), gray), 2);
}

TEST(PictureTest, ForeignPathsAndShapesAreRefusedWithTheRemedy) {
  const TemporaryDirectory directory;
  const Tensor picture = decode(bytesOf("rgb.png")).value();
  Status status = writePicture(directory.path("a.gif"), picture);
  EXPECT_NE(status.message().find("must end in .png, .jpg or .jpeg"), std::string::npos);
  status = writePicture(directory.path("a.png"), Tensor::zeros(DType::F32, {2, 2, 3}).value());
  EXPECT_NE(status.message().find("f32[2, 2, 3] is no picture"), std::string::npos);
  EXPECT_EQ(readPicture(directory.path("none.png")).status().code(), StatusCode::NotFound);
  EXPECT_NE(parseColorMode("bgr").status().message().find("\"grayscale\", \"rgb\", \"rgba\""),
            std::string::npos);
}

TEST(PictureTest, BrokenFilesAreRefused) {
  expectRefused("", StatusCode::DataLoss, "the file is empty");
  expectRefused("hello, world", StatusCode::DataLoss, "not a picture");
  expectRefused("GIF89a......", StatusCode::DataLoss, "the GIF is damaged");
  expectRefused("RIFF1234WEBPVP8 ", StatusCode::Unsupported, "WebP pictures are not read; convert");
  expectRefused(std::string("II*\0........", 12), StatusCode::Unsupported, "TIFF");
  for (const char *name :
       {"rgb.png", "420.jpg", "progressive.jpg", "rgb.bmp", "rgb.ppm", "large.gif"}) {
    const std::string whole = bytesOf(name);
    for (size_t size : {whole.size() / 4, whole.size() / 2, whole.size() * 9 / 10})
      EXPECT_FALSE(decode(whole.substr(0, size)).isOk()) << name << " cut to " << size;
  }
  std::string flipped = bytesOf("rgb.png");
  flipped[flipped.size() / 2] ^= 1;
  expectRefused(flipped, StatusCode::DataLoss, "the PNG is damaged");
}

void put32(std::string &bytes, size_t at, uint32_t value) {
  for (int i = 0; i < 4; ++i)
    bytes[at + size_t(i)] = char(value >> (24 - 8 * i));
}

uint32_t crcOf(const std::string &bytes) {
  uint32_t crc = ~0u;
  for (unsigned char byte : bytes) {
    crc ^= byte;
    for (int i = 0; i < 8; ++i)
      crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

TEST(PictureTest, BombsAreRefusedBeforeMemoryIsTaken) {
  std::string png = bytesOf("rgb.png");
  const auto claim = [&](uint32_t width, uint32_t height) {
    put32(png, 16, width), put32(png, 20, height);
    put32(png, 29, crcOf(png.substr(12, 17)));
  };
  claim(13000, 13000);
  expectRefused(png, StatusCode::DataLoss, "claims 13000 x 13000 pixels, more than a file of");
  claim(2000000000, 2000000000);
  expectRefused(png, StatusCode::Unsupported, "more than the 178956970 that are read");
  std::string jpeg = bytesOf("420.jpg");
  const size_t frame = jpeg.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  jpeg.replace(frame + 5, 4, "\x30\x00\x30\x00", 4);
  expectRefused(jpeg, StatusCode::DataLoss, "claims 12288 x 12288 pixels");
  expectRefused("P6 65000 65000 255\n", StatusCode::Unsupported, "make it smaller");
  expectRefused("P6 6500 6500 255\nabc", StatusCode::DataLoss, "more than a file of 20 bytes");
}

} // namespace
