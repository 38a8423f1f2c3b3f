// See TraceLog.h.
#include "runtime/serve/server/TraceLog.h"

#include "runtime/serve/server/LogWriter.h"

#include <atomic>
#include <cmath>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace ingot::serve {

namespace {

using Json = rapidjson::Writer<rapidjson::StringBuffer>;

double toMicroseconds(Clock::time_point time) {
  return std::chrono::duration<double, std::micro>(time.time_since_epoch()).count();
}

/// A complete event ("X"). Spans of one request share a track, so that they nest.
void addSpan(std::string &out, const char *name, uint64_t track, Clock::time_point from,
             Clock::time_point to, const RequestRecord *about) {
  if (to < from)
    return;
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  auto text = [&](const char *key, std::string_view value) {
    if (value.empty())
      return;
    json.Key(key);
    json.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  };
  json.SetMaxDecimalPlaces(3);
  json.StartObject();
  text("name", name);
  text("ph", "X");
  json.Key("pid");
  json.Int(1);
  json.Key("tid");
  json.Uint64(track);
  json.Key("ts");
  json.Double(toMicroseconds(from));
  json.Key("dur");
  json.Double(std::chrono::duration<double, std::micro>(to - from).count());
  if (about) {
    json.Key("args");
    json.StartObject();
    text("protocol", about->protocol);
    text("method", about->method);
    text("target", about->target);
    text("model", about->model);
    text("id", about->id);
    text("traceparent", about->traceparent);
    json.Key("status");
    json.Int(about->status);
    json.Key("version");
    json.Int64(about->version);
    json.Key("rows");
    json.Int64(about->timing.rows);
    json.Key("run_rows");
    json.Int64(about->timing.runRows);
    json.EndObject();
  }
  json.EndObject();
  out.append(buffer.GetString(), buffer.GetSize());
  out += ",\n";
}

class Writer : public TraceLog {
public:
  Writer(std::unique_ptr<LogWriter> file, double rate, int64_t maxBytes)
      : file_(std::move(file)), rate_(rate), left_(maxBytes) {
    write("[\n");
  }

  void onRequest(const RequestRecord &record) override {
    uint64_t number = requests_.fetch_add(1, std::memory_order_relaxed);
    // Where the share's multiples pass an integer, so that it is that of any run of requests.
    auto due = [this](uint64_t count) { return std::ceil(static_cast<double>(count) * rate_); };
    bool isDue = due(number + 1) > due(number);
    if (!isDue && !isSampled(record.traceparent))
      return;
    std::string events;
    uint64_t track = number % 64 + 1; // a screenful of tracks; requests seldom overlap in one
    addSpan(events, record.api, track, record.received, record.written, &record);
    const Timing &timing = record.timing;
    if (record.isInference && timing.runs > 0) {
      addSpan(events, "parse", track, record.received, record.parsed, nullptr);
      addSpan(events, "queue", track, timing.submitted, timing.started, nullptr);
      auto gathered = timing.started + timing.gather, ran = gathered + timing.run;
      addSpan(events, "gather", track, timing.started, gathered, nullptr);
      addSpan(events, "run", track, gathered, ran, nullptr);
      addSpan(events, "scatter", track, ran, timing.finished, nullptr);
      addSpan(events, "write", track, timing.finished, record.written, nullptr);
    }
    write(std::move(events));
  }
  void flush(std::chrono::milliseconds timeout) override { file_->flush(timeout); }

private:
  void write(std::string text) {
    auto bytes = static_cast<int64_t>(text.size());
    if (left_.fetch_sub(bytes, std::memory_order_relaxed) >= bytes)
      file_->write(std::move(text));
  }

  const std::unique_ptr<LogWriter> file_;
  const double rate_; ///< 0: only those that ask for it
  std::atomic<int64_t> left_;
  std::atomic<uint64_t> requests_{0};
};

} // namespace

Result<std::unique_ptr<TraceLog>> TraceLog::open(const std::string &path, double rate,
                                                 int64_t maxBytes) {
  auto file = LogWriter::open(path, LogWriter::Begin::Anew);
  if (!file.isOk())
    return file.status().withContext("trace");
  return std::unique_ptr<TraceLog>(std::make_unique<Writer>(std::move(*file), rate, maxBytes));
}

bool isSampled(std::string_view traceparent) {
  // version "-" trace-id "-" parent-id "-" flags: 2, 32, 16 and 2 hexadecimal digits.
  if (traceparent.size() < 55 || traceparent[2] != '-' || traceparent[35] != '-' ||
      traceparent[52] != '-')
    return false;
  char digit = traceparent[54];
  int value = digit >= '0' && digit <= '9'   ? digit - '0'
              : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                                             : 0;
  return value & 1;
}

} // namespace ingot::serve
