// See AccessLog.h.
#include "runtime/serve/server/AccessLog.h"

#include "runtime/serve/server/LogWriter.h"

#include <ctime>
#include <memory>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace ingot::serve {

namespace {

double microseconds(Clock::duration duration) {
  return static_cast<double>(
             std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count()) /
         1000.0;
}

class Writer : public AccessLog {
public:
  explicit Writer(std::unique_ptr<LogWriter> file) : file_(std::move(file)) {}

  void onRequest(const RequestRecord &record) override {
    auto now = std::chrono::system_clock::now().time_since_epoch();
    file_->write(
        toJsonLine(record, std::chrono::duration_cast<std::chrono::microseconds>(now).count()) +
        "\n");
  }
  Status reopen() override { return file_->reopen(); }
  void flush(std::chrono::milliseconds timeout) override { file_->flush(timeout); }

private:
  const std::unique_ptr<LogWriter> file_;
};

} // namespace

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string &path) {
  auto file = LogWriter::open(path);
  if (!file.isOk())
    return file.status().withContext("access log");
  return std::unique_ptr<AccessLog>(std::make_unique<Writer>(std::move(*file)));
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
