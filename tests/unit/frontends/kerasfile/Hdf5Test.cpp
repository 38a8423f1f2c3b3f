// HDF5 files: what h5py wrote is read, what is written is read back, what is damaged is refused.
#include "frontends/kerasfile/Hdf5File.h"
#include "frontends/kerasfile/Hdf5Writer.h"

#include <cstring>
#include <fstream>
#include <gmock/gmock.h>

namespace ingot::test {
namespace {

using kerasfile::FileError;
using kerasfile::Hdf5File;
using kerasfile::Hdf5Writer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string fixture(const std::string &name) {
  std::ifstream stream(INGOT_KERAS_FIXTURES "/" + name, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  EXPECT_FALSE(bytes.empty()) << name;
  return bytes;
}

template <typename Call> std::string errorOf(Call call) {
  try {
    call();
  } catch (const FileError &error) {
    return error.what();
  }
  ADD_FAILURE() << "expected a FileError";
  return {};
}

Tensor floats(const Shape &shape, const std::vector<float> &values) {
  return Tensor::of(shape, values).value();
}

std::vector<float> valuesOf(const Tensor &tensor) {
  const float *data = tensor.data<float>();
  return std::vector<float>(data, data + tensor.elementCount());
}

TEST(Hdf5, ReadsWhatH5pyWrote) {
  const std::string bytes = fixture("nested.h5");
  ASSERT_TRUE(Hdf5File::recognises(bytes));
  const Hdf5File file(bytes);
  EXPECT_EQ(file.text("", "backend"), "tensorflow");
  EXPECT_THAT(*file.text("", "model_config"), HasSubstr("\"class_name\": \"Functional\""));
  EXPECT_THAT(file.longTexts("model_weights", "layer_names"),
              ElementsAre("a", "inner", "b", "side", "joined"));
  EXPECT_THAT(file.children("model_weights/inner/inner"), ElementsAre("in1", "in2"));
  EXPECT_TRUE(file.longTexts("model_weights/a", "weight_names").empty());
  const auto kernel = file.describe("model_weights/inner/inner/in1/kernel");
  EXPECT_EQ(kernel.shape, Shape({5, 4}));
  EXPECT_EQ(kernel.dtype, DType::F32);
  EXPECT_EQ(file.read("optimizer_weights/adam/iteration").data<int64_t>()[0], 3);
}

TEST(Hdf5, SaysWhatIsAndWhatIsNot) {
  const std::string bytes = fixture("mlp.h5");
  const Hdf5File file(bytes);
  EXPECT_TRUE(file.isGroup("model_weights"));
  EXPECT_FALSE(file.isDataset("model_weights"));
  EXPECT_EQ(file.kindOf("model_weights/nothing"), Hdf5File::Kind::None);
  EXPECT_EQ(file.text("", "nothing"), std::nullopt);
  EXPECT_THAT(errorOf([&] { file.read("model_weights/nothing"); }),
              HasSubstr("there is no 'model_weights/nothing'"));
}

TEST(Hdf5, WhatIsWrittenIsReadBack) {
  Hdf5Writer writer;
  writer.dataset("layers/dense/vars/0", floats({2, 3}, {1, 2, 3, 4, 5, 6}));
  writer.dataset("layers/dense/vars/1", floats({0, 3}, {}));
  writer.dataset("optimizer/vars/0", Tensor::of(Shape{}, std::vector<int64_t>{7}).value());
  writer.group("layers/dropout/vars");
  writer.text("layers/dense/vars", "name", "größe");
  writer.text("", "model_config", std::string(200000, 'x'));
  writer.texts("layers", "layer_names", {"dense", "dropout", ""});
  writer.texts("layers/dropout", "weight_names", {});
  const std::string bytes = writer.finish();
  const Hdf5File file(bytes);
  EXPECT_THAT(valuesOf(file.read("layers/dense/vars/0")), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(file.read("layers/dense/vars/1").shape(), Shape({0, 3}));
  EXPECT_EQ(file.read("optimizer/vars/0").data<int64_t>()[0], 7);
  EXPECT_EQ(file.text("layers/dense/vars", "name"), "größe");
  EXPECT_EQ(file.text("", "model_config")->size(), 200000u);
  EXPECT_THAT(file.longTexts("layers", "layer_names"), ElementsAre("dense", "dropout", ""));
  EXPECT_TRUE(file.longTexts("layers/dropout", "weight_names").empty());
  EXPECT_TRUE(file.isGroup("layers/dropout/vars"));
}

TEST(Hdf5, SameCallsGiveTheSameBytes) {
  auto write = [] {
    Hdf5Writer writer;
    writer.dataset("a/b", floats({2}, {1, 2}));
    writer.text("a", "name", "a");
    return writer.finish();
  };
  EXPECT_EQ(write(), write());
}

TEST(Hdf5, EveryElementTypeKeepsItsBits) {
  for (DType dtype :
       {DType::Bool, DType::I8, DType::I16, DType::I32, DType::I64, DType::U8, DType::U16,
        DType::U32, DType::U64, DType::F16, DType::BF16, DType::F32, DType::F64}) {
    Tensor tensor = Tensor::zeros(dtype, {3}).value();
    for (size_t i = 0; i < tensor.byteSize(); ++i)
      static_cast<uint8_t *>(tensor.rawData())[i] = dtype == DType::Bool ? i % 2 : 17 * i + 3;
    Hdf5Writer writer;
    writer.dataset("x", tensor);
    const std::string bytes = writer.finish();
    const Tensor read = Hdf5File(bytes).read("x");
    ASSERT_EQ(read.dtype(), dtype);
    EXPECT_EQ(std::memcmp(read.rawData(), tensor.rawData(), tensor.byteSize()), 0)
        << toString(dtype);
  }
}

TEST(Hdf5, ManyNamesAreCutIntoSeveralAttributes) {
  std::vector<std::string> names;
  for (int i = 0; i < 5000; ++i)
    names.push_back("a_layer_of_a_long_name_" + std::to_string(i));
  Hdf5Writer writer;
  writer.texts("", "layer_names", names);
  for (const std::string &name : names)
    writer.group(name);
  const std::string bytes = writer.finish();
  const Hdf5File file(bytes);
  EXPECT_EQ(file.texts("", "layer_names"), std::nullopt);
  EXPECT_EQ(file.longTexts("", "layer_names"), names);
  EXPECT_EQ(file.children("").size(), names.size());
}

TEST(Hdf5, CompressedChunksAreRead) {
  const std::string bytes = fixture("chunks.hdf5");
  const Hdf5File file(bytes);
  for (const char *name : {"plain", "gzip", "shuffled", "checked", "chunked", "big_endian"}) {
    const Tensor tensor = file.read(name);
    ASSERT_EQ(tensor.shape(), Shape({7, 5})) << name;
    for (int i = 0; i < 35; ++i)
      EXPECT_EQ(tensor.data<float>()[i], static_cast<float>(i)) << name;
  }
  const Tensor filled = file.read("filled");
  EXPECT_EQ(filled.data<float>()[0], 2.5f);
  EXPECT_THAT(errorOf([&] { file.read("lzf"); }), HasSubstr("filter 32000 (lzf)"));
  EXPECT_THAT(errorOf([&] { file.read("external"); }), HasSubstr("in another file"));
  EXPECT_THAT(errorOf([&] { file.read("virtual"); }), HasSubstr("virtual"));
  EXPECT_THAT(errorOf([&] { file.read("bomb"); }), HasSubstr("it claims 8000000000000 bytes"));
  EXPECT_THAT(errorOf([&] { file.read("links/out"); }), HasSubstr("there is no 'links/out'"));
}

TEST(Hdf5, TruncatedFilesAreRefused) {
  const std::string bytes = fixture("mlp.h5");
  EXPECT_THAT(errorOf([&] { Hdf5File(std::string_view(bytes).substr(0, 5000)); }),
              HasSubstr("the file is truncated: it has 5000 bytes of"));
  EXPECT_THAT(errorOf([&] { Hdf5File("\x89HDF\r\n\x1a\n"); }), HasSubstr("cut off"));
  EXPECT_THAT(errorOf([&] { Hdf5File("PK"); }), HasSubstr("damaged"));
}

} // namespace
} // namespace ingot::test
