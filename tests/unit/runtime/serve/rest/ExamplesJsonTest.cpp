#include "runtime/serve/rest/ExamplesJson.h"

#include <gtest/gtest.h>

namespace ingot::serve::rest {
namespace {

/// Feature "f" of the only example, or the error.
std::string decode(const std::string &value) {
  const Result<ExamplesRequest> request =
      decodeExamples(R"({"examples":[{"f":)" + value + "}]}", 64);
  if (!request.isOk())
    return std::string(request.status().message());
  const Feature &feature = request->examples.at(0).at("f");
  std::string text = feature.index() == 0 ? "bytes" : feature.index() == 1 ? "float" : "int64";
  std::visit(
      [&](const auto &values) {
        for (const auto &each : values)
          if constexpr (std::is_same_v<std::decay_t<decltype(each)>, std::string>)
            text += " " + each;
          else
            text += " " + std::to_string(each);
      },
      feature);
  return text;
}

TEST(ExamplesJsonTest, ValuesHaveTheTypeOfTheirWidest) {
  EXPECT_EQ(decode("[1, -2, 9223372036854775807]"), "int64 1 -2 9223372036854775807");
  EXPECT_EQ(decode("[16777217, 0.5, 3]"), "float 16777216.000000 0.500000 3.000000");
  EXPECT_EQ(decode("[0.5, 3]"), "float 0.500000 3.000000");
  EXPECT_EQ(decode("7"), "int64 7");
  EXPECT_EQ(decode(R"(["a", {"b64": "Yg=="}])"), "bytes a b");
  EXPECT_EQ(decode(R"([1, "a"])"),
            "example 0, feature 'f': value 1 is a string, those before it are numbers");
  EXPECT_EQ(decode(R"(["a", 1])"),
            "example 0, feature 'f': value 1 is a number, those before it are strings");
  EXPECT_EQ(decode(R"([{"b64": "*"}])"), "example 0, feature 'f': value 0 is not base64");
  EXPECT_EQ(decode("[1e40]"), "example 0, feature 'f': value 0 is out of the range of f32");
}

TEST(ExamplesJsonTest, AKeyThatMattersComesOnce) {
  for (const char *body : {R"({"examples":[],"examples":[]})", R"({"context":{},"context":{}})",
                           R"({"signature_name":"a","signature_name":"b","examples":[]})"})
    EXPECT_NE(decodeExamples(body, 64).status().message().find("' is there twice"),
              std::string::npos)
        << body;
}

/// Each takes many times the memory that it has in the body.
TEST(ExamplesJsonTest, ExamplesFeaturesAndStringsAreBoundedTogether) {
  std::string empty = "{}", texts = "\"\"";
  for (int i = 1; i < 1000000; ++i) {
    empty += ",{}";
    texts += ",\"\"";
  }
  const std::string half = R"({"examples":[)" + empty + R"(],"context":{"t":[)" + texts;
  const std::string message = "the body has more than 2000000 examples, features and strings";
  EXPECT_EQ(decodeExamples(half + "]}}", 64).status().message().find(message), 0u);
  EXPECT_TRUE(decodeExamples(R"({"examples":[)" + empty + "]}", 64).isOk());
}

} // namespace
} // namespace ingot::serve::rest
