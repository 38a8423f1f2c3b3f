// .npz: archives as NumPy writes them, as we write them, and as nobody should.
#include "Helpers.h"
#include "ingot/data/Npy.h"

#include <cstring>

using namespace ingot;
using namespace ingot::data;
using namespace ingot::test;

namespace {

class NpzTest : public ::testing::Test {
protected:
  Tensor weights = *Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  Tensor steps = *Tensor::of<int64_t>({}, {42});
  TemporaryDirectory directory;

  std::string archive(bool compress) {
    const std::string path = directory.path(compress ? "deflated.npz" : "stored.npz");
    const Status status = writeNpz(path, {{"dense/kernel", weights}, {"steps", steps}}, compress);
    EXPECT_TRUE(status.isOk()) << status.message();
    return path;
  }
};

Result<NamedTensors> parse(const std::string &file, const std::vector<std::string> &names = {}) {
  const std::vector<char> bytes(file.begin(), file.end());
  return parseNpz(bytes.data(), bytes.size(), "fuzzed", names);
}

TEST_F(NpzTest, WhatIsWrittenIsReadBack) {
  for (bool compress : {false, true}) {
    Result<NamedTensors> tensors = readNpz(archive(compress));
    ASSERT_TRUE(tensors.isOk()) << tensors.status().message();
    ASSERT_EQ(tensors->size(), 2u);
    EXPECT_EQ((*tensors)[0].first, "dense/kernel");
    EXPECT_EQ((*tensors)[0].second.shape(), (Shape{2, 3}));
    EXPECT_EQ(valuesOf<float>((*tensors)[0].second), valuesOf<float>(weights));
    ASSERT_NE(findTensor(*tensors, "steps"), nullptr);
    EXPECT_EQ(valuesOf<int64_t>(*findTensor(*tensors, "steps")), (std::vector<int64_t>{42}));
    EXPECT_EQ(findTensor(*tensors, "bias"), nullptr);
  }
}

TEST_F(NpzTest, TheSameTensorsGiveTheSameBytes) {
  const std::string first = readFile(archive(true));
  EXPECT_EQ(first, readFile(archive(true)));
}

TEST_F(NpzTest, ReadsOnlyTheNamedArraysAndListsTheOthers) {
  const std::string path = archive(false);
  Result<NamedTensors> some = readNpz(path, {"steps"});
  ASSERT_TRUE(some.isOk());
  ASSERT_EQ(some->size(), 1u);
  EXPECT_EQ((*some)[0].first, "steps");
  const Status missing = readNpz(path, {"bias"}).status();
  EXPECT_EQ(missing.code(), StatusCode::NotFound);
  EXPECT_NE(missing.message().find("no array 'bias'; there are: dense/kernel, steps"),
            std::string::npos)
      << missing.message();
}

TEST_F(NpzTest, NamesMustBeUsable) {
  const std::string path = directory.path("names.npz");
  EXPECT_EQ(writeNpz(path, {{"", steps}}).code(), StatusCode::InvalidArgument);
  EXPECT_EQ(writeNpz(path, {{"a", steps}, {"a", steps}}).code(), StatusCode::InvalidArgument);
  EXPECT_EQ(writeNpz(directory.path("no/such/dir.npz"), {{"a", steps}}).code(),
            StatusCode::IoError);
}

TEST_F(NpzTest, AChangedElementBreaksTheChecksum) {
  std::string file = readFile(archive(false));
  const float six = 6;
  const size_t at = file.find(std::string(reinterpret_cast<const char *>(&six), 4));
  ASSERT_NE(at, std::string::npos);
  file[at + 2] ^= 1;
  const Status status = parse(file).status();
  EXPECT_EQ(status.code(), StatusCode::DataLoss);
  EXPECT_NE(status.message().find("array 'dense/kernel'"), std::string::npos) << status.message();
}

TEST_F(NpzTest, SizesThatTheArchiveCannotHoldAreRefused) {
  std::string file = readFile(archive(false));
  // The uncompressed size in the first entry of the central directory, at offset 24 of it.
  const size_t entry = file.find("PK\1\2");
  ASSERT_NE(entry, std::string::npos);
  std::memcpy(&file[entry + 24], "\xf0\xff\xff\xff", 4);
  const Status status = parse(file).status();
  EXPECT_EQ(status.code(), StatusCode::DataLoss);
  EXPECT_NE(status.message().find("claims 4294967280 bytes"), std::string::npos)
      << status.message();
}

TEST_F(NpzTest, OtherFilesAreNotArchives) {
  EXPECT_EQ(parse("hello").status().code(), StatusCode::DataLoss);
  EXPECT_EQ(parse("").status().code(), StatusCode::DataLoss);
  EXPECT_EQ(readNpz(directory.path("none.npz")).status().code(), StatusCode::NotFound);
}

TEST_F(NpzTest, MutatedArchivesNeverCrash) {
  unsigned sum = 0;
  fuzz({readFile(archive(false)), readFile(archive(true))}, 3000, [&](const std::string &file) {
    const Result<NamedTensors> tensors = parse(file);
    if (tensors.isOk())
      for (const auto &[name, tensor] : *tensors)
        sum += touch(tensor);
    return tensors.status();
  });
  EXPECT_NE(sum, 0u);
}

TEST(NpzFileTest, ReadsArchivesOfNumPy) {
  const std::string path = std::string(INGOT_SHARED) + "/refs_training/init-mlp.npz";
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "no " << path << " on this machine";
  Result<NamedTensors> tensors = readNpz(path);
  ASSERT_TRUE(tensors.isOk()) << tensors.status().message();
  EXPECT_FALSE(tensors->empty());
}

} // namespace
