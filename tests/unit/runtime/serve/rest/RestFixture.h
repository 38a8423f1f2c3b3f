// A server over FixtureServed (model "m", version 3), and a client that sends bytes and reads
// replies, each as the test says.
#ifndef INGOT_TESTS_UNIT_RUNTIME_SERVE_REST_RESTFIXTURE_H
#define INGOT_TESTS_UNIT_RUNTIME_SERVE_REST_RESTFIXTURE_H

#include "runtime/serve/repository/Publish.h"
#include "runtime/serve/rest/RestServer.h"
#include "tests/unit/runtime/model/TestFiles.h"

#include <arpa/inet.h>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace ingot::serve {

/// A reply as it came.
struct Reply {
  int status = 0;                             ///< 0: the connection ended before there was one
  std::map<std::string, std::string> headers; ///< names in lower case
  std::string body;
};

class Client {
public:
  static Client toUnix(const std::string &path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    const int file = ::socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT_EQ(::connect(file, reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
    return Client(file);
  }
  static Client toPort(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int file = ::socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(::connect(file, reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
    return Client(file);
  }
  explicit Client(int file) : file_(file) {}
  Client(Client &&other) noexcept
      : file_(std::exchange(other.file_, -1)), read_(std::move(other.read_)) {}
  ~Client() { close(); }

  void close() {
    if (file_ >= 0)
      ::close(std::exchange(file_, -1));
  }
  void closeWriting() { ::shutdown(file_, SHUT_WR); }
  int file() const { return file_; }

  /// False: the server reads no more.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(file_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0)
        return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  /// The next reply; `isHead`: it has no body whatever its length says.
  Reply read(bool isHead = false) {
    Reply reply;
    size_t end;
    while ((end = read_.find("\r\n\r\n")) == std::string::npos)
      if (!more())
        return reply;
    const std::string head = read_.substr(0, end + 2);
    read_.erase(0, end + 4);
    reply.status = std::stoi(head.substr(head.find(' ') + 1));
    for (size_t at = head.find("\r\n") + 2; at < head.size();) {
      const size_t colon = head.find(": ", at), line = head.find("\r\n", at);
      std::string name = head.substr(at, colon - at);
      for (char &c : name)
        c = static_cast<char>(std::tolower(c));
      reply.headers[name] = head.substr(colon + 2, line - colon - 2);
      at = line + 2;
    }
    const auto found = reply.headers.find("content-length");
    const size_t length = isHead || found == reply.headers.end()
                              ? 0
                              : std::strtoull(found->second.c_str(), nullptr, 10);
    while (read_.size() < length)
      if (!more())
        return {};
    reply.body = read_.substr(0, length);
    read_.erase(0, length);
    return reply;
  }
  /// Everything until the server closes.
  std::string readAll() {
    while (more())
      ;
    return std::exchange(read_, {});
  }
  bool isAtEnd() { return read_.empty() && !more(); }

  Reply call(const std::string &method, const std::string &target, const std::string &body = "",
             const std::string &headers = "") {
    const bool hasBody = method == "POST";
    send(method + " " + target + " HTTP/1.1\r\nHost: test\r\n" + headers +
         (hasBody ? "Content-Length: " + std::to_string(body.size()) + "\r\n" : "") + "\r\n" +
         body);
    return read(method == "HEAD");
  }
  Reply get(const std::string &target, const std::string &headers = "") {
    return call("GET", target, "", headers);
  }
  Reply post(const std::string &target, const std::string &body, const std::string &headers = "") {
    return call("POST", target, body, headers);
  }

private:
  bool more() {
    char bytes[65536];
    const ssize_t got = ::recv(file_, bytes, sizeof bytes, 0);
    if (got > 0)
      read_.append(bytes, static_cast<size_t>(got));
    return got > 0;
  }

  int file_;
  std::string read_;
};

/// Keeps what was observed, and lets a test wait for it.
class Records : public RequestObserver {
public:
  void onRequest(const RequestRecord &record) override {
    std::lock_guard lock(mutex_);
    records_.push_back(record);
    changed_.notify_all();
  }
  /// Waits for the record of the n-th request, from 0.
  RequestRecord await(size_t n) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return records_.size() > n; });
    return records_[n];
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<RequestRecord> records_;
};

class RestFixture : public FileTest {
protected:
  void SetUp() override {
    FileTest::SetUp();
    std::filesystem::create_directories(path("models"));
    publish("m", 3);
    repositoryOptions.directories = {path("models")};
    repositoryOptions.pollInterval = std::chrono::milliseconds(0);
    restOptions.unixSocket = path("rest.sock");
    restOptions.address = "127.0.0.1";
  }
  void TearDown() override {
    server.reset();
    repository.reset();
    FileTest::TearDown();
  }

  void publish(const std::string &model, int64_t version) {
    const auto published =
        publishVersion(path("models/" + model), version, {{"model.so", FIXTURESERVED}}, "test");
    ASSERT_TRUE(published.isOk()) << published.status().message();
  }

  void start() {
    auto opened = Repository::open(scheduler, repositoryOptions);
    ASSERT_TRUE(opened.isOk()) << opened.status().message();
    repository = std::move(*opened);
    repository->awaitReady(Clock::time_point::max());
    inference = std::make_unique<InferenceService>(*repository);
    context.reset(new ServerContext{"ingot", "0.1", *repository, *inference, sharedMemory,
                                    lifecycle, access, limits, records,
                                    [] { return std::string("ingot_up 1\n"); }});
    auto started = RestServer::start(*context, restOptions);
    ASSERT_TRUE(started.isOk()) << started.status().message();
    server = std::move(*started);
  }

  Client connect() const { return Client::toUnix(restOptions.unixSocket); }

  Scheduler scheduler{SchedulerOptions{2}};
  RepositoryOptions repositoryOptions;
  std::unique_ptr<Repository> repository;
  std::unique_ptr<InferenceService> inference;
  SharedMemory sharedMemory;
  Lifecycle lifecycle;
  AccessControl access;
  Limits limits;
  Records records;
  RestOptions restOptions;
  std::unique_ptr<ServerContext> context;
  std::unique_ptr<RestServer> server;
};

} // namespace ingot::serve

#endif
