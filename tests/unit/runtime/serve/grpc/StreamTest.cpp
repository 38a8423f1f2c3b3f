// ModelStreamInfer: each message is a request.
#include "tests/unit/runtime/serve/grpc/Services.h"

#include <map>
#include <thread>

namespace {

using namespace ingot;
using namespace ingot::serve;
using inference::ModelInferRequest;
using inference::ModelStreamInferResponse;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

class StreamTest : public ServicesFixture {};

TEST_F(StreamTest, AStreamAnswersEachMessageAndErrorsDoNotEndIt) {
  CallContext context;
  auto stream = service->ModelStreamInfer(&context);
  ModelInferRequest wrong = predictRequest();
  wrong.set_id("wrong");
  wrong.set_model_name("zz");
  ModelInferRequest right = predictRequest();
  right.set_id("right");
  ASSERT_TRUE(stream->Write(wrong));
  ASSERT_TRUE(stream->Write(right));
  ASSERT_TRUE(stream->WritesDone());
  std::map<std::string, ModelStreamInferResponse> replies;
  for (ModelStreamInferResponse reply; stream->Read(&reply);)
    replies[reply.infer_response().id()] = reply;
  ASSERT_CALL_OK(stream->Finish());
  ASSERT_EQ(replies.size(), 2u);
  EXPECT_NE(replies["wrong"].error_message().find("'zz'"), std::string::npos);
  EXPECT_EQ(replies["right"].error_message(), "");
  EXPECT_EQ(replies["right"].infer_response().raw_output_contents(0).size(), 8u);
  EXPECT_TRUE(
      replies["right"].infer_response().parameters().at("triton_final_response").bool_param());
  // A record of each message, none of the stream.
  std::vector<std::string> ids = {records.next().id, records.next().id};
  EXPECT_THAT(ids, UnorderedElementsAre("wrong", "right"));
}

TEST_F(StreamTest, ASequenceIsAnsweredInOrder) {
  CallContext context;
  auto stream = service->ModelStreamInfer(&context);
  for (int i = 0; i < 300; ++i) { // more than the server takes at once
    ModelInferRequest asked = i % 10 == 0 ? sleepRequest(2) : predictRequest();
    asked.set_id(std::to_string(i));
    (*asked.mutable_parameters())["sequence_id"].set_int64_param(7);
    ASSERT_TRUE(stream->Write(asked));
  }
  ASSERT_TRUE(stream->WritesDone());
  int next = 0;
  for (ModelStreamInferResponse reply; stream->Read(&reply); ++next)
    ASSERT_EQ(reply.infer_response().id(), std::to_string(next)) << reply.error_message();
  EXPECT_EQ(next, 300);
  ASSERT_CALL_OK(stream->Finish());
}

TEST_F(StreamTest, SequencesCarryWhatTheirRequestsLeave) {
  CallContext context;
  auto stream = service->ModelStreamInfer(&context);
  for (int i = 1; i <= 3; ++i)
    for (int64_t sequence : {1, 2}) {
      ModelInferRequest asked =
          request<float>("running", "x", "FP32", {1}, {static_cast<float>(i * sequence)});
      asked.set_id(std::to_string(sequence));
      (*asked.mutable_parameters())["sequence_id"].set_int64_param(sequence);
      (*asked.mutable_parameters())["sequence_start"].set_bool_param(i == 1);
      (*asked.mutable_parameters())["sequence_end"].set_bool_param(i == 3);
      ASSERT_TRUE(stream->Write(asked));
    }
  ASSERT_TRUE(stream->WritesDone());
  std::map<std::string, std::vector<float>> sums;
  for (ModelStreamInferResponse reply; stream->Read(&reply);) {
    ASSERT_EQ(reply.error_message(), "");
    float sum = 0;
    std::memcpy(&sum, reply.infer_response().raw_output_contents(0).data(), sizeof sum);
    sums[reply.infer_response().id()].push_back(sum);
  }
  EXPECT_THAT(sums["1"], ElementsAre(1, 3, 6));
  EXPECT_THAT(sums["2"], ElementsAre(2, 6, 12));
}

TEST_F(StreamTest, WithoutASequenceRepliesComeAsTheyAreReady) {
  CallContext context;
  auto stream = service->ModelStreamInfer(&context);
  ModelInferRequest slow = sleepRequest(60000), fast = predictRequest();
  slow.set_id("slow");
  fast.set_id("fast");
  ASSERT_TRUE(stream->Write(slow));
  ASSERT_TRUE(stream->Write(fast));
  ModelStreamInferResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.infer_response().id(), "fast");
  context.TryCancel();
  EXPECT_CODE(stream->Finish(), CANCELLED, "");
  EXPECT_EQ(records.next().id, "fast");
  EXPECT_EQ(records.next().status, grpc::StatusCode::CANCELLED); // stopped, not slept to its end
}

TEST_F(StreamTest, AClientThatDoesNotReadIsNotReadEither) {
  CallContext context;
  auto stream = service->ModelStreamInfer(&context);
  const std::vector<float> x(3 * 5000, 1);
  const auto large = request<float>("predict", "x", "FP32", {5000, 3}, x);
  // Replies of 40 kB: 64 are kept, 128 requests run, and the transport holds a few MB more.
  constexpr size_t messages = 1000;
  std::thread writer([&] {
    for (size_t i = 0; i < messages; ++i)
      EXPECT_TRUE(stream->Write(large));
    EXPECT_TRUE(stream->WritesDone());
  });
  // Until the server takes no more; were it to take all, it would not come to that before the end.
  const auto taken = [&] { return records.count() + static_cast<size_t>(lifecycle.inFlight()); };
  for (size_t seen = 0, before = 0, same = 0; same < 50000 && seen < messages;
       same = seen == before && seen >= 64 ? same + 1 : 0) {
    std::this_thread::yield();
    before = seen;
    seen = taken();
  }
  EXPECT_LT(taken(), 600u);
  size_t replies = 0;
  for (ModelStreamInferResponse reply; stream->Read(&reply); ++replies)
    EXPECT_EQ(reply.error_message(), "");
  EXPECT_EQ(replies, messages);
  writer.join();
  ASSERT_CALL_OK(stream->Finish());
}

TEST_F(StreamTest, AStreamWhoseMessagesFailAtOnceDoesNotGrowTheStack) {
  CallContext context;
  auto stream = service->ModelStreamInfer(&context);
  // The first one runs, and behind it wait those that are refused without a run.
  std::thread writer([&] {
    for (int i = 0; i < 2000; ++i) {
      ModelInferRequest asked =
          i == 0 ? sleepRequest(100) : request<float>("running", "x", "FP32", {1}, {1});
      (*asked.mutable_parameters())["sequence_id"].set_int64_param(7); // which has not begun
      ASSERT_TRUE(stream->Write(asked));
    }
    stream->WritesDone();
  });
  int replies = 0;
  for (ModelStreamInferResponse reply; stream->Read(&reply); ++replies)
    if (replies > 0)
      EXPECT_NE(reply.error_message(), "");
  writer.join();
  EXPECT_EQ(replies, 2000);
  ASSERT_CALL_OK(stream->Finish());
}

TEST_F(StreamTest, ACompressedStreamIsAnsweredWhateverRunsBesideIt) {
  CallContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  auto stream = service->ModelStreamInfer(&context);
  std::thread writer([&] {
    for (int i = 0; i < 500; ++i)
      ASSERT_TRUE(stream->Write(predictRequest()));
    stream->WritesDone();
  });
  int replies = 0;
  for (ModelStreamInferResponse reply; stream->Read(&reply); ++replies)
    EXPECT_EQ(reply.error_message(), "");
  writer.join();
  EXPECT_EQ(replies, 500);
  ASSERT_CALL_OK(stream->Finish());
}

TEST_F(StreamTest, MoreStreamsThanTheLimitAreRefused) {
  limits.connections = 2;
  start();
  connect();
  CallContext contexts[3];
  ModelStreamInferResponse reply;
  auto first = service->ModelStreamInfer(&contexts[0]);
  ASSERT_TRUE(first->Write(predictRequest()) && first->Read(&reply));
  auto watch = health->Watch(&contexts[1], grpc::health::v1::HealthCheckRequest());
  grpc::health::v1::HealthCheckResponse state;
  ASSERT_TRUE(watch->Read(&state));
  auto third = service->ModelStreamInfer(&contexts[2]);
  EXPECT_FALSE(third->Read(&reply));
  EXPECT_CODE(third->Finish(), RESOURCE_EXHAUSTED, "2 streams open already");
  contexts[0].TryCancel();
  EXPECT_CODE(first->Finish(), CANCELLED, "");
  contexts[1].TryCancel();
  EXPECT_CODE(watch->Finish(), CANCELLED, "");
  for (;;) { // a place is free soon
    CallContext context;
    auto stream = service->ModelStreamInfer(&context);
    stream->Write(predictRequest());
    if (stream->Read(&reply)) {
      context.TryCancel();
      (void)stream->Finish();
      break;
    }
    EXPECT_CODE(stream->Finish(), RESOURCE_EXHAUSTED, "streams");
  }
}

TEST_F(StreamTest, StreamsAreForThoseWhoMayCall) {
  AccessControl::Rules rules;
  rules.restricted[static_cast<size_t>(ApiGroup::Inference)] = true;
  access = AccessControl(rules);
  start();
  connect();
  CallContext context;
  auto stream = service->ModelStreamInfer(&context);
  ModelStreamInferResponse reply;
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_CODE(stream->Finish(), PERMISSION_DENIED, "not allowed");
  EXPECT_EQ(records.next().status, grpc::StatusCode::PERMISSION_DENIED);
}

} // namespace
