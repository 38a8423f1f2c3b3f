// Tables of what products take on GPUs: what is written is read again, and what is wrong is named.
#include "tools/ingot/GpuTuning.h"
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <unistd.h>

namespace ingot::cli {
namespace {

using testing::HasSubstr;

TunedProduct product(const std::string &device, int64_t rows, bool isLibraryChosen) {
  TunedProduct made;
  made.device = device;
  made.capability = "9.0";
  made.library = "cuBLASLt 13.1.0";
  int64_t number = 100;
  for (int64_t ingot_product::*field :
       {&ingot_product::batch, &ingot_product::columns, &ingot_product::depth,
        &ingot_product::a_batch, &ingot_product::a_row, &ingot_product::a_depth,
        &ingot_product::b_batch, &ingot_product::b_depth, &ingot_product::b_column,
        &ingot_product::d_batch, &ingot_product::d_row})
    made.product.*field = number++;
  made.product.rows = rows;
  made.product.type = INGOT_BF16;
  made.product.result_type = INGOT_F32;
  made.product.epilogue = INGOT_EPILOGUE_BIAS | INGOT_EPILOGUE_RELU;
  made.kernelMicroseconds = 21.5;
  made.libraryMicroseconds = 14.25;
  made.isLibraryChosen = isLibraryChosen;
  return made;
}

class GpuTuning : public testing::Test {
protected:
  GpuTuning()
      : path(std::filesystem::temp_directory_path() / ("tuning-" + std::to_string(getpid()))) {
    std::filesystem::remove(path);
  }
  ~GpuTuning() override { std::filesystem::remove(path); }
  std::string content() {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  /// What reading says of the file with this in it.
  std::string said(const std::string &text) {
    std::ofstream(path) << text;
    try {
      readTuning(path);
    } catch (const Failure &failure) {
      EXPECT_EQ(failure.exitCode, kInput);
      return failure.what();
    }
    return "nothing";
  }
  /// The same of a good file in which one text is another.
  std::string saidWith(const std::string &good, const std::string &bad) {
    std::filesystem::remove(path);
    mergeTuning(path, {product("NVIDIA H200", 512, true)});
    std::string text = content();
    size_t at = text.find(good);
    EXPECT_NE(at, std::string::npos) << good << " in " << text;
    return said(text.replace(at, good.size(), bad));
  }
  const std::string path;
};

TEST_F(GpuTuning, IsReadAsItWasWritten) {
  mergeTuning(path, {product("NVIDIA H200", 512, true), product("NVIDIA H200", 1, false)});
  std::vector<TunedProduct> read = readTuning(path);
  ASSERT_EQ(read.size(), 2u);
  for (const TunedProduct &expected :
       {product("NVIDIA H200", 512, true), product("NVIDIA H200", 1, false)}) {
    const TunedProduct &actual = read[expected.isLibraryChosen ? 0 : 1];
    EXPECT_EQ(wordsOf(actual.product), wordsOf(expected.product));
    EXPECT_EQ(actual.device, expected.device);
    EXPECT_EQ(actual.capability, expected.capability);
    EXPECT_EQ(actual.library, expected.library);
    EXPECT_EQ(actual.kernelMicroseconds, expected.kernelMicroseconds);
    EXPECT_EQ(actual.libraryMicroseconds, expected.libraryMicroseconds);
    EXPECT_EQ(actual.isLibraryChosen, expected.isLibraryChosen);
  }
}

TEST_F(GpuTuning, KeepsWhatIsThereOfOtherProductsAndDevices) {
  mergeTuning(path, {product("NVIDIA H200", 512, true), product("NVIDIA H200", 64, true)});
  TunedProduct again = product("NVIDIA H200", 512, false);
  again.libraryMicroseconds = 30;
  mergeTuning(path, {again, product("NVIDIA A100", 512, true)});
  std::vector<TunedProduct> read = readTuning(path);
  ASSERT_EQ(read.size(), 3u);
  EXPECT_EQ(read[0].libraryMicroseconds, 30);
  EXPECT_FALSE(read[0].isLibraryChosen);
  EXPECT_EQ(read[1].product.rows, 64);
  EXPECT_EQ(read[2].device, "NVIDIA A100");
}

TEST_F(GpuTuning, ChoosesTheLibraryWhereItIsChosen) {
  GpuLibrary library = libraryOf({product("a", 1, true), product("b", 2, false)});
  EXPECT_EQ(library.name, "cublaslt");
  ASSERT_EQ(library.choices.size(), 1u);
  EXPECT_EQ(library.choices[0].device, "a");
  EXPECT_EQ(libraryOf({product("b", 2, false)}).name, "");
}

TEST_F(GpuTuning, SaysWhereAFileIsWrong) {
  EXPECT_THAT(said("{\n\"format\": \"ingot-gpu-tuning\",\n]"), HasSubstr("line 3 is no JSON"));
  EXPECT_THAT(said(""), HasSubstr("line 1 is no JSON"));
  EXPECT_THAT(said("[]"), HasSubstr("it is no table of products"));
  EXPECT_THAT(said("{\"format\": \"ingot-gpu-tuning\", \"version\": 2}"),
              HasSubstr("\"version\" is not 1"));
  EXPECT_THAT(said("{\"format\": \"ingot-gpu-tuning\", \"version\": 1}"),
              HasSubstr("the table has no \"products\""));
  EXPECT_THAT(saidWith("\"rows\"", "\"row\""), HasSubstr("products[0] has no \"rows\""));
  EXPECT_THAT(saidWith("512", "-1"), HasSubstr("products[0].rows is no number of elements"));
  EXPECT_THAT(saidWith("512", "\"many\""), HasSubstr("products[0].rows is no number of elements"));
  EXPECT_THAT(saidWith("\"bf16\"", "\"i8\""), HasSubstr("products[0].type is \"i8\"; known are"));
  EXPECT_THAT(saidWith("\"relu\"", "\"gelu\""), HasSubstr("products[0].epilogue has \"gelu\""));
  EXPECT_THAT(saidWith("21.5", "\"fast\""), HasSubstr("products[0].kernel_us is no time"));
  EXPECT_THAT(saidWith("\"library\"\n", "\"both\"\n"), HasSubstr("products[0].chosen is \"both\""));
  EXPECT_EQ(saidWith("512", "513"), "nothing");
}

TEST_F(GpuTuning, DoesNotReplaceAFileThatItCannotRead) {
  std::ofstream(path) << "precious";
  EXPECT_THROW(mergeTuning(path, {product("a", 1, true)}), Failure);
  EXPECT_EQ(content(), "precious");
}

TEST_F(GpuTuning, IsAFileThatIsThere) {
  try {
    readTuning(path);
    FAIL();
  } catch (const Failure &failure) {
    EXPECT_THAT(failure.what(), HasSubstr("cannot be read: No such file"));
  }
}

} // namespace
} // namespace ingot::cli
