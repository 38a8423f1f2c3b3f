// Names and numbers of element types in the protocols.
#include "runtime/serve/inference/DataTypes.h"

#include <gtest/gtest.h>

namespace {

using namespace ingot;
using namespace ingot::serve;

TEST(DataTypesTest, NamesAndNumbersLeadBack) {
  int named = 0;
  for (int number = 1; number < 30; ++number) {
    auto dtype = static_cast<DType>(number);
    if (!isValid(dtype) || !*openInferenceName(dtype))
      continue;
    ++named;
    EXPECT_EQ(fromOpenInferenceName(openInferenceName(dtype)), dtype);
    EXPECT_EQ(fromTensorFlowNumber(tensorFlowNumber(dtype)), dtype);
  }
  EXPECT_EQ(named, 14);
}

TEST(DataTypesTest, SpecifiedValues) {
  EXPECT_STREQ(openInferenceName(DType::F32), "FP32");
  EXPECT_STREQ(openInferenceName(DType::String), "BYTES");
  EXPECT_EQ(tensorFlowNumber(DType::F32), 1);
  EXPECT_EQ(tensorFlowNumber(DType::F16), 19);
  EXPECT_STREQ(tensorFlowName(DType::Bool), "DT_BOOL");
}

TEST(DataTypesTest, WhatAProtocolHasNotIsNone) {
  EXPECT_STREQ(openInferenceName(DType::I4), "");
  EXPECT_EQ(tensorFlowNumber(DType::F8E5M2), 0);
  EXPECT_STREQ(tensorFlowName(DType::F8E5M2), "DT_INVALID");
  EXPECT_FALSE(fromOpenInferenceName(""));
  EXPECT_FALSE(fromOpenInferenceName("fp32"));
  EXPECT_FALSE(fromTensorFlowNumber(0));
  EXPECT_FALSE(fromTensorFlowNumber(8)); // DT_COMPLEX64
}

} // namespace
