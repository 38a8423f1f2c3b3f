// The server as a whole: its start, its models, and its end.
#include "runtime/serve/server/Server.h"

#include "runtime/serve/repository/Publish.h"
#include "tests/unit/runtime/model/TestFiles.h"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace ingot;
using namespace ingot::serve;
using namespace std::chrono_literals;
using testing::HasSubstr;
namespace fs = std::filesystem;

namespace {

class ServerTest : public FileTest {
protected:
  void SetUp() override {
    FileTest::SetUp();
    fs::create_directories(path("models"));
    options.rest.address = "127.0.0.1";
    options.rest.port = 0;
    options.repository.pollInterval = 0ms;
    options.repository.sourceSettleTime = 0ms;
    options.repository.compileCacheDirectory = path("cache");
  }
  void TearDown() override {
    server.reset();
    FileTest::TearDown();
  }

  void publish(const std::string &name) {
    auto published =
        publishVersion(path("models/" + name), 1, {{"model.so", FIXTURESERVED}}, "test");
    ASSERT_OK(published.status());
  }
  /// A compiler that does not come to an end, and sources for it.
  void setSlowCompiler() {
    write("ingot",
          "#!/bin/sh\n[ \"$1\" = --version ] && exit 0\ntouch " + path("begun") + "\nsleep 1000\n");
    fs::permissions(path("ingot"), fs::perms::owner_all);
    options.repository.compiler = path("ingot");
  }
  void addSource(const std::string &name) {
    fs::create_directories(path("models/" + name + "/1"));
    write("models/" + name + "/1/model.onnx", "a graph");
  }
  void awaitCompiler() {
    while (!fs::exists(path("begun")))
      std::this_thread::sleep_for(1ms);
  }
  void nameModels(const std::vector<std::string> &names) {
    std::string text = "model_config_list {\n";
    for (const std::string &name : names)
      text += "config { name: '" + name + "' base_path: '" + path("models/" + name) + "' }\n";
    options.modelConfigFile = write("models.config", text + "}\n");
  }
  void start() {
    auto started = Server::start(options, "0");
    ASSERT_OK(started.status());
    server = std::move(*started);
  }
  void awaitReady() {
    while (!server->isReady())
      std::this_thread::sleep_for(1ms);
  }
  /// The whole reply.
  std::string get(const std::string &target) {
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(server->restPort()));
    std::string reply;
    if (connect(client, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0) {
      const std::string request =
          "GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
      (void)!::write(client, request.data(), request.size());
      char piece[4096];
      for (ssize_t count; (count = ::read(client, piece, sizeof piece)) > 0;)
        reply.append(piece, static_cast<size_t>(count));
    }
    close(client);
    return reply;
  }
  std::string awaitReply(const std::string &target, const std::string &fragment) {
    std::string reply;
    for (int i = 0; i < 10000 && reply.find(fragment) == std::string::npos; ++i) {
      std::this_thread::sleep_for(1ms);
      reply = get(target);
    }
    return reply;
  }
  static bool pause(std::chrono::milliseconds longest) {
    std::this_thread::sleep_for(longest);
    return true;
  }

  ServerOptions options;
  std::unique_ptr<Server> server;
};

TEST_F(ServerTest, TheModelsOfAConfigFileAreLoadedBehindTheListeners) {
  setSlowCompiler();
  addSource("a");
  publish("b");
  nameModels({"a", "b"});
  start(); // waits for no model
  awaitCompiler();
  EXPECT_THAT(awaitReply("/v2/models/b/ready", "200 OK"), HasSubstr("200 OK"));
  EXPECT_FALSE(server->isReady());
  EXPECT_EQ(server->drain(pause), 0);
}

TEST_F(ServerTest, AModelThatCannotBeLoadedIsNoReasonNotToServeOthers) {
  fs::create_directories(path("models/a/1"));
  publish("b");
  nameModels({"a", "b"});
  start();
  awaitReady();
  EXPECT_THAT(get("/v2/models/b/ready"), HasSubstr("200 OK"));
  EXPECT_THAT(get("/v2/models/a/ready"), testing::Not(HasSubstr("200 OK")));
}

TEST_F(ServerTest, AConfigFileThatCannotBeReadTakesNothingAway) {
  publish("b");
  nameModels({"b"});
  start();
  awaitReady();
  fs::remove(options.modelConfigFile);
  fs::create_directories(options.modelConfigFile);
  server->reload();
  fs::remove_all(options.modelConfigFile);
  std::this_thread::sleep_for(20ms);
  write("models.config", ""); // one that is being written
  server->reload();
  std::this_thread::sleep_for(20ms);
  EXPECT_THAT(get("/v2/models/b/ready"), HasSubstr("200 OK"));
}

TEST_F(ServerTest, ReloadingWaitsForNothingAndDrainingGivesItUp) {
  setSlowCompiler();
  publish("b");
  options.repository.directories = {path("models")};
  start();
  awaitReady();
  addSource("a");
  server->reload();
  awaitCompiler();
  server->reload();
  const auto begin = Clock::now();
  EXPECT_EQ(server->drain(pause), 0);
  server.reset();
  EXPECT_LT(Clock::now() - begin, 60s);
}

TEST_F(ServerTest, ADrainIsEndedAtOnceByWhoeverPauses) {
  publish("b");
  options.repository.directories = {path("models")};
  options.drainDelay = std::chrono::hours(1);
  start();
  awaitReady();
  int pauses = 0;
  EXPECT_EQ(server->drain([&](std::chrono::milliseconds longest) {
    if (++pauses == 2)
      return false;
    return pause(std::min(longest, std::chrono::milliseconds(1)));
  }),
            0);
  EXPECT_FALSE(server->isReady());
}

} // namespace
