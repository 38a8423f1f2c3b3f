// See Http.h.
#include "runtime/serve/rest/Http.h"

#include "runtime/serve/rest/JsonWriter.h"
#include "runtime/serve/rest/StatusMap.h"

#include <cstdio>
#include <ctime>

namespace ingot::serve::rest {

void HttpRequest::clear() {
  for (std::string *text :
       {&method, &target, &path, &contentEncoding, &acceptEncoding, &authorization,
        &inferenceHeaderLength, &traceparent, &requestId, &timeoutMs, &origin, &requestedHeaders})
    text->clear();
  timeoutHeader = "";
  contentLength = 0;
  hasLength = isChunked = expectsContinue = expectsOther = keepsAlive = isVersion10 = false;
  // What a model still reads is not written again; large blocks are not kept for small requests.
  constexpr size_t keptBytes = size_t{64} << 10;
  if (!body || body.use_count() > 1 || body->capacity() > keptBytes)
    body = std::make_shared<Bytes>();
  body->clear();
}

uint64_t HttpReply::bodyBytes() const {
  uint64_t bytes = body.size();
  for (std::string_view segment : segments)
    bytes += segment.size();
  return bytes;
}

void HttpReply::clear() {
  status = 200;
  contentType = "application/json";
  headers.clear();
  constexpr size_t keptBytes = size_t{64} << 10;
  if (body.capacity() > keptBytes)
    body = Bytes();
  body.clear();
  segments.clear();
  owner.reset();
  error.clear();
  closes = false;
}

void HttpReply::fail(int httpStatus, std::string_view message) {
  status = httpStatus;
  contentType = "application/json";
  body.clear();
  segments.clear();
  owner.reset();
  error = message;
  appendError(body, message);
}

void HttpReply::fail(const Status &failure) { fail(httpStatus(failure.code()), failure.message()); }

namespace {

/// Now, "Sun, 06 Nov 1994 08:49:37 GMT"; made anew every second.
std::string_view httpDate() {
  thread_local std::time_t madeAt = -1;
  thread_local char text[32];
  if (const std::time_t now = std::time(nullptr); now != madeAt) {
    static constexpr const char *days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char *months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    // Not by strftime, whose names follow the locale.
    std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[utc.tm_wday],
                  utc.tm_mday, months[utc.tm_mon], (utc.tm_year + 1900) % 10000, utc.tm_hour,
                  utc.tm_min, utc.tm_sec);
    madeAt = now;
  }
  return text;
}

} // namespace

void appendHead(Bytes &out, const HttpReply &reply, bool keepsAlive, bool isVersion10) {
  out += "HTTP/1.1 ";
  appendNumber(out, int64_t{reply.status});
  out += ' ';
  out += reasonPhrase(reply.status);
  out += "\r\nDate: ";
  out += httpDate();
  out += "\r\n";
  // 204 has neither a body nor its length (RFC 9110).
  if (reply.status != 204) {
    out += "Content-Type: ";
    out += reply.contentType;
    out += "\r\nContent-Length: ";
    appendNumber(out, reply.bodyBytes());
    out += "\r\n";
  }
  out += reply.headers;
  if (!keepsAlive)
    out += "Connection: close\r\n";
  else if (isVersion10)
    out += "Connection: keep-alive\r\n";
  out += "\r\n";
}

} // namespace ingot::serve::rest
