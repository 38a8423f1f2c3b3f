// Named inputs against a function's, and what is counted.
#include "runtime/serve/inference/InferenceService.h"
#include "tests/unit/runtime/model/TestFiles.h"
#include "tests/unit/runtime/serve/inference/Fakes.h"

namespace {

using namespace ingot;
using namespace ingot::serve;

class InferenceServiceTest : public testing::Test {
protected:
  InferenceRequest request(std::string_view function, std::vector<NamedInput> inputs) {
    InferenceRequest made;
    auto target = service.resolve("m", VersionChoice::latest(), function);
    EXPECT_TRUE(target.isOk()) << target.status().message();
    made.model = target->model;
    made.function = target->function;
    made.inputs = std::move(inputs);
    return made;
  }
  Status infer(std::string_view function, std::vector<NamedInput> inputs) {
    auto status = std::make_shared<Status>(); // the answer may come after this call
    service.infer(request(function, std::move(inputs)),
                  [status](InferenceResponse response) { *status = response.status; });
    return *status;
  }
  NamedInput floats(const std::string &name, Shape shape) {
    return {name, DType::F32, std::move(shape), values};
  }

  std::shared_ptr<const Artifact> artifact = Artifact::open(FIXTURESERVED).value();
  FakeRepository repository{artifact};
  InferenceService service{repository};
  float values[64] = {};
};

TEST_F(InferenceServiceTest, InputsAreMatchedByNameInAnyOrder) {
  ASSERT_OK(infer("pairs", {floats("b", {2, 4}), floats("a", {2, 4})}));
  std::vector<Request> &submitted = repository.queue("pairs").submitted;
  ASSERT_EQ(submitted.size(), 1u);
  ASSERT_EQ(submitted[0].inputs.size(), 2u);
  EXPECT_EQ(submitted[0].inputs[0].dims[1], 4);
}

TEST_F(InferenceServiceTest, MistakesNameTheInputAndTheSignature) {
  EXPECT_STATUS(infer("pairs", {floats("a", {2, 4})}), InvalidArgument,
                "input 'b' is missing; 'm' takes 'a' f32[batch, length], 'b' f32[batch, length]");
  EXPECT_STATUS(infer("predict", {floats("x", {1, 3}), floats("z", {1})}), InvalidArgument,
                "there is no input 'z'");
  EXPECT_STATUS(infer("predict", {floats("x", {1, 3}), floats("x", {1, 3})}), InvalidArgument,
                "input 'x' was given twice");
  EXPECT_STATUS(infer("predict", {floats("x", {1, 4})}), InvalidArgument,
                "input 'x': expected f32[batch, 3], got f32[1, 4]: dimension 1 must be 3, is 4");
  EXPECT_STATUS(infer("predict", {floats("x", {3})}), InvalidArgument,
                "2 dimensions are expected, 1 were given");
  EXPECT_STATUS(infer("predict", {{"x", DType::I32, {1, 3}, values}}), InvalidArgument,
                "expected f32[batch, 3], got i32[1, 3]: the element types differ");
  EXPECT_STATUS(infer("predict", {floats("x", {-1, 3})}), InvalidArgument, "negative");
  EXPECT_TRUE(repository.queue("predict").submitted.empty());
}

TEST_F(InferenceServiceTest, ABoolIsZeroOrOneWhateverTheProtocol) {
  const ServedFunction &function = *repository.model->find("every_type");
  std::vector<NamedInput> inputs;
  const std::vector<std::max_align_t> zeros(4);
  const uint8_t bools[] = {1, 2};
  for (const ingot_tensor_info *info : function.inputs)
    inputs.push_back({info->name,
                      static_cast<DType>(info->dtype),
                      {1, 2},
                      info->dtype == INGOT_BOOL ? static_cast<const void *>(bools) : zeros.data()});
  EXPECT_STATUS(infer("every_type", inputs), InvalidArgument,
                "input 'bool': element 1 is 2, but a bool is 0 or 1");
}

TEST_F(InferenceServiceTest, WhatAFunctionTakesIsKnownWithoutData) {
  const ServedFunction &function = *repository.model->find("predict");
  ASSERT_OK(checkInput(*repository.model, function, {"x", DType::F32, {5, 3}, nullptr}));
  EXPECT_STATUS(checkInput(*repository.model, function, {"x", DType::F32, {5, 4}, nullptr}),
                InvalidArgument, "dimension 1 must be 3, is 4");
  EXPECT_STATUS(checkInput(*repository.model, function, {"z", DType::F32, {5, 3}, nullptr}),
                InvalidArgument, "there is no input 'z'; 'm' takes 'x' f32[batch, 3]");
}

TEST_F(InferenceServiceTest, WhatAStreamCarriesIsNoInputOfClients) {
  const ServedFunction &function = *repository.model->find("running");
  EXPECT_TRUE(function.isStream());
  ASSERT_EQ(function.inputs.size(), 1u);
  EXPECT_STREQ(function.inputs[0]->name, "x");
  EXPECT_STATUS(infer("running", {}), InvalidArgument, "input 'x' is missing; 'm' takes 'x' f32[");
}

TEST_F(InferenceServiceTest, UnknownModelsAndSignaturesAreToldApart) {
  EXPECT_STATUS(service.resolve("other", VersionChoice::latest()).status(), NotFound, "'other'");
  EXPECT_STATUS(service.resolve("m", VersionChoice::latest(), "zz").status(), InvalidArgument,
                "model 'm' has no signature 'zz'; it has 'predict', ");
  EXPECT_STREQ(service.resolve("m", VersionChoice::latest())->function->function->name, "predict");
  EXPECT_STREQ(
      service.resolve("m", VersionChoice::latest(), "serving_default")->function->function->name,
      "predict");
}

TEST_F(InferenceServiceTest, WhatTheRequestSaysReachesTheQueue) {
  InferenceRequest asked = request("predict", {floats("x", {1, 3})});
  asked.priority = 3;
  asked.mayRunHere = true;
  asked.deadline = Clock::time_point(std::chrono::seconds(5));
  asked.cancellation = std::make_shared<Cancellation>();
  service.infer(asked, [](InferenceResponse) {});
  Request &submitted = repository.queue("predict").submitted.at(0);
  EXPECT_EQ(submitted.priority, 3);
  EXPECT_TRUE(submitted.mayRunHere);
  EXPECT_EQ(submitted.deadline, asked.deadline);
  EXPECT_EQ(submitted.cancellation, asked.cancellation);
}

TEST_F(InferenceServiceTest, OutcomesAreCounted) {
  const FunctionStatistics &counted = *repository.model->find("predict")->statistics;
  auto answer = [&](Status status, int runs) {
    ASSERT_OK(infer("predict", {floats("x", {2, 3})}));
    Request submitted = std::move(repository.queue("predict").submitted.back());
    EXPECT_EQ(counted.pending.load(), 1);
    Outcome outcome;
    outcome.status = std::move(status);
    outcome.timing.runs = runs;
    outcome.timing.rows = 2;
    submitted.done(std::move(outcome));
    EXPECT_EQ(counted.pending.load(), 0);
  };
  answer(Status(), 1);
  answer(Status(StatusCode::ResourceExhausted, "full"), 0);
  answer(Status(StatusCode::Cancelled, "gone"), 0);
  answer(Status(StatusCode::Internal, "broken"), 1);
  EXPECT_STATUS(infer("predict", {}), InvalidArgument, "missing");
  EXPECT_EQ(counted.success.count.load(), 1u);
  EXPECT_EQ(counted.inferences.load(), 2u);
  EXPECT_EQ(counted.fail.count.load(), 4u);
  EXPECT_EQ(counted.rejected.load(), 1u);
  EXPECT_EQ(counted.cancelled.load(), 1u);
  EXPECT_EQ(counted.failedOtherwise.load(), 2u);
  EXPECT_GT(counted.lastInferenceMs.load(), 0);
}

TEST_F(InferenceServiceTest, InputsOutliveTheCallOfInfer) {
  auto block = std::make_shared<std::vector<float>>(3, 1.0f);
  std::weak_ptr<std::vector<float>> watched = block;
  InferenceRequest asked = request("predict", {{"x", DType::F32, {1, 3}, block->data()}});
  asked.owner = std::move(block);
  service.infer(std::move(asked), [](InferenceResponse) {});
  EXPECT_FALSE(watched.expired());
  repository.queue("predict").submitted.clear();
  EXPECT_TRUE(watched.expired());
}

} // namespace
