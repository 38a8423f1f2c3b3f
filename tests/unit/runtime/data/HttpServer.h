// A web server for tests of downloads: on the loopback, one canned answer for every request.
#ifndef INGOT_TESTS_RUNTIME_DATA_HTTPSERVER_H
#define INGOT_TESTS_RUNTIME_DATA_HTTPSERVER_H

#include <arpa/inet.h>
#include <atomic>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace ingot::test {

class HttpServer {
public:
  /// `answer` is sent as it stands, status line and headers included; then the connection ends.
  explicit HttpServer(std::string answer) : answer(std::move(answer)) {
    listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto *plain = reinterpret_cast<sockaddr *>(&address);
    EXPECT_EQ(bind(listener, plain, size), 0);
    EXPECT_EQ(listen(listener, 8), 0);
    EXPECT_EQ(getsockname(listener, plain, &size), 0);
    port = ntohs(address.sin_port);
    thread = std::thread([this] { serve(); });
  }
  ~HttpServer() {
    shutdown(listener, SHUT_RDWR);
    thread.join();
    close(listener);
  }
  std::string url(const std::string &path) const {
    return "http://127.0.0.1:" + std::to_string(port) + path;
  }
  int requests() const { return served; }

private:
  void serve() {
    for (int connection; (connection = accept(listener, nullptr, nullptr)) >= 0;) {
      char request[4096];
      if (recv(connection, request, sizeof request, 0) > 0)
        ++served;
      for (size_t sent = 0; sent < answer.size();) {
        const ssize_t more =
            send(connection, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
        if (more <= 0)
          break;
        sent += size_t(more);
      }
      close(connection);
    }
  }

  std::string answer;
  int listener = -1;
  int port = 0;
  std::atomic<int> served{0};
  std::thread thread;
};

} // namespace ingot::test

#endif
