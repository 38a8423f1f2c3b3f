// The fixture that all tests of serving stand on is an artifact that the runtime takes, and its
// functions do what fixture_served.c says.
#include "ingot/Model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace ingot;
using testing::ElementsAre;

namespace {

struct FixtureTest : testing::Test {
  std::shared_ptr<const Artifact> artifact;
  std::unique_ptr<State> state;

  void SetUp() override {
    auto opened = Artifact::open(FIXTURESERVED);
    ASSERT_TRUE(opened.isOk()) << opened.status().message();
    artifact = *opened;
    auto read = State::readOnly(artifact);
    ASSERT_TRUE(read.isOk()) << read.status().message();
    state = std::move(*read);
  }
  Session session(const char *function) {
    auto made = Session::create(artifact, function);
    EXPECT_TRUE(made.isOk()) << made.status().message();
    return std::move(*made);
  }
};

std::vector<float> floats(const Tensor &tensor) {
  return {tensor.data<float>(), tensor.data<float>() + tensor.elementCount()};
}
template <typename T> Tensor of(const Shape &shape, const std::vector<T> &values) {
  return std::move(*Tensor::of<T>(shape, values));
}

TEST_F(FixtureTest, PredictsAndClassifies) {
  Tensor x = of<float>({2, 3}, {1, 0, 0, 0, 1, 1});
  Session predict = session("predict"), classify = session("classify");
  ASSERT_TRUE(predict.run(*state, {x}).isOk());
  EXPECT_THAT(floats(predict.output(0)), ElementsAre(1.5f, 1.5f, 8.5f, 9.5f));
  ASSERT_TRUE(classify.run(*state, {x}).isOk());
  EXPECT_THAT(floats(classify.output(0)), ElementsAre(1.5f, 1.5f, 8.5f, 9.5f));
  EXPECT_EQ(textAt(classify.output(1), 3), "dog");
}

TEST_F(FixtureTest, EchoesEveryType) {
  Session every = session("every_type");
  std::vector<Tensor> inputs;
  std::vector<TensorView> views;
  for (int64_t i = 0; i < every.function().input_count; ++i) {
    auto dtype = static_cast<DType>(every.function().inputs[i].dtype);
    inputs.push_back(dtype == DType::String ? std::move(*Tensor::ofTexts({1, 2}, {"one", ""}))
                                            : std::move(*Tensor::zeros(dtype, {1, 2})));
  }
  views.assign(inputs.begin(), inputs.end());
  *inputs[4].data<int64_t>() = -5;
  ASSERT_TRUE(every.run(*state, views).isOk());
  EXPECT_EQ(*every.findOutput("i64")->data<int64_t>(), -5);
  EXPECT_EQ(textAt(*every.findOutput("text"), 0), "one");
}

TEST_F(FixtureTest, EchoesScalars) {
  Tensor real = of<float>({}, {1.5f}), integer = of<int64_t>({}, {7});
  Tensor text = std::move(*Tensor::ofTexts({}, {"seven"}));
  Session scalars = session("scalars");
  ASSERT_TRUE(scalars.run(*state, {real, integer, text}).isOk());
  EXPECT_EQ(*scalars.output(0).data<float>(), 1.5f);
  EXPECT_EQ(textAt(scalars.output(2), 0), "seven");
}

TEST_F(FixtureTest, JoinsTexts) {
  Tensor a = std::move(*Tensor::ofTexts({2}, {"ab", ""})),
         b = std::move(*Tensor::ofTexts({2}, {"c", "d"}));
  Session join = session("join");
  ASSERT_TRUE(join.run(*state, {a, b}).isOk());
  EXPECT_EQ(textAt(join.output(0), 0), "abc");
  EXPECT_EQ(textAt(join.output(1), 1), "d");
}

TEST_F(FixtureTest, PicksSumsAndSleeps) {
  Session pick = session("pick"), pairs = session("pairs"), total = session("total");
  Session sleep = session("sleep"), regress = session("regress");
  ASSERT_TRUE(pick.run(*state, {of<int64_t>({2}, {2, 0})}).isOk());
  EXPECT_THAT(floats(pick.output(0)), ElementsAre(30, 10));
  Status outside = pick.run(*state, {of<int64_t>({1}, {3})});
  EXPECT_EQ(outside.code(), StatusCode::OutOfRange);
  EXPECT_THAT(outside.message(), testing::HasSubstr("embedding"));
  Tensor a = of<float>({1, 2}, {1, 2}), b = of<float>({1, 2}, {3, 4});
  ASSERT_TRUE(pairs.run(*state, {a, b}).isOk());
  EXPECT_THAT(floats(pairs.output(0)), ElementsAre(4, 6));
  EXPECT_THAT(floats(pairs.output(1)), ElementsAre(5));
  ASSERT_TRUE(total.run(*state, {of<float>({3}, {1, 2, 3})}).isOk());
  EXPECT_THAT(floats(total.output(0)), ElementsAre(6));
  ASSERT_TRUE(regress.run(*state, {of<float>({1, 1}, {0.5f}), of<int64_t>({1}, {2})}).isOk());
  EXPECT_THAT(floats(regress.output(0)), ElementsAre(2.5f));
  ASSERT_TRUE(sleep.run(*state, {of<int32_t>({1}, {1})}).isOk());
  EXPECT_EQ(*sleep.output(0).data<int32_t>(), 1);
}

TEST_F(FixtureTest, CarriesARunningTotal) {
  Session running = session("running");
  ASSERT_TRUE(running.run(*state, {of<float>({1}, {2})}).isOk());
  ASSERT_TRUE(running.run(*state, {of<float>({1}, {3})}).isOk());
  EXPECT_THAT(floats(running.output(0)), ElementsAre(5));
}

TEST_F(FixtureTest, CountWritesTheState) {
  Session count = session("count");
  Tensor x = of<float>({1, 3}, {0, 0, 0});
  EXPECT_EQ(count.run(*state, {x}).code(), StatusCode::FailedPrecondition);
  auto own = State::create(artifact);
  ASSERT_TRUE(count.run(**own, {x}).isOk());
  EXPECT_EQ(*count.output(0).data<int64_t>(), 1);
}

} // namespace
