// Logs that nobody waits for, and the two that are written so.
#include "runtime/serve/server/LogWriter.h"
#include "runtime/serve/server/AccessLog.h"
#include "runtime/serve/server/TraceLog.h"
#include "tests/unit/runtime/model/TestFiles.h"

#include <csignal>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace ingot;
using namespace ingot::serve;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

class LogWriterTest : public FileTest {
protected:
  static size_t count(const std::string &text, const std::string &part) {
    size_t found = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
      ++found;
    return found;
  }
};

TEST_F(LogWriterTest, WritesInOrderAndAppends) {
  write("log", "before\n");
  auto log = LogWriter::open(path("log"));
  ASSERT_OK(log.status());
  (*log)->write("1\n");
  (*log)->write("2\n");
  EXPECT_TRUE((*log)->flush(10s));
  EXPECT_EQ(read(path("log")), "before\n1\n2\n");
  (*log)->write("3\n");
  log = Status(StatusCode::Cancelled, "its end writes the rest");
  EXPECT_EQ(read(path("log")), "before\n1\n2\n3\n");
}

TEST_F(LogWriterTest, GoesOnInANewFileOrSaysWhyNot) {
  fs::create_directories(path("logs"));
  auto log = LogWriter::open(path("logs/log"));
  ASSERT_OK(log.status());
  (*log)->write("1\n");
  ASSERT_TRUE((*log)->flush(10s));
  fs::rename(path("logs/log"), path("rotated"));
  ASSERT_OK((*log)->reopen());
  (*log)->write("2\n");
  ASSERT_TRUE((*log)->flush(10s));
  EXPECT_EQ(read(path("rotated")), "1\n");
  EXPECT_EQ(read(path("logs/log")), "2\n");
  fs::rename(path("logs"), path("elsewhere"));
  EXPECT_STATUS((*log)->reopen(), NotFound, "logs/log");
  (*log)->write("3\n");
  ASSERT_TRUE((*log)->flush(10s));
  EXPECT_EQ(read(path("elsewhere/log")), "2\n3\n");
}

TEST_F(LogWriterTest, NobodyWaitsForAFileThatTakesNothing) {
  std::signal(SIGPIPE, SIG_IGN);
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  const int reader = ::open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  auto log = LogWriter::open(path("pipe"));
  ASSERT_OK(log.status());
  for (int i = 0; i < 20000; ++i)
    (*log)->write(std::string(1000, 'x'));
  EXPECT_FALSE((*log)->flush(1ms));
  close(reader);
}

TEST_F(LogWriterTest, TheAccessLogHasALineARequest) {
  EXPECT_STATUS(AccessLog::open(path("absent/log")).status(), NotFound, "absent/log");
  auto log = AccessLog::open(path("access"));
  ASSERT_OK(log.status());
  RequestRecord record;
  record.method = "GET";
  (*log)->onRequest(record);
  (*log)->onRequest(record);
  (*log)->flush(10s);
  const std::string text = read(path("access"));
  EXPECT_EQ(count(text, "\n"), 2u);
  EXPECT_EQ(count(text, "\"method\":\"GET\""), 2u);
}

TEST_F(LogWriterTest, TracesAreTheShareOfRequestsThatWasAskedFor) {
  for (auto [rate, expected] :
       {std::pair{0.0, 0u}, {0.01, 10u}, {0.3, 300u}, {0.7, 700u}, {0.9, 900u}, {1.0, 1000u}}) {
    auto log = TraceLog::open(path("trace"), rate);
    ASSERT_OK(log.status());
    RequestRecord record;
    record.api = "predict";
    for (int i = 0; i < 1000; ++i)
      (*log)->onRequest(record);
    (*log)->flush(10s);
    const std::string text = read(path("trace"));
    EXPECT_EQ(text.substr(0, 2), "[\n");
    EXPECT_EQ(count(text, "\"ph\":\"X\""), expected) << rate;
  }
}

TEST_F(LogWriterTest, TracesEndWhereTheyMayNotGrow) {
  auto log = TraceLog::open(path("trace"), 1, 1000);
  ASSERT_OK(log.status());
  for (int i = 0; i < 100; ++i)
    (*log)->onRequest(RequestRecord());
  (*log)->flush(10s);
  EXPECT_LE(fs::file_size(path("trace")), 1000u);
  EXPECT_GT(fs::file_size(path("trace")), 100u);
}

} // namespace
