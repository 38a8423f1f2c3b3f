// StatusPage: `/`, a page for people, and `/status.json`, what it shows.
#ifndef INGOT_RUNTIME_SERVE_SERVER_STATUSPAGE_H
#define INGOT_RUNTIME_SERVE_SERVER_STATUSPAGE_H

#include "runtime/serve/repository/Repository.h"

#include <chrono>
#include <string>
#include <string_view>

namespace ingot::serve {

/// The page, HTML. Needs nothing from elsewhere.
std::string_view statusPage();

/// Models with versions, states and errors; of each function its signature and statistics,
/// latencies in seconds as counts a bucket of `latency_bounds`.
std::string statusJson(const Repository &repository, std::string_view serverVersion, bool isReady,
                       int64_t requestsInFlight, std::chrono::duration<double> uptime);

} // namespace ingot::serve

#endif
