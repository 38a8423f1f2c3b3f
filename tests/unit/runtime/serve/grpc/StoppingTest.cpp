// What becomes of calls when the server stops: nothing that was accepted is lost, and nothing that
// only waits holds it open.
#include "tests/unit/runtime/serve/grpc/Services.h"

#include "runtime/serve/grpc/proto/reflection_v1.grpc.pb.h"

#include <atomic>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace {

using namespace ingot;
using namespace ingot::serve;
using inference::ModelInferRequest;
using inference::ModelInferResponse;
using inference::ModelStreamInferResponse;

class StoppingTest : public ServicesFixture {
protected:
  bool isDrainedSoon() {
    const auto end = Clock::now() + std::chrono::seconds(30);
    while (!server->isDrained() && Clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return server->isDrained();
  }
  /// Until so many are in flight; not for ever where one has ended before all had begun.
  void awaitInFlight(int64_t count) {
    while (lifecycle.inFlight() < count && records.count() == 0)
      std::this_thread::yield();
    EXPECT_EQ(records.count(), 0u) << "it ended too soon for this test";
  }
};

TEST_F(StoppingTest, AServerThatTakesCallsIsNotDrained) {
  EXPECT_FALSE(server->isDrained());
  server->stopAccepting();
  EXPECT_TRUE(isDrainedSoon());
}

TEST_F(StoppingTest, NoCallBeginsOnceItHasStopped) {
  ModelInferResponse reply; // connects
  ASSERT_CALL_OK(
      call(&inference::GRPCInferenceService::Stub::ModelInfer, *service, predictRequest(), reply));
  server->stopAccepting();
  grpc::ClientContext context;
  EXPECT_FALSE(service->ModelInfer(&context, predictRequest(), &reply).ok());
  EXPECT_TRUE(isDrainedSoon());
}

TEST_F(StoppingTest, ItIsDrainedWhenTheLastReplyIsWritten) {
  std::thread client([&] {
    ModelInferResponse reply;
    EXPECT_CODE(call(&inference::GRPCInferenceService::Stub::ModelInfer, *service,
                     sleepRequest(1000), reply),
                OK, "");
  });
  awaitInFlight(1);
  server->stopAccepting();
  EXPECT_FALSE(server->isDrained());
  client.join();
  EXPECT_TRUE(isDrainedSoon());
  EXPECT_EQ(lifecycle.inFlight(), 0);
}

TEST_F(StoppingTest, AStreamAnswersWhatItAcceptedAndEnds) {
  CallContext context;
  auto stream = service->ModelStreamInfer(&context);
  ModelInferRequest asked = sleepRequest(1000);
  (*asked.mutable_parameters())["sequence_id"].set_int64_param(7);
  constexpr int messages = 3; // one runs, the others wait for it
  for (int i = 0; i < messages; ++i) {
    asked.set_id(std::to_string(i));
    ASSERT_TRUE(stream->Write(asked));
  }
  awaitInFlight(messages);
  server->stopAccepting();
  EXPECT_FALSE(server->isDrained());
  int replies = 0;
  for (ModelStreamInferResponse reply; stream->Read(&reply); ++replies)
    EXPECT_EQ(reply.error_message(), "");
  EXPECT_EQ(replies, messages);
  EXPECT_CODE(stream->Finish(), UNAVAILABLE, "stopping");
  EXPECT_TRUE(isDrainedSoon());
  EXPECT_EQ(lifecycle.inFlight(), 0);
}

TEST_F(StoppingTest, RequestsOfAStreamAreInFlightUntilTheirRepliesAreWritten) {
  CallContext context;
  auto stream = service->ModelStreamInfer(&context);
  const std::vector<float> x(3 * 50000, 1); // replies of 400 kB, which the client does not read
  const auto large = request<float>("predict", "x", "FP32", {50000, 3}, x);
  std::thread writer([&] {
    for (int i = 0; i < 60; ++i)
      if (!stream->Write(large))
        return;
  });
  const auto &statistics = *repository.loaded().back()->find("predict")->statistics;
  while (statistics.success.count.load() < 30)
    std::this_thread::yield();
  EXPECT_GT(lifecycle.inFlight(), 0); // although all were run
  server->stopAccepting();
  size_t replies = 0;
  for (ModelStreamInferResponse reply; stream->Read(&reply); ++replies)
    EXPECT_EQ(reply.error_message(), "");
  EXPECT_EQ(replies, statistics.success.count.load());
  writer.join();
  EXPECT_CODE(stream->Finish(), UNAVAILABLE, "stopping");
  EXPECT_TRUE(isDrainedSoon());
}

TEST_F(StoppingTest, ALargeReplyIsReadToItsEnd) {
  for (int64_t rows : {50000, 1000000}) {
    start();
    connect();
    const std::vector<float> x(static_cast<size_t>(3 * rows), 1);
    const auto asked = request<float>("predict", "x", "FP32", {rows, 3}, x);
    std::atomic<bool> isDone{false};
    std::thread client([&] {
      ModelInferResponse reply;
      EXPECT_CODE(call(&inference::GRPCInferenceService::Stub::ModelInfer, *service, asked, reply),
                  OK, "");
      isDone.store(true);
    });
    while (lifecycle.inFlight() == 0 && !isDone.load())
      std::this_thread::yield();
    server->stopAccepting();
    client.join();
    EXPECT_TRUE(isDrainedSoon());
  }
}

TEST_F(StoppingTest, AConnectionThatDoesNotAnswerDoesNotHoldItOpen) {
  const int file = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path("grpc.sock").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::connect(file, reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
  const std::string hello("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33); // settings
  ASSERT_EQ(::write(file, hello.data(), hello.size()), static_cast<ssize_t>(hello.size()));
  char settings[9]; // of the server, so that it has taken the connection
  ASSERT_EQ(::read(file, settings, sizeof settings), static_cast<ssize_t>(sizeof settings));
  const auto start = Clock::now();
  server->stopAccepting();
  EXPECT_TRUE(isDrainedSoon());
  server.reset();
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(10));
  ::close(file);
}

TEST_F(StoppingTest, CallsThatOnlyWaitDoNotHoldItOpen) {
  CallContext idleContext, watchContext, unaskedContext, reflectionContext;
  auto idle = service->ModelStreamInfer(&idleContext);
  ASSERT_TRUE(idle->Write(predictRequest()));
  ModelStreamInferResponse reply;
  ASSERT_TRUE(idle->Read(&reply));
  auto watch = health->Watch(&watchContext, grpc::health::v1::HealthCheckRequest());
  grpc::health::v1::HealthCheckResponse state;
  ASSERT_TRUE(watch->Read(&state));
  auto reflection = grpc::reflection::v1::ServerReflection::NewStub(channel());
  auto asking = reflection->ServerReflectionInfo(&reflectionContext);
  grpc::reflection::v1::ServerReflectionRequest asked;
  grpc::reflection::v1::ServerReflectionResponse answer;
  asked.set_list_services("");
  ASSERT_TRUE(asking->Write(asked) && asking->Read(&answer));
  server->stopAccepting();
  EXPECT_TRUE(isDrainedSoon());
  EXPECT_FALSE(idle->Read(&reply));
  EXPECT_CODE(idle->Finish(), UNAVAILABLE, "stopping");
  EXPECT_CODE(asking->Finish(), UNAVAILABLE, "stopping");
  EXPECT_TRUE(watch->Read(&state));
  EXPECT_EQ(state.status(), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  EXPECT_FALSE(watch->Read(&state));
  EXPECT_CODE(watch->Finish(), UNAVAILABLE, "stopping");
}

} // namespace
