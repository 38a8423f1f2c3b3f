// Zip archives: members stored and deflated, what is hostile is refused.
#include "frontends/kerasfile/ZipFile.h"

#include <fstream>
#include <gmock/gmock.h>
#include <zlib.h>

namespace ingot::test {
namespace {

using kerasfile::FileError;
using kerasfile::writeZip;
using kerasfile::ZipFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename Call> std::string errorOf(Call call) {
  try {
    call();
  } catch (const FileError &error) {
    return error.what();
  }
  ADD_FAILURE() << "expected a FileError";
  return {};
}

void put(std::string &out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i)
    out += static_cast<char>(value >> (8 * i));
}

struct Made {
  std::string name, content; // the content as stored
  uint64_t claims = 0;       // its size when unpacked
  uint32_t checksum = 0;
  int method = 0, flags = 0;
};

Made stored(const std::string &name, const std::string &content) {
  const auto checksum = static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef *>(content.data()), static_cast<uInt>(content.size())));
  return {name, content, content.size(), checksum};
}

/// An archive by hand, so that it may claim what no library writes.
std::string makeArchive(const std::vector<Made> &members) {
  std::string out, directory;
  for (const Made &member : members) {
    std::string head;
    put(head, 20, 2);
    put(head, static_cast<uint64_t>(member.flags), 2);
    put(head, static_cast<uint64_t>(member.method), 2);
    put(head, 0x58210000, 4);
    put(head, member.checksum, 4);
    put(head, member.content.size(), 4);
    put(head, member.claims, 4);
    put(head, member.name.size(), 2);
    put(head, 0, 2);
    directory += std::string("PK\1\2\x14\0", 6) + head;
    directory += std::string(10, '\0');
    put(directory, out.size(), 4);
    directory += member.name;
    out += std::string("PK\3\4", 4) + head + member.name + member.content;
  }
  const size_t at = out.size();
  out += directory + std::string("PK\5\6\0\0\0\0", 8);
  put(out, members.size(), 2);
  put(out, members.size(), 2);
  put(out, directory.size(), 4);
  put(out, at, 4);
  put(out, 0, 2);
  return out;
}

TEST(Zip, WhatIsWrittenIsReadBack) {
  const std::string big(100000, 'x');
  const std::string bytes = writeZip({{"config.json", "{}"}, {"model.weights.h5", big}});
  ASSERT_TRUE(ZipFile::recognises(bytes));
  const ZipFile archive(bytes);
  EXPECT_THAT(archive.names(), ElementsAre("config.json", "model.weights.h5"));
  EXPECT_EQ(archive.read("config.json"), "{}");
  EXPECT_EQ(archive.read("model.weights.h5"), big);
  EXPECT_NE(bytes.find(big), std::string::npos) << "members are stored";
}

TEST(Zip, ReadsWhatPythonWrote) {
  std::ifstream stream(INGOT_KERAS_FIXTURES "/mlp.keras", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  const ZipFile archive(bytes);
  EXPECT_THAT(archive.names(), ElementsAre("metadata.json", "config.json", "model.weights.h5"));
  EXPECT_THAT(archive.read("metadata.json"), HasSubstr("keras_version"));
}

TEST(Zip, DeflatedMembersAreRead) {
  const std::string text(5000, 'a');
  std::string packed(compressBound(text.size()), '\0');
  z_stream stream = {};
  ASSERT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef *>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  ASSERT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  Made member = stored("config.json", text);
  member.content = packed;
  member.method = 8;
  EXPECT_EQ(ZipFile(makeArchive({member})).read("config.json"), text);
}

TEST(Zip, WhatIsHostileIsRefused) {
  Made bomb = stored("config.json", "abc");
  bomb.claims = 4000000000;
  EXPECT_THAT(errorOf([&] { ZipFile(makeArchive({bomb})); }), HasSubstr("claims 4000000000 bytes"));
  bomb.method = 8;
  EXPECT_THAT(errorOf([&] { ZipFile(makeArchive({bomb})); }), HasSubstr("claims 4000000000 bytes"));
  for (const char *name : {"../config.json", "/config.json", "a/../../b", "a\\b"})
    EXPECT_THAT(errorOf([&] { ZipFile(makeArchive({stored(name, "x")})); }),
                HasSubstr("leads out of the archive"));
  Made encrypted = stored("config.json", std::string(20, 'x'));
  encrypted.flags = 1;
  EXPECT_THAT(errorOf([&] { ZipFile(makeArchive({encrypted})); }), HasSubstr("is encrypted"));
  EXPECT_THAT(errorOf([&] { ZipFile(makeArchive({stored("a", "x"), stored("a", "y")})); }),
              HasSubstr("File already exists"));
  Made other = stored("a", "x");
  other.method = 12;
  EXPECT_THAT(errorOf([&] { ZipFile(makeArchive({other})); }), HasSubstr("method 12"));
  Made wrong = stored("a", "x");
  wrong.checksum ^= 1;
  EXPECT_THAT(errorOf([&] { ZipFile(makeArchive({wrong})).read("a"); }),
              HasSubstr("'a' is damaged"));
  const std::string whole = makeArchive({stored("config.json", "{}")});
  EXPECT_THAT(errorOf([&] { ZipFile(whole.substr(0, whole.size() - 3)); }), HasSubstr("damaged"));
  EXPECT_THAT(errorOf([&] { ZipFile(whole).read("nothing"); }), HasSubstr("no member 'nothing'"));
  EXPECT_THAT(errorOf([&] { ZipFile(whole).read("config.json", 1); }), HasSubstr("at most 1 are"));
}

} // namespace
} // namespace ingot::test
