// MetricFamilies: builds what prometheus-cpp writes as text: a family a name, a metric a set of
// labels.
#ifndef INGOT_RUNTIME_SERVE_SERVER_METRICFAMILIES_H
#define INGOT_RUNTIME_SERVE_SERVER_METRICFAMILIES_H

#include "runtime/serve/repository/Statistics.h"

#include <cmath>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <string>
#include <utility>
#include <vector>

namespace ingot::serve {

using MetricLabels = std::vector<std::pair<const char *, std::string>>;

class MetricFamilies {
public:
  void counter(const char *name, const char *help, const MetricLabels &labels, double value) {
    metric(name, help, prometheus::MetricType::Counter, labels).counter.value = value;
  }
  void gauge(const char *name, const char *help, const MetricLabels &labels, double value) {
    metric(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
  }
  /// `scale` turns the histogram's unit into the metric's: 1e6 for seconds as microseconds.
  template <size_t Bounds>
  void histogram(const char *name, const char *help, const MetricLabels &labels,
                 const Histogram<Bounds> &values, double scale = 1) {
    auto &made = metric(name, help, prometheus::MetricType::Histogram, labels).histogram;
    uint64_t below = 0;
    for (size_t bucket = 0; bucket <= Bounds; ++bucket) {
      below += values.count(bucket);
      double bound = bucket < Bounds ? values.bounds()[bucket] * scale : HUGE_VAL;
      made.bucket.push_back({below, bound});
    }
    made.sample_count = below;
    made.sample_sum = values.sum() * scale;
  }

  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

private:
  prometheus::ClientMetric &metric(const char *name, const char *help, prometheus::MetricType type,
                                   const MetricLabels &labels) {
    prometheus::MetricFamily *family = nullptr;
    for (prometheus::MetricFamily &known : families_)
      if (known.name == name)
        family = &known;
    if (!family) {
      families_.push_back({name, help, type, {}});
      family = &families_.back();
    }
    prometheus::ClientMetric &made = family->metric.emplace_back();
    for (const auto &[label, value] : labels)
      made.label.push_back({label, value});
    return made;
  }

  std::vector<prometheus::MetricFamily> families_;
};

} // namespace ingot::serve

#endif
