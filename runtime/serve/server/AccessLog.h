// AccessLog: a line of JSON for each request. Written by a thread of its own; where the file cannot
// keep up, the oldest lines that are not written yet are dropped, and requests are not held up.
#ifndef INGOT_RUNTIME_SERVE_SERVER_ACCESSLOG_H
#define INGOT_RUNTIME_SERVE_SERVER_ACCESSLOG_H

#include "runtime/serve/inference/RequestRecord.h"

#include <chrono>
#include <memory>
#include <string>

namespace ingot::serve {

class AccessLog : public RequestObserver {
public:
  /// "-" is standard output. IoError, NotFound (name the file).
  static Result<std::unique_ptr<AccessLog>> open(const std::string &path);
  /// Begins a new file of the same name: for log rotation, after the old one was renamed. Where it
  /// cannot, goes on in the old one and says why.
  virtual Status reopen() = 0;
  /// Waits until what came so far is written, for so long at most.
  virtual void flush(std::chrono::milliseconds timeout) = 0;
};

/// The line, without its end: keys as in docs/Serving.md.
std::string toJsonLine(const RequestRecord &record, int64_t unixMicroseconds);

} // namespace ingot::serve

#endif
