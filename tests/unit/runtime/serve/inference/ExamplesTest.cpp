// tf.Example to inputs, outputs to classes and values.
#include "runtime/serve/inference/Examples.h"
#include "tests/unit/runtime/model/TestFiles.h"
#include "tests/unit/runtime/serve/inference/Fakes.h"

namespace {

using namespace ingot;
using namespace ingot::serve;
using Floats = std::vector<float>;
using Integers = std::vector<int64_t>;
using Texts = std::vector<std::string>;

class ExamplesTest : public testing::Test {
protected:
  const ServedFunction &function(const char *name) { return *repository.model->find(name); }
  static Result<ExampleInputs> toInputs(const ServedFunction &function,
                                        std::vector<Example> examples, Example context = {},
                                        uint64_t mostBytes = 1 << 20) {
    return serve::toInputs(function, std::move(examples), std::move(context), mostBytes);
  }
  std::shared_ptr<const Artifact> artifact = Artifact::open(FIXTURESERVED).value();
  FakeRepository repository{artifact};
};

TEST_F(ExamplesTest, FeaturesBecomeRows) {
  auto made =
      toInputs(function("predict"), {{{"x", Floats{1, 2, 3}}}, {{"x", Integers{4, 5, 6}}}}, {});
  ASSERT_OK(made.status());
  ASSERT_EQ(made->inputs.size(), 1u);
  const NamedInput &x = made->inputs[0];
  EXPECT_EQ(x.name, "x");
  EXPECT_EQ(x.shape, (Shape{2, 3}));
  const auto *values = static_cast<const float *>(x.data);
  EXPECT_EQ(Floats(values, values + 6), (Floats{1, 2, 3, 4, 5, 6}));
}

TEST_F(ExamplesTest, TheContextHasWhatAnExampleLacks) {
  auto made =
      toInputs(function("predict"), {{}, {{"x", Floats{7, 8, 9}}}}, {{"x", Floats{1, 2, 3}}});
  ASSERT_OK(made.status());
  const auto *values = static_cast<const float *>(made->inputs[0].data);
  EXPECT_EQ(Floats(values, values + 6), (Floats{1, 2, 3, 7, 8, 9}));
}

TEST_F(ExamplesTest, TextsLiveAsLongAsTheInputs) {
  auto made = toInputs(function("join"), {{{"a", Texts{"left"}}, {"b", Texts{"right"}}}}, {});
  ASSERT_OK(made.status());
  const auto &text = *static_cast<const ingot_string *>(made->inputs[1].data);
  EXPECT_EQ(std::string_view(text.data, text.size), "right");
}

TEST_F(ExamplesTest, MistakesNameExampleAndFeature) {
  auto fails = [&](const char *name, std::vector<Example> examples) {
    return toInputs(function(name), examples, {}).status();
  };
  EXPECT_STATUS(fails("predict", {}), InvalidArgument, "no example");
  EXPECT_STATUS(fails("predict", {{{"x", Floats{1, 2, 3}}}, {}}), InvalidArgument,
                "example 1, feature 'x': it is missing");
  EXPECT_STATUS(fails("predict", {{{"x", Floats{1, 2}}}}), InvalidArgument,
                "example 0, feature 'x': expected 3 values, got 2 (float)");
  EXPECT_STATUS(fails("predict", {{{"x", Texts{"1", "2", "3"}}}}), InvalidArgument,
                "expected f32, got bytes");
  EXPECT_STATUS(fails("sleep", {{{"ms", Integers{int64_t{1} << 40}}}}), InvalidArgument,
                "element 0 is 1099511627776, which is no i32");
  EXPECT_STATUS(fails("sleep", {{{"ms", Floats{1}}}}), InvalidArgument, "expected i32, got floats");
  EXPECT_STATUS(fails("pairs", {{{"a", Floats{1}}, {"b", Floats{1}}}}), InvalidArgument,
                "has a dimension 'length' of no fixed size");
}

TEST_F(ExamplesTest, ManyExamplesCannotTakeAllMemory) {
  // The context stands for all of them, so that each takes next to nothing of the request.
  const Example context = {{"x", Floats{1, 2, 3}}};
  ASSERT_OK(toInputs(function("predict"), std::vector<Example>(10), context, 120).status());
  EXPECT_STATUS(toInputs(function("predict"), std::vector<Example>(11), context, 120).status(),
                ResourceExhausted, "more than the 120 bytes");
  EXPECT_STATUS(
      toInputs(function("predict"), std::vector<Example>(mostExamples + 1), context, 1 << 20)
          .status(),
      InvalidArgument, "more than 1000000 examples");
  // What is missing is told before memory is asked for.
  EXPECT_STATUS(toInputs(function("predict"), {{}, {}}, {}, 0).status(), InvalidArgument,
                "it is missing");
}

TEST_F(ExamplesTest, WhatAStreamCarriesIsNoFeature) {
  auto made = toInputs(function("running"), {{{"x", Floats{1}}}});
  if (made.isOk())
    EXPECT_EQ(made->inputs.size(), 1u);
  else
    EXPECT_EQ(made.status().message().find("feature"), std::string::npos);
}

TEST_F(ExamplesTest, ScoresAreNamedByOutputThenLabelsThenIndex) {
  InferenceResponse response;
  response.model = repository.model;
  response.function = &function("classify");
  ASSERT_OK(checkClassifies(*response.function));
  auto add = [&](Result<Tensor> tensor) { response.outputs.push_back(std::move(tensor).value()); };
  add(Tensor::of<float>({1, 2}, {0.25f, 0.75f}));
  add(Tensor::ofTexts({1, 2}, {"cat", "dog"}));
  auto classes = toClasses(response);
  ASSERT_OK(classes.status());
  EXPECT_EQ((*classes)[0][1].label, "dog");
  EXPECT_EQ((*classes)[0][1].score, 0.75f);

  response.function = &function("predict");
  response.outputs.pop_back();
  EXPECT_EQ((*toClasses(response))[0][0].label, "0");
  repository.model->classNames = {"left", "right"};
  EXPECT_EQ((*toClasses(response))[0][0].label, "left");
}

TEST_F(ExamplesTest, WhatCannotClassifyOrRegressIsTold) {
  EXPECT_STATUS(checkClassifies(function("total")), InvalidArgument, "'total' cannot classify");
  EXPECT_STATUS(checkRegresses(function("predict")), InvalidArgument, "'predict' cannot regress");
  ASSERT_OK(checkRegresses(function("pick")));
  InferenceResponse response;
  response.model = repository.model;
  response.function = &function("pick");
  response.outputs.push_back(Tensor::of<float>({3}, {1, 2, 3}).value());
  EXPECT_EQ(*toValues(response), (Floats{1, 2, 3}));
}

} // namespace
