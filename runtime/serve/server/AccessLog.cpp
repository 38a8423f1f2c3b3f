// See AccessLog.h.
#include "runtime/serve/server/AccessLog.h"

#include <ctime>
#include <memory>
#include <mutex>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace ingot::serve {

namespace {

double microseconds(Clock::duration duration) {
  return static_cast<double>(
             std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count()) /
         1000.0;
}

class Writer : public AccessLog {
public:
  explicit Writer(std::string path) : path_(std::move(path)) { start(); }
  ~Writer() override { logger_->flush(); }

  void onRequest(const RequestRecord &record) override {
    auto now = std::chrono::system_clock::now().time_since_epoch();
    std::string line =
        toJsonLine(record, std::chrono::duration_cast<std::chrono::microseconds>(now).count());
    logger()->log(spdlog::level::info, line);
  }

  void reopen() override {
    if (path_ == "-")
      return;
    std::lock_guard<std::mutex> lock(mutex_);
    try {
      start();
    } catch (const spdlog::spdlog_ex &) {
      // goes on with the file that is open
    }
  }

private:
  std::shared_ptr<spdlog::logger> logger() {
    std::lock_guard<std::mutex> lock(mutex_);
    return logger_;
  }
  void start() {
    spdlog::sink_ptr sink;
    if (path_ == "-")
      sink = std::make_shared<spdlog::sinks::stdout_sink_mt>();
    else
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path_);
    auto logger = std::make_shared<spdlog::async_logger>(
        "access", sink, pool_, spdlog::async_overflow_policy::overrun_oldest);
    logger->set_pattern("%v");
    logger->set_error_handler([](const std::string &) {}); // a full disk must not stop requests
    logger->flush_on(spdlog::level::info);
    logger_ = std::move(logger);
  }

  std::string path_;
  std::shared_ptr<spdlog::details::thread_pool> pool_ =
      std::make_shared<spdlog::details::thread_pool>(8192, 1);
  std::mutex mutex_;
  std::shared_ptr<spdlog::logger> logger_;
};

} // namespace

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string &path) {
  try {
    return std::unique_ptr<AccessLog>(std::make_unique<Writer>(path));
  } catch (const spdlog::spdlog_ex &error) {
    return Status(StatusCode::IoError, "access log '" + path + "': " + error.what());
  }
}

std::string toJsonLine(const RequestRecord &record, int64_t unixMicroseconds) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> json(buffer);
  auto text = [&](const char *key, std::string_view value) {
    if (value.empty())
      return;
    json.Key(key);
    json.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  };
  auto number = [&](const char *key, double value) {
    json.Key(key);
    json.Double(value);
  };
  time_t seconds = static_cast<time_t>(unixMicroseconds / 1000000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char when[40], fraction[16];
  size_t length = std::strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(fraction, sizeof fraction, ".%06dZ", static_cast<int>(unixMicroseconds % 1000000));

  json.SetMaxDecimalPlaces(1);
  json.StartObject();
  text("time", std::string(when, length) + fraction);
  text("protocol", record.protocol);
  text("method", record.method);
  text("target", record.target);
  text("api", record.api);
  text("model", record.model);
  if (record.version > 0) {
    json.Key("version");
    json.Int64(record.version);
  }
  text("function", record.function);
  json.Key("status");
  json.Int(record.status);
  text("error", record.error);
  json.Key("bytes_in");
  json.Uint64(record.bytesIn);
  json.Key("bytes_out");
  json.Uint64(record.bytesOut);
  text("id", record.id);
  text("traceparent", record.traceparent);
  text("peer", record.peer);
  number("duration_us", microseconds(record.written - record.received));
  if (record.isInference && record.timing.runs > 0) {
    number("queue_us", microseconds(record.timing.started - record.timing.submitted));
    number("run_us", microseconds(record.timing.run));
    json.Key("rows");
    json.Int64(record.timing.rows);
    json.Key("run_rows");
    json.Int64(record.timing.runRows);
  }
  json.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize());
}

} // namespace ingot::serve
