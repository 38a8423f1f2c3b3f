// TraceLog: what requests spent their time on, in Chrome's trace format (chrome://tracing,
// Perfetto). Traced are a share of the requests, and those whose W3C traceparent has the sampled
// flag.
#ifndef INGOT_RUNTIME_SERVE_SERVER_TRACELOG_H
#define INGOT_RUNTIME_SERVE_SERVER_TRACELOG_H

#include "runtime/serve/inference/RequestRecord.h"

#include <chrono>
#include <memory>
#include <string>

namespace ingot::serve {

class TraceLog : public RequestObserver {
public:
  /// `rate` of the requests, 0 to 1. The file is a trace at any moment (its list may be open at the
  /// end), and grows to `maxBytes`. It is written by a thread of its own; where it cannot keep up,
  /// or the disk is full, requests are missing. IoError, NotFound (name the file).
  static Result<std::unique_ptr<TraceLog>> open(const std::string &path, double rate,
                                                int64_t maxBytes = int64_t{256} << 20);
  /// Waits until what came so far is written, for so long at most.
  virtual void flush(std::chrono::milliseconds timeout) = 0;
};

/// Whether a traceparent ("00-<trace>-<parent>-01") asks to be traced; false for one that is none.
bool isSampled(std::string_view traceparent);

} // namespace ingot::serve

#endif
