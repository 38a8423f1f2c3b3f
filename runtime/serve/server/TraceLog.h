// TraceLog: what requests spent their time on, in Chrome's trace format (chrome://tracing,
// Perfetto). Traced are a share of the requests, and those whose W3C traceparent has the sampled
// flag.
#ifndef INGOT_RUNTIME_SERVE_SERVER_TRACELOG_H
#define INGOT_RUNTIME_SERVE_SERVER_TRACELOG_H

#include "runtime/serve/inference/RequestRecord.h"

#include <memory>
#include <string>

namespace ingot::serve {

class TraceLog : public RequestObserver {
public:
  /// `rate` of the requests, 0 to 1. The file is a trace at any moment (its list may be open at the
  /// end), and no longer grows beyond `maxBytes`. IoError (names the file).
  static Result<std::unique_ptr<TraceLog>> open(const std::string &path, double rate,
                                                uint64_t maxBytes = uint64_t{256} << 20);
};

/// Whether a traceparent ("00-<trace>-<parent>-01") asks to be traced; false for one that is none.
bool isSampled(std::string_view traceparent);

} // namespace ingot::serve

#endif
