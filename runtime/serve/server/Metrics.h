// Metrics: /metrics in Prometheus's text form. Counts requests of all protocols as an observer, and
// reads the rest (queues, runs, models, the process) when it is asked. What is counted by version
// goes when the version is unloaded, or the text would grow for ever where versions come and go.
#ifndef INGOT_RUNTIME_SERVE_SERVER_METRICS_H
#define INGOT_RUNTIME_SERVE_SERVER_METRICS_H

#include "runtime/serve/inference/RequestRecord.h"
#include "runtime/serve/repository/Repository.h"

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <tuple>

namespace ingot::serve {

struct MetricsOptions {
  std::string serverVersion;
  bool tfs = false;    ///< TF Serving's names too: ":tensorflow:serving:request_count", …
  bool triton = false; ///< Triton's: "nv_inference_request_success", …
};

class Metrics : public RequestObserver {
public:
  explicit Metrics(MetricsOptions options);
  ~Metrics() override;

  void onRequest(const RequestRecord &record) override;
  void onLoad(const LoadEvent &event);

  /// The whole text.
  std::string text(const Repository &repository, int64_t requestsInFlight, bool isReady) const;

private:
  struct RequestKey {
    std::string protocol, api, model;
    int64_t version = 0;
    auto operator<=>(const RequestKey &) const = default;
  };
  struct RequestCounts;
  struct LoadCounts;

  const MetricsOptions options_;
  const std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
  mutable std::mutex mutex_;
  std::set<std::pair<std::string, int64_t>> loaded_; ///< models and versions; these are labels
  std::map<RequestKey, std::unique_ptr<RequestCounts>> requests_; ///< go with their version
  std::map<std::string, std::unique_ptr<LoadCounts>> loads_;      ///< by model
};

} // namespace ingot::serve

#endif
