// The safetensors reader: what it accepts, what it refuses, and some thousand damaged files.
#include "runtime/model/Safetensors.h"
#include "TestFiles.h"

#include <random>
#include <sys/mman.h>

using namespace ingot;

namespace {

class SafetensorsTest : public FileTest {
protected:
  std::string file(const std::string &header, const std::string &data) {
    std::string bytes(8, '\0');
    for (int i = 0; i < 8; ++i)
      bytes[size_t(i)] = char(header.size() >> (8 * i));
    return write("t.safetensors", bytes + header + data);
  }

  /// A valid file with several tensors, a scalar, an empty one and metadata.
  std::string writeSample() {
    static const float kernel[] = {1, 2, 3, 4, 5, 6};
    static const int64_t steps = 42;
    static const uint8_t mask[] = {1, 0, 1};
    static const int64_t kernelShape[] = {3, 2}, maskShape[] = {3}, emptyShape[] = {0, 4};
    Status status =
        writeSafetensors(path("sample.safetensors"),
                         {{"mask", {DType::U8, 1, maskShape, mask}},
                          {"dense/kernel", {DType::F32, 2, kernelShape, kernel}},
                          {"steps", {DType::I64, 0, nullptr, &steps}},
                          {"nothing \"quoted\"\n", {DType::F16, 2, emptyShape, nullptr}}},
                         {{"format", "ingot"}, {"note", "a\\b"}});
    EXPECT_TRUE(status.isOk()) << status.message();
    return path("sample.safetensors");
  }
};

TEST_F(SafetensorsTest, ReadsWhatItWrites) {
  auto read = SafetensorsFile::open(writeSample());
  ASSERT_OK(read.status());
  EXPECT_EQ(read->entries().size(), 4u);
  EXPECT_EQ(read->metadata(), (SafetensorsMetadata{{"format", "ingot"}, {"note", "a\\b"}}));
  const SafetensorsEntry *kernel = read->find("dense/kernel");
  ASSERT_NE(kernel, nullptr);
  EXPECT_EQ(kernel->shape, Shape({3, 2}));
  float values[6];
  ASSERT_OK(read->read(*kernel, values));
  EXPECT_EQ(values[5], 6.0f);
  EXPECT_EQ(kernel->offset % 4, 0u);
  int64_t steps = 0;
  ASSERT_OK(read->read(*read->find("steps"), &steps));
  EXPECT_EQ(steps, 42);
  EXPECT_EQ(read->find("nothing \"quoted\"\n")->shape, Shape({0, 4}));
  EXPECT_EQ(read->find("absent"), nullptr);
}

TEST_F(SafetensorsTest, ReadsFilesOfTheReferenceImplementation) {
  const char *model = SHARED_DIRECTORY "/models/silero_vad_16k.safetensors";
  if (!std::filesystem::exists(model))
    GTEST_SKIP() << "absent: " << model;
  auto read = SafetensorsFile::open(model);
  ASSERT_OK(read.status());
  EXPECT_GT(read->entries().size(), 5u);
}

TEST_F(SafetensorsTest, RefusesWhatTheFormatForbids) {
  const std::string four(4, '\0'), eight(8, '\0');
  const std::string a = R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  struct Case {
    std::string header, data, fragment;
  };
  const Case cases[] = {
      {"{" + a, four, "no valid JSON"},
      {"[]", "", "does not begin with '{'"},
      {" {}", "", "does not begin with '{'"},
      {"{} {}", "", "no valid JSON"},
      {"{" + a + "," + a + "}", four, "'a': the key occurs twice"},
      {R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", four, "twice"},
      {R"({"a":{"shape":[1],"shape":[1],"dtype":"F32","data_offsets":[0,4]}})", four, "twice"},
      {R"({"a":{"shape":[1],"data_offsets":[0,4]}})", four, "is missing"},
      {R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", four, "is missing"},
      {R"({"a":{"dtype":"F32","shape":[1],"offsets":[0,4]}})", four, "array where none belongs"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}})", four, "'x': a number"},
      {R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", four, "negative number"},
      {R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", four, "no integer"},
      {R"({"a":{"dtype":"F32","shape":[1e30],"data_offsets":[0,4]}})", four, "no integer"},
      {R"({"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}})", four,
       "no integer"},
      {R"({"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]}})", four,
       "over 2^63"},
      {R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})", four,
       "over 2^63"},
      {R"({"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", four, "array where none"},
      {R"({"a":{"dtype":"F32","shape":null,"data_offsets":[0,4]}})", four, "null"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", four, "takes 8 bytes"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", four, "not [begin, end]"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", four, "not [begin, end]"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", four, "ends at byte 8"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551611,18446744073709551615]}})",
       four, "ends at byte"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", eight, "leaves a hole"},
      {"{" + a + "}", eight, "4 bytes at the end"},
      {"{" + a + R"(,"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})", four + "xx",
       "overlaps"},
      {"{" + a + R"(,"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", four, "overlaps"},
      {R"({"__metadata__":{"x":1}})", "", "'x': a number"},
      {R"({"__metadata__":{"x":"1","x":"2"}})", "", "twice"},
      {R"({"__metadata__":{"x":{}}})", "", "object where none"},
      {R"({"a":"b"})", "", "string where none"},
      {R"({"a":true})", "", "truth value"},
      {std::string(100000, '['), "", "does not begin"},
      {"{\"a\":" + std::string(100000, '[') + "}", "", "array where none"},
      {"{\"\xff\":1}", "", "no valid JSON"},
  };
  for (const Case &oneCase : cases)
    EXPECT_STATUS(SafetensorsFile::open(file(oneCase.header, oneCase.data)).status(), DataLoss,
                  oneCase.fragment);
  EXPECT_STATUS(SafetensorsFile::open(
                    file(R"({"a":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,4]}})", four))
                    .status(),
                Unsupported, "tensor 'a': element type 'F6_E2M3'");
}

TEST_F(SafetensorsTest, RefusesBadHeaderLengthsBeforeAllocating) {
  EXPECT_STATUS(SafetensorsFile::open(write("f", "1234567")).status(), DataLoss, "too short");
  EXPECT_STATUS(SafetensorsFile::open(write("f", std::string(8, '\xff'))).status(), DataLoss,
                "truncated, or not a safetensors file");
  EXPECT_STATUS(SafetensorsFile::open(write("f", std::string(8, '\0'))).status(), DataLoss, "'{'");
  EXPECT_STATUS(SafetensorsFile::open(directory).status(), InvalidArgument, "is not a file");
  EXPECT_STATUS(SafetensorsFile::open(path("absent")).status(), NotFound, "absent");
}

TEST_F(SafetensorsTest, AFileThatShrinksWhileReadIsAStatus) {
  auto opened = SafetensorsFile::open(writeSample());
  ASSERT_OK(opened.status());
  std::filesystem::resize_file(path("sample.safetensors"), 20);
  float values[6];
  EXPECT_STATUS(opened->read(*opened->find("dense/kernel"), values), DataLoss, "ended while");
}

TEST_F(SafetensorsTest, DamagedFilesNeverCrash) {
  const std::string good = read(writeSample());
  std::mt19937 random(20240601);
  auto below = [&](size_t n) { return size_t(random()) % n; };
  static const std::string alphabet = "{}[],:\"0123456789-.e\\ untrFl\xff";
  int memory = memfd_create("damaged", MFD_CLOEXEC); // thousands of files on disk would take long
  ASSERT_GE(memory, 0);
  std::string inMemory = "/proc/self/fd/" + std::to_string(memory);
  int accepted = 0, refused = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string bytes = good;
    for (size_t edits = 1 + below(3); edits > 0; --edits) {
      size_t at = below(bytes.size());
      switch (below(6)) {
      case 0:
        bytes[at] = char(random());
        break;
      case 1:
        bytes[at] = alphabet[below(alphabet.size())];
        break;
      case 2:
        bytes.erase(at, 1 + below(8));
        break;
      case 3:
        bytes.insert(at, bytes.substr(below(bytes.size()), below(40)));
        break;
      case 4:
        bytes.resize(std::max<size_t>(1, at));
        break;
      case 5: // half of the mutations hit the header, where it hurts
        bytes[below(std::min<size_t>(bytes.size(), 200))] = alphabet[below(alphabet.size())];
        break;
      }
    }
    ASSERT_EQ(ftruncate(memory, 0), 0);
    ASSERT_EQ(pwrite(memory, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    auto opened = SafetensorsFile::open(inMemory);
    if (!opened.isOk()) {
      EXPECT_FALSE(opened.status().message().empty());
      ++refused;
      continue;
    }
    ++accepted;
    for (const SafetensorsEntry &entry : opened->entries()) {
      std::vector<char> data(entry.bytes);
      ASSERT_OK(opened->read(entry, data.data()));
    }
  }
  close(memory);
  EXPECT_GT(accepted, 100); // damage to data or names is no error: both paths were taken
  EXPECT_GT(refused, 1000);
}

} // namespace
