// Tensors and statuses: memory, shapes, element types, and what is refused.
#include "ingot/Tensor.h"

#include <gtest/gtest.h>

#include <limits>

using namespace ingot;

// AddressSanitizer ends the process at an allocation that fails, unless told to return NULL as
// libc.
// NOLINTNEXTLINE(bugprone-reserved-identifier): the name is the sanitizer's
extern "C" const char *__asan_default_options() { return "allocator_may_return_null=1"; }

namespace {

Result<int> half(int value) {
  if (value % 2 != 0)
    return Status(StatusCode::InvalidArgument, std::to_string(value) + " is odd");
  return value / 2;
}

Status quarter(int value, int &out) {
  INGOT_ASSIGN_OR_RETURN(int once, half(value));
  INGOT_ASSIGN_OR_RETURN(out, half(once));
  return Status::ok();
}

TEST(StatusTest, ErrorsPassThroughTheMacros) {
  int out = 0;
  EXPECT_TRUE(quarter(12, out).isOk());
  EXPECT_EQ(out, 3);
  Status failed = quarter(6, out).withContext("quarter of 6");
  EXPECT_EQ(failed.code(), StatusCode::InvalidArgument);
  EXPECT_EQ(failed.message(), "quarter of 6: 3 is odd");
  EXPECT_TRUE(Status().withContext("unused").message().empty());
}

TEST(StatusTest, AResultWithoutValueIsNeverOk) {
  Result<int> result = Status();
  EXPECT_FALSE(result.isOk());
  EXPECT_EQ(result.status().code(), StatusCode::Internal);
}

TEST(TensorTest, OwnsAlignedZeroedMemory) {
  auto tensor = Tensor::zeros(DType::F32, {3, 5});
  ASSERT_TRUE(tensor.isOk());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor->rawData()) % INGOT_ALIGNMENT, 0u);
  EXPECT_EQ(tensor->byteSize(), 60u);
  for (int i = 0; i < 15; ++i)
    EXPECT_EQ(tensor->data<float>()[i], 0.0f);
}

TEST(TensorTest, TypedAccessChecksTheElementType) {
  auto tensor = Tensor::of<int64_t>({2}, {7, 8});
  ASSERT_TRUE(tensor.isOk());
  EXPECT_EQ(tensor->data<float>(), nullptr);
  EXPECT_EQ(tensor->data<uint64_t>(), nullptr);
  ASSERT_NE(tensor->data<int64_t>(), nullptr);
  EXPECT_EQ(tensor->data<int64_t>()[1], 8);
}

TEST(TensorTest, ElementsBelowAByteShareBytes) {
  auto twoBits = Tensor::zeros(DType::I2, {3, 3}), fourBits = Tensor::zeros(DType::F4E2M1FN, {5});
  auto none = Tensor::zeros(DType::U4, {0, 7});
  ASSERT_TRUE(twoBits.isOk() && fourBits.isOk() && none.isOk());
  EXPECT_EQ(twoBits->byteSize(), 3u);
  EXPECT_EQ(fourBits->byteSize(), 3u);
  EXPECT_EQ(none->byteSize(), 0u);
  EXPECT_EQ(describe(*fourBits), "f4e2m1fn[5]");
  EXPECT_EQ(byteSize(DType::F8E8M0FNU, 7), 7u);
}

TEST(TensorTest, ScalarsAndEmptyTensorsHaveMemory) {
  auto scalar = Tensor::zeros(DType::F64, {});
  auto empty = Tensor::zeros(DType::F64, {4, 0, 3});
  ASSERT_TRUE(scalar.isOk() && empty.isOk());
  EXPECT_EQ(scalar->elementCount(), 1);
  EXPECT_EQ(empty->elementCount(), 0);
  EXPECT_NE(empty->rawData(), nullptr);
  EXPECT_EQ(describe(*empty), "f64[4, 0, 3]");
  EXPECT_TRUE(empty->clone().isOk());
  EXPECT_TRUE(Tensor().clone().isOk());
}

TEST(TensorTest, RefusesBadShapes) {
  EXPECT_EQ(Tensor::zeros(DType::F32, {2, -1}).status().code(), StatusCode::InvalidArgument);
  EXPECT_EQ(Tensor::zeros(static_cast<DType>(99), {2}).status().code(),
            StatusCode::InvalidArgument);
  int64_t huge = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(Tensor::zeros(DType::U8, {huge, 2}).status().code(), StatusCode::InvalidArgument);
  EXPECT_EQ(Tensor::zeros(DType::F64, {huge / 4}).status().code(), StatusCode::InvalidArgument);
  EXPECT_TRUE(Tensor::zeros(DType::U8, {0, huge, huge}).isOk());
  EXPECT_TRUE(Tensor::zeros(DType::U8, {huge, huge, 0}).isOk());
  EXPECT_EQ(Tensor::of<float>({2, 2}, {1, 2, 3}).status().message(),
            "shape [2, 2] holds 4 elements, 3 values were given");
}

TEST(TensorTest, MemoryThatCannotBeHadIsAStatus) {
  EXPECT_EQ(Tensor::zeros(DType::U8, {std::numeric_limits<int64_t>::max() - 1}).status().code(),
            StatusCode::ResourceExhausted);
}

TEST(TensorTest, ResizeKeepsMemoryThatIsLargeEnough) {
  auto tensor = Tensor::zeros(DType::F32, {8, 8});
  ASSERT_TRUE(tensor.isOk());
  const void *before = tensor->rawData();
  ASSERT_TRUE(tensor->resize(DType::F32, {3, 8}).isOk());
  ASSERT_TRUE(tensor->resize(DType::F64, {4, 8}).isOk());
  EXPECT_EQ(tensor->rawData(), before);
  ASSERT_TRUE(tensor->resize(DType::F64, {400}).isOk());
  EXPECT_EQ(tensor->shape(), Shape({400}));
}

TEST(TensorTest, BorrowedMemoryIsNeverOutgrown) {
  float values[6] = {1, 2, 3, 4, 5, 6};
  auto tensor = Tensor::borrow(DType::F32, {2, 3}, values);
  ASSERT_TRUE(tensor.isOk());
  EXPECT_FALSE(tensor->ownsMemory());
  EXPECT_TRUE(tensor->resize(DType::F32, {3}).isOk());
  Status refused = tensor->resize(DType::F32, {7});
  EXPECT_EQ(refused.message(), "f32[7] needs 28 bytes, the borrowed memory has 24");
  EXPECT_EQ(tensor->shape(), Shape({3}));
  EXPECT_EQ(tensor->data<float>(), values);
  EXPECT_FALSE(Tensor::borrow(DType::F32, {2}, nullptr).isOk());
}

TEST(TensorTest, MovingLeavesAnEmptyTensor) {
  auto made = Tensor::of<float>({2}, {1, 2});
  ASSERT_TRUE(made.isOk());
  Tensor tensor = std::move(made).value();
  Tensor other = std::move(tensor);
  EXPECT_EQ(tensor.elementCount(), 0); // NOLINT(bugprone-use-after-move): what is tested
  EXPECT_EQ(tensor.shape(), Shape({0}));
  EXPECT_EQ(other.data<float>()[1], 2.0f);
}

TEST(TensorTest, StringsOwnTheirBytes) {
  std::string first = "a longer text, on the heap", second = std::string("b\0c", 3);
  Result<Tensor> made = Tensor::ofTexts({3}, {first, "", second});
  ASSERT_TRUE(made.isOk()) << made.status().message();
  first.assign(first.size(), 'x');
  EXPECT_EQ(made->dtype(), DType::String);
  EXPECT_EQ(made->byteSize(), 3 * sizeof(ingot_string));
  EXPECT_EQ(textAt(*made, 0), "a longer text, on the heap");
  EXPECT_EQ(textAt(*made, 1), "");
  EXPECT_EQ(textAt(*made, 2), std::string_view("b\0c", 3));
  EXPECT_EQ(describe(*made), "string[3]");
  Tensor copy = *made->clone();
  made = Tensor::ofTexts({1}, {"other"});
  EXPECT_EQ(textAt(copy, 0), "a longer text, on the heap");
  EXPECT_EQ(Tensor::ofTexts({2}, {"one"}).status().code(), StatusCode::InvalidArgument);
  EXPECT_EQ(textAt(*Tensor::zeros(DType::String, {2}), 1), "");
}

} // namespace
