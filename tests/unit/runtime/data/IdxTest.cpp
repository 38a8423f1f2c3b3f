// IDX files, plain and compressed, good and bad.
#include "ingot/data/Idx.h"
#include "Helpers.h"

#include <zlib.h>

using namespace ingot;
using namespace ingot::data;
using namespace ingot::test;

namespace {

std::string gzip(const std::string &bytes) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, uLong(bytes.size())) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(bytes.data()));
  stream.avail_in = uInt(bytes.size());
  stream.next_out = reinterpret_cast<Bytef *>(out.data());
  stream.avail_out = uInt(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string bytes(std::initializer_list<int> values) {
  return std::string(values.begin(), values.end());
}

const std::string images =
    bytes({0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6});

Result<Tensor> parse(const std::string &file) {
  const std::vector<char> copy(file.begin(), file.end());
  return parseIdx(copy.data(), copy.size(), "fuzzed");
}

void expectRefused(const std::string &file, const std::string &words) {
  const Status status = parse(file).status();
  EXPECT_EQ(status.code(), StatusCode::DataLoss);
  EXPECT_NE(status.message().find(words), std::string::npos) << status.message();
}

TEST(IdxTest, PlainAndCompressedAreToldApartByContent) {
  const std::string members = gzip(images.substr(0, 9)) + gzip(images.substr(9));
  for (const std::string &file : {images, gzip(images), members}) {
    Result<Tensor> tensor = parse(file);
    ASSERT_TRUE(tensor.isOk()) << tensor.status().message();
    EXPECT_EQ(tensor->shape(), (Shape{2, 1, 3}));
    EXPECT_EQ(valuesOf<uint8_t>(*tensor), (std::vector<uint8_t>{1, 2, 3, 4, 5, 6}));
  }
}

TEST(IdxTest, WideElementsAreBigEndian) {
  Result<Tensor> shorts = parse(bytes({0, 0, 0x0b, 1, 0, 0, 0, 2, 1, 2, 255, 254}));
  ASSERT_TRUE(shorts.isOk());
  EXPECT_EQ(valuesOf<int16_t>(*shorts), (std::vector<int16_t>{258, -2}));
  Result<Tensor> real = parse(bytes({0, 0, 0x0d, 1, 0, 0, 0, 1, 0x3f, 0xc0, 0, 0}));
  ASSERT_TRUE(real.isOk());
  EXPECT_EQ(valuesOf<float>(*real), (std::vector<float>{1.5f}));
}

TEST(IdxTest, RefusesWhatIsWrongAndSaysWhat) {
  expectRefused("", "truncated");
  expectRefused("hello, world", "not an IDX file");
  expectRefused(images.substr(0, 21), "needs 6 bytes");
  expectRefused(images + "x", "after the last element");
  expectRefused(gzip(images).substr(0, 20), "gzip stream is truncated");
  std::string broken = gzip(images);
  broken[broken.size() - 6] ^= 1; // in the checksum
  expectRefused(broken, "gzip stream is corrupt");
  expectRefused(bytes({0, 0, 8, 2, 127, 0, 0, 0, 127, 0, 0, 0}), "needs");
  expectRefused(gzip(bytes({0, 0, 8, 1, 127, 0, 0, 0})), "needs 2130706432 bytes");
}

TEST(IdxTest, MutatedFilesNeverCrash) {
  unsigned sum = 0;
  fuzz({images, gzip(images)}, 3000, [&](const std::string &file) {
    const Result<Tensor> tensor = parse(file);
    if (tensor.isOk())
      sum += touch(*tensor);
    return tensor.status();
  });
  EXPECT_NE(sum, 0u);
}

} // namespace
