// .npy: what NumPy writes is read, what we write is read back, and bad files are named.
#include "ingot/data/Npy.h"
#include "Helpers.h"

#include <cstring>

using namespace ingot;
using namespace ingot::data;
using namespace ingot::test;

namespace {

/// A version 1.0 file, padded as NumPy pads it.
std::string npy(std::string header, const std::string &elements, char version = 1) {
  const size_t prefix = version == 1 ? 10 : 12;
  header.append(63 - (header.size() + prefix) % 64, ' ');
  header += '\n';
  std::string file = std::string("\x93NUMPY") + version + '\0';
  file += char(header.size() & 255);
  file += char(header.size() >> 8);
  if (version > 1)
    file += std::string(2, '\0');
  return file + header + elements;
}

std::string header(const std::string &descr, const std::string &shape, bool fortran = false) {
  return "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") +
         ", 'shape': " + shape + ", }";
}

template <typename T> std::string bytesOf(const std::vector<T> &values) {
  return std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T));
}

Result<Tensor> parse(const std::string &file) {
  // Exact heap block: a read beyond it is seen by AddressSanitizer.
  const std::vector<char> bytes(file.begin(), file.end());
  return parseNpy(bytes.data(), bytes.size(), "fuzzed");
}

void expectRefused(const std::string &file, StatusCode code, const std::string &words) {
  const Result<Tensor> result = parse(file);
  ASSERT_FALSE(result.isOk());
  EXPECT_EQ(result.status().code(), code) << result.status().message();
  EXPECT_NE(result.status().message().find(words), std::string::npos) << result.status().message();
  EXPECT_NE(result.status().message().find("'fuzzed'"), std::string::npos);
}

TEST(NpyTest, ReadsAllVersions) {
  for (char version : {1, 2, 3}) {
    Result<Tensor> tensor =
        parse(npy(header("<f4", "(2, 3)"), bytesOf<float>({1, 2, 3, 4, 5, 6}), version));
    ASSERT_TRUE(tensor.isOk()) << tensor.status().message();
    EXPECT_EQ(tensor->shape(), (Shape{2, 3}));
    EXPECT_EQ(valuesOf<float>(*tensor), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  }
}

TEST(NpyTest, FortranOrderBecomesRowMajor) {
  // a[i, j, k] = 100 i + 10 j + k of shape (2, 3, 2), first axis fastest.
  std::vector<int16_t> columnMajor, rowMajor;
  for (int16_t k = 0; k < 2; ++k)
    for (int16_t j = 0; j < 3; ++j)
      for (int16_t i = 0; i < 2; ++i)
        columnMajor.push_back(int16_t(100 * i + 10 * j + k));
  for (int16_t i = 0; i < 2; ++i)
    for (int16_t j = 0; j < 3; ++j)
      for (int16_t k = 0; k < 2; ++k)
        rowMajor.push_back(int16_t(100 * i + 10 * j + k));
  Result<Tensor> tensor = parse(npy(header("<i2", "(2, 3, 2)", true), bytesOf(columnMajor)));
  ASSERT_TRUE(tensor.isOk()) << tensor.status().message();
  EXPECT_EQ(valuesOf<int16_t>(*tensor), rowMajor);
}

TEST(NpyTest, BigEndianElementsAreSwapped) {
  Result<Tensor> tensor =
      parse(npy(header(">i4", "(2,)"), std::string("\0\0\1\2\xff\xff\xff\xfe", 8)));
  ASSERT_TRUE(tensor.isOk()) << tensor.status().message();
  EXPECT_EQ(valuesOf<int32_t>(*tensor), (std::vector<int32_t>{258, -2}));
}

TEST(NpyTest, ScalarsEmptyArraysAndBooleans) {
  Result<Tensor> scalar = parse(npy(header("<f8", "()"), bytesOf<double>({2.5})));
  ASSERT_TRUE(scalar.isOk());
  EXPECT_EQ(scalar->rank(), 0);
  EXPECT_EQ(valuesOf<double>(*scalar), (std::vector<double>{2.5}));
  Result<Tensor> empty = parse(npy(header("<i8", "(3, 0, 5)", true), ""));
  ASSERT_TRUE(empty.isOk());
  EXPECT_EQ(empty->shape(), (Shape{3, 0, 5}));
  Result<Tensor> flags = parse(npy(header("|b1", "(3,)"), std::string("\0\1\7", 3)));
  ASSERT_TRUE(flags.isOk());
  EXPECT_EQ(valuesOf<bool>(*flags), (std::vector<bool>{false, true, true}));
}

TEST(NpyTest, EveryElementTypeIsReadBackAsWritten) {
  TemporaryDirectory directory;
  for (DType dtype :
       {DType::Bool, DType::I8, DType::I16, DType::I32, DType::I64, DType::U8, DType::U16,
        DType::U32, DType::U64, DType::F16, DType::BF16, DType::F32, DType::F64})
    for (const Shape &shape : {Shape{}, Shape{5}, Shape{2, 3, 4}, Shape{0, 2}}) {
      Result<Tensor> tensor = Tensor::zeros(dtype, shape);
      ASSERT_TRUE(tensor.isOk());
      auto *bytes = static_cast<unsigned char *>(tensor->rawData());
      for (size_t i = 0; i < tensor->byteSize(); ++i)
        bytes[i] = dtype == DType::Bool ? i & 1 : (unsigned char)(i * 37 + 1);
      const std::string path = directory.path("array.npy");
      ASSERT_TRUE(writeNpy(path, *tensor).isOk());
      EXPECT_EQ((readFile(path).size() - tensor->byteSize()) % 64, 0u);
      Result<Tensor> back = readNpy(path);
      ASSERT_TRUE(back.isOk()) << back.status().message();
      EXPECT_EQ(back->dtype(), dtype);
      EXPECT_EQ(back->shape(), shape);
      EXPECT_EQ(std::memcmp(back->rawData(), tensor->rawData(), tensor->byteSize()), 0);
    }
}

TEST(NpyTest, TypesOfAByteOrLessAreNamelessBytes) {
  TemporaryDirectory directory;
  const std::string path = directory.path("array.npy");
  for (DType dtype : {DType::I2, DType::U2, DType::I4, DType::U4, DType::F8E4M3FN, DType::F4E2M1FN})
    for (const Shape &shape : {Shape{}, Shape{5}, Shape{2, 3, 4}, Shape{0, 2}}) {
      Result<Tensor> tensor = Tensor::zeros(dtype, shape);
      ASSERT_TRUE(tensor.isOk());
      for (int64_t i = 0; i < tensor->elementCount(); ++i)
        static_cast<uint8_t *>(tensor->rawData())[i / elementsPerByte(dtype)] |=
            uint8_t(1u << (i % elementsPerByte(dtype) * 8 / elementsPerByte(dtype)));
      ASSERT_TRUE(writeNpy(path, *tensor).isOk());
      Result<Tensor> bytes = readNpy(path);
      ASSERT_TRUE(bytes.isOk()) << bytes.status().message();
      EXPECT_EQ(bytes->dtype(), DType::U8);
      EXPECT_EQ(bytes->shape(), shape);
      EXPECT_EQ(valuesOf<uint8_t>(*bytes), std::vector<uint8_t>(size_t(bytes->elementCount()), 1));
      Result<Tensor> back = fromBytesEach(dtype, *bytes);
      ASSERT_TRUE(back.isOk());
      EXPECT_EQ(back->dtype(), dtype);
      EXPECT_EQ(std::memcmp(back->rawData(), tensor->rawData(), tensor->byteSize()), 0);
    }
  Result<Tensor> negative = Tensor::zeros(DType::I4, {2});
  *static_cast<uint8_t *>(negative->rawData()) = 0x8F;
  ASSERT_TRUE(writeNpy(path, *negative).isOk());
  EXPECT_EQ(valuesOf<uint8_t>(*readNpy(path)), (std::vector<uint8_t>{0xFF, 0xF8}));
}

TEST(NpyTest, RefusesWhatIsWrongAndSaysWhat) {
  const std::string good = bytesOf<float>({1, 2});
  expectRefused("PK\3\4 hello", StatusCode::DataLoss, "not a .npy array");
  expectRefused("\x93NUM", StatusCode::DataLoss, "truncated");
  expectRefused(npy(header("<f4", "(2,)"), good, 9), StatusCode::Unsupported, "version 9.0");
  expectRefused(npy(header("<f4", "(3,)"), good), StatusCode::DataLoss, "needs 12 bytes");
  expectRefused(npy(header("<f4", "(1,)"), good), StatusCode::DataLoss, "after the last element");
  expectRefused(npy(header("|O", "(2,)"), good), StatusCode::Unsupported, "'|O'");
  expectRefused(npy(header("<M8[s]", "(2,)"), good), StatusCode::Unsupported, "'<M8[s]'");
  expectRefused(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", good),
                StatusCode::Unsupported, "records");
  expectRefused(npy("{'descr': '<f4', 'shape': (2,), }", good), StatusCode::DataLoss, "lacks");
  expectRefused(npy("{'descr': '<f4', 'descr': '<f4', 'shape': (2,), }", good),
                StatusCode::DataLoss, "twice");
  expectRefused(npy(header("<f4", "(-2,)"), good), StatusCode::DataLoss, "an extent");
}

TEST(NpyTest, HugeClaimsAreRefusedBeforeMemoryIsAskedFor) {
  expectRefused(npy(header("<f8", "(1099511627776,)"), ""), StatusCode::DataLoss, "needs");
  expectRefused(npy(header("<f8", "(4294967296, 4294967296)"), ""), StatusCode::InvalidArgument,
                "");
  expectRefused(npy(header("<f8", "(99999999999999999999,)"), ""), StatusCode::DataLoss,
                "an extent");
  expectRefused(std::string("\x93NUMPY\2\0\xff\xff\xff\x7f{", 13), StatusCode::DataLoss,
                "claims 2147483647 bytes");
}

TEST(NpyTest, MissingFilesAndDirectoriesAreNamed) {
  TemporaryDirectory directory;
  const Result<Tensor> missing = readNpy(directory.path("none.npy"));
  ASSERT_FALSE(missing.isOk());
  EXPECT_EQ(missing.status().code(), StatusCode::NotFound);
  EXPECT_NE(missing.status().message().find("none.npy"), std::string::npos);
  EXPECT_EQ(readNpy(directory.path("")).status().code(), StatusCode::IoError);
  EXPECT_EQ(writeNpy(directory.path("no/such/place.npy"), *Tensor::zeros(DType::F32, {1})).code(),
            StatusCode::IoError);
}

TEST(NpyTest, MutatedFilesNeverCrash) {
  unsigned sum = 0;
  fuzz({npy(header("<f4", "(2, 3)"), bytesOf<float>({1, 2, 3, 4, 5, 6})),
        npy(header(">i8", "(3, 2)", true), bytesOf<int64_t>({1, 2, 3, 4, 5, 6}), 2)},
       3000, [&](const std::string &file) {
         const Result<Tensor> tensor = parse(file);
         if (tensor.isOk())
           sum += touch(*tensor);
         return tensor.status();
       });
  EXPECT_NE(sum, 0u);
}

std::vector<std::string> textsOf(const Tensor &tensor) {
  std::vector<std::string> texts;
  for (int64_t i = 0; i < tensor.elementCount(); ++i)
    texts.emplace_back(textAt(tensor, i));
  return texts;
}

TEST(NpyTest, ReadsTextOfBothKinds) {
  const std::string wide = bytesOf<uint32_t>({'a', 0, 0, 0xE4, 0x20AC, 0, 0x10400, 'b', 'c'});
  Result<Tensor> unicode = parse(npy(header("<U3", "(3,)"), wide));
  ASSERT_TRUE(unicode.isOk()) << unicode.status().message();
  EXPECT_EQ(unicode->dtype(), DType::String);
  EXPECT_EQ(textsOf(*unicode), (std::vector<std::string>{"a", "\xC3\xA4\xE2\x82\xAC",
                                                         "\xF0\x90\x90\x80"
                                                         "bc"}));
  Result<Tensor> bytes = parse(npy(header("|S2", "(3,)"), std::string("a\0\xFF\0\0b", 6)));
  ASSERT_TRUE(bytes.isOk()) << bytes.status().message();
  EXPECT_EQ(textsOf(*bytes), (std::vector<std::string>{"a", "\xFF", std::string("\0b", 2)}));
  Result<Tensor> big = parse(npy(header(">U1", "(2,)"), std::string("\0\0\0a\0\0\x20\xAC", 8)));
  ASSERT_TRUE(big.isOk()) << big.status().message();
  EXPECT_EQ(textsOf(*big), (std::vector<std::string>{"a", "\xE2\x82\xAC"}));
  Result<Tensor> fortran = parse(npy(header("|S1", "(2, 2)", true), "abcd"));
  ASSERT_TRUE(fortran.isOk()) << fortran.status().message();
  EXPECT_EQ(textsOf(*fortran), (std::vector<std::string>{"a", "c", "b", "d"}));
  EXPECT_EQ(textsOf(*parse(npy(header("<U0", "(2,)"), ""))), (std::vector<std::string>{"", ""}));
}

TEST(NpyTest, RefusesTextThatIsNone) {
  expectRefused(npy(header("<U1", "(1,)"), bytesOf<uint32_t>({0x110000})), StatusCode::DataLoss,
                "which Unicode has not");
  expectRefused(npy(header("<U1", "(1,)"), bytesOf<uint32_t>({0xD800})), StatusCode::DataLoss,
                "which Unicode has not");
  expectRefused(npy(header("<U2", "(2,)"), "abc"), StatusCode::DataLoss, "truncated");
  expectRefused(npy(header("<U999999999", "(999999999999,)"), ""), StatusCode::DataLoss,
                "truncated");
  expectRefused(npy(header("<U0", "(999999999999,)"), ""), StatusCode::DataLoss, "truncated");
}

TEST(NpyTest, WritesStrings) {
  TemporaryDirectory directory;
  const std::vector<std::string_view> texts = {"", "\xC3\xA4\xF0\x90\x90\x80", "longer text"};
  const Tensor tensor = *Tensor::ofTexts({1, 3}, texts);
  ASSERT_TRUE(writeNpy(directory.path("a.npy"), tensor).isOk());
  EXPECT_NE(readFile(directory.path("a.npy")).find("'descr': '<U11'"), std::string::npos);
  Result<Tensor> back = readNpy(directory.path("a.npy"));
  ASSERT_TRUE(back.isOk()) << back.status().message();
  EXPECT_EQ(back->shape(), (Shape{1, 3}));
  EXPECT_EQ(textsOf(*back), (std::vector<std::string>(texts.begin(), texts.end())));
  ASSERT_TRUE(writeNpz(directory.path("a.npz"), {{"x", tensor}}).isOk());
  EXPECT_EQ(textsOf(readNpz(directory.path("a.npz"))->front().second), textsOf(*back));
  for (std::string_view bad : {std::string_view("a\xFF"), std::string_view("a\0", 2)}) {
    const Status status = writeNpy(directory.path("b.npy"), *Tensor::ofTexts({1}, {bad}));
    EXPECT_EQ(status.code(), StatusCode::InvalidArgument);
    EXPECT_NE(status.message().find("element 0"), std::string::npos) << status.message();
  }
}

} // namespace
