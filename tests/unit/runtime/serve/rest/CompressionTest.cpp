#include "runtime/serve/rest/Compression.h"

#include "tests/unit/runtime/model/TestFiles.h"

#include <zlib.h>

namespace ingot::serve::rest {
namespace {

std::string text() {
  std::string all;
  for (int i = 0; i < 20000; ++i)
    all += std::to_string(i * i);
  return all;
}

std::string packed(const std::string &bytes, Encoding encoding) {
  Bytes out;
  EXPECT_TRUE(compress({bytes}, encoding, out).isOk());
  return std::string(out.view());
}

/// Deflate without zlib's frame, as some clients send it.
std::string rawDeflate(const std::string &bytes) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef *>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Status unpack(std::string_view bytes, Encoding encoding, std::string &to, uint64_t most = 1 << 20) {
  Bytes out;
  const Status status = decompress(bytes, encoding, most, out);
  to = out.view();
  return status;
}

TEST(CompressionTest, ThereAndBack) {
  std::string back;
  for (const std::string &bytes : {std::string(), std::string("x"), text()}) {
    for (const Encoding encoding : {Encoding::Gzip, Encoding::Deflate}) {
      ASSERT_OK(unpack(packed(bytes, encoding), encoding, back));
      EXPECT_EQ(back, bytes);
    }
    ASSERT_OK(unpack(rawDeflate(bytes), Encoding::Deflate, back));
    EXPECT_EQ(back, bytes);
  }
  Bytes out;
  ASSERT_OK(compress({"ab", "", "cd"}, Encoding::Gzip, out));
  ASSERT_OK(unpack(out.view(), Encoding::Gzip, back));
  EXPECT_EQ(back, "abcd");
}

TEST(CompressionTest, MembersOfAGzipFileFollowOneAnother) {
  std::string back;
  ASSERT_OK(
      unpack(packed("ab", Encoding::Gzip) + packed("cd", Encoding::Gzip), Encoding::Gzip, back));
  EXPECT_EQ(back, "abcd");
}

TEST(CompressionTest, ABombEndsAtTheLimit) {
  const std::string bomb = packed(std::string(50 << 20, '\0'), Encoding::Gzip);
  std::string back;
  EXPECT_STATUS(unpack(bomb, Encoding::Gzip, back, 1000), ResourceExhausted,
                "more than 1000 bytes once it is decompressed");
  EXPECT_EQ(back.size(), 1001u);
  const std::string thousand = packed(std::string(1000, 'a'), Encoding::Gzip);
  ASSERT_OK(unpack(thousand, Encoding::Gzip, back, 1000));
}

TEST(CompressionTest, DamagedBodiesAreRefused) {
  const std::string good = packed(text(), Encoding::Gzip);
  std::string back;
  for (size_t length = 0; length < good.size(); length += 1 + length / 8)
    EXPECT_STATUS(unpack(std::string_view(good).substr(0, length), Encoding::Gzip, back),
                  InvalidArgument, "ends too early");
  std::string flipped = good;
  flipped[good.size() / 2] ^= 0x10;
  EXPECT_STATUS(unpack(flipped, Encoding::Gzip, back), InvalidArgument, "damaged");
  EXPECT_STATUS(unpack("not gzip", Encoding::Gzip, back), InvalidArgument, "damaged");
  EXPECT_STATUS(unpack(good + "rest", Encoding::Gzip, back), InvalidArgument,
                "4 bytes stand behind");
}

TEST(CompressionTest, HeadersAreUnderstood) {
  EXPECT_EQ(parseContentEncoding(""), Encoding::Identity);
  EXPECT_EQ(parseContentEncoding(" GZip "), Encoding::Gzip);
  EXPECT_EQ(parseContentEncoding("deflate"), Encoding::Deflate);
  EXPECT_EQ(parseContentEncoding("br"), std::nullopt);
  EXPECT_EQ(parseContentEncoding("gzip, gzip"), std::nullopt);
  EXPECT_EQ(chooseEncoding("deflate, gzip"), Encoding::Gzip);
  EXPECT_EQ(chooseEncoding("deflate, gzip;q=0.5"), Encoding::Deflate);
  EXPECT_EQ(chooseEncoding("deflate ; Q=0.25 , gzip; q=0.5"), Encoding::Gzip);
  EXPECT_EQ(chooseEncoding("gzip;q=0.5, identity"), Encoding::Identity);
  EXPECT_EQ(chooseEncoding("gzip;q=0.5, identity;q=0.499"), Encoding::Gzip);
  EXPECT_EQ(chooseEncoding("*;q=0.5, gzip;q=0"), Encoding::Deflate);
  EXPECT_EQ(chooseEncoding("*;q=0"), Encoding::Identity);
  EXPECT_EQ(chooseEncoding("deflate"), Encoding::Deflate);
  EXPECT_EQ(chooseEncoding("gzip;q=0, deflate;q=0.000"), Encoding::Identity);
  EXPECT_EQ(chooseEncoding("br, *"), Encoding::Gzip);
  EXPECT_EQ(chooseEncoding(",,;"), Encoding::Identity);
}

} // namespace
} // namespace ingot::serve::rest
