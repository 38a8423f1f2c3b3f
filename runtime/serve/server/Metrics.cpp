// What /metrics shows. See Metrics.h; docs/Serving.md lists the names.
#include "runtime/serve/server/Metrics.h"

#include "runtime/serve/server/MetricFamilies.h"

#include <dirent.h>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

namespace ingot::serve {

struct Metrics::RequestCounts {
  std::map<int, uint64_t> byCode;
  Histogram<secondsBounds.size()> seconds{secondsBounds};
  uint64_t bytesIn = 0, bytesOut = 0;
};

struct Metrics::LoadCounts {
  uint64_t loads = 0, failures = 0, unloads = 0, errors = 0;
  double lastLoadSeconds = 0, lastCompileSeconds = 0;
};

namespace {

double count(const std::atomic<uint64_t> &counter) {
  return static_cast<double>(counter.load(std::memory_order_relaxed));
}
double toMicroseconds(const CountAndTime &times) {
  return static_cast<double>(times.nanoseconds.load(std::memory_order_relaxed)) / 1000.0;
}

double residentBytes() {
  double total = 0, resident = 0; // in pages
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double openFiles() {
  DIR *directory = opendir("/proc/self/fd");
  if (!directory)
    return 0;
  int entries = 0;
  while (readdir(directory))
    ++entries;
  closedir(directory);
  return entries - 3; // ".", "..", and the directory itself
}

double seconds(const timeval &time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void addProcess(MetricFamilies &out, std::chrono::system_clock::time_point started) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  out.counter("process_cpu_seconds_total", "Processor time, user and system", {},
              seconds(usage.ru_utime) + seconds(usage.ru_stime));
  out.gauge("process_resident_memory_bytes", "Resident memory", {}, residentBytes());
  out.gauge("process_open_fds", "Open file descriptors", {}, openFiles());
  out.gauge("process_start_time_seconds", "When the server was started, since 1970", {},
            std::chrono::duration<double>(started.time_since_epoch()).count());
}

void addFunction(MetricFamilies &out, const ModelVersion &model, const ServedFunction &served) {
  const FunctionStatistics &statistics = *served.statistics;
  MetricLabels labels = {{"model", model.model},
                         {"version", std::to_string(model.version)},
                         {"function", served.function->name}};
  QueueStatus queue = served.queue->status();
  out.counter("ingot_inference_rows_total", "Rows of successful requests", labels,
              count(statistics.inferences));
  out.counter("ingot_inference_runs_total",
              "Runs of the compiled function, which joined requests share", labels,
              count(statistics.executions));
  out.counter("ingot_inference_requests_total", "Successful requests", labels,
              count(statistics.success.count));
  for (auto [reason, counter] :
       {std::pair{"rejected", &statistics.rejected}, std::pair{"cancelled", &statistics.cancelled},
        std::pair{"other", &statistics.failedOtherwise}}) {
    MetricLabels withReason = labels;
    withReason.emplace_back("reason", reason);
    out.counter("ingot_inference_failures_total", "Requests that failed, by reason", withReason,
                count(*counter));
  }
  out.histogram("ingot_inference_seconds", "Successful requests, from arrival to result", labels,
                statistics.requestSeconds);
  out.histogram("ingot_queue_seconds", "Requests, from arrival in the queue to a worker", labels,
                statistics.queueSeconds);
  out.histogram("ingot_run_seconds", "Runs of the compiled function", labels,
                statistics.runSeconds);
  out.histogram("ingot_run_rows", "Rows of a run", labels, statistics.runRows);
  out.gauge("ingot_queue_requests", "Requests that wait", labels,
            static_cast<double>(queue.queuedRequests));
  out.gauge("ingot_running_requests", "Requests that run", labels,
            static_cast<double>(queue.runningRequests));
  out.gauge("ingot_session_memory_bytes", "Arenas and outputs of sessions", labels,
            static_cast<double>(queue.sessionBytes));
}

/// TF Serving's names; its histograms are in microseconds.
void addTfs(MetricFamilies &out, const ModelVersion &model, const ServedFunction &served) {
  const FunctionStatistics &statistics = *served.statistics;
  MetricLabels named = {{"model_name", model.model}};
  auto withStatus = [&](const char *status) {
    MetricLabels labels = named;
    labels.emplace_back("status", status);
    labels.emplace_back("version", std::to_string(model.version));
    labels.emplace_back("signature", served.function->name);
    return labels;
  };
  const char *requests = ":tensorflow:serving:request_count", *help = "Requests by status";
  out.counter(requests, help, withStatus("OK"), count(statistics.success.count));
  out.counter(requests, help, withStatus("RESOURCE_EXHAUSTED"), count(statistics.rejected));
  out.counter(requests, help, withStatus("CANCELLED"), count(statistics.cancelled));
  out.counter(requests, help, withStatus("ERROR"), count(statistics.failedOtherwise));
  MetricLabels latency = {{"model_name", model.model},
                          {"version", std::to_string(model.version)},
                          {"API", "predict"},
                          {"entrypoint", served.function->name}};
  out.histogram(":tensorflow:serving:request_latency", "Microseconds", latency,
                statistics.requestSeconds, 1e6);
  MetricLabels runtime = {{"model_name", model.model},
                          {"version", std::to_string(model.version)},
                          {"API", served.function->name},
                          {"runtime", "ingot"}};
  out.histogram(":tensorflow:serving:runtime_latency", "Microseconds", runtime,
                statistics.runSeconds, 1e6);
  MetricLabels plain = {{"model", model.model},
                        {"version", std::to_string(model.version)},
                        {"signature", served.function->name}};
  out.counter(":tensorflow:serving:request_example_count_total", "Rows", plain,
              count(statistics.inferences));
  out.histogram(":tensorflow:serving:batching_session:queuing_latency", "Microseconds", plain,
                statistics.queueSeconds, 1e6);
  out.counter(":tensorflow:serving:batching_session:wrapped_run_count", "Runs", plain,
              count(statistics.executions));
  out.histogram(":tensorflow:serving:batching_session:input_batch_size", "Rows of a request", plain,
                statistics.requestRows);
  out.histogram(":tensorflow:serving:batching_session:processed_batch_size", "Rows of a run", plain,
                statistics.runRows);
}

void addTfsWarmUp(MetricFamilies &out, const ModelVersion &model) {
  if (model.warmUpTime.count() == 0)
    return;
  Histogram<secondsBounds.size()> once{secondsBounds};
  once.add(std::chrono::duration<double>(model.warmUpTime).count());
  out.histogram(":tensorflow:serving:model_warmup_latency", "Microseconds",
                {{"model_path", model.directory}, {"status", "OK"}}, once, 1e6);
}

void addTriton(MetricFamilies &out, const ModelVersion &model, const ServedFunction &served) {
  const FunctionStatistics &statistics = *served.statistics;
  MetricLabels labels = {{"model", model.model},
                         {"version", std::to_string(model.version)},
                         {"function", served.function->name}};
  out.counter("nv_inference_request_success", "Successful requests", labels,
              count(statistics.success.count));
  for (auto [reason, counter] :
       {std::pair{"REJECTED", &statistics.rejected}, std::pair{"CANCELED", &statistics.cancelled},
        std::pair{"OTHER", &statistics.failedOtherwise}}) {
    MetricLabels withReason = labels;
    withReason.emplace_back("reason", reason);
    out.counter("nv_inference_request_failure", "Failed requests", withReason, count(*counter));
  }
  out.counter("nv_inference_count", "Rows", labels, count(statistics.inferences));
  out.counter("nv_inference_exec_count", "Runs", labels, count(statistics.executions));
  out.gauge("nv_inference_pending_request_count", "Requests accepted and not answered", labels,
            static_cast<double>(statistics.pending.load(std::memory_order_relaxed)));
  out.counter("nv_inference_request_duration_us", "Microseconds in all", labels,
              toMicroseconds(statistics.success));
  out.counter("nv_inference_queue_duration_us", "Microseconds in all", labels,
              toMicroseconds(statistics.queue));
  out.counter("nv_inference_compute_input_duration_us", "Microseconds in all", labels,
              toMicroseconds(statistics.computeInput));
  out.counter("nv_inference_compute_infer_duration_us", "Microseconds in all", labels,
              toMicroseconds(statistics.computeInfer));
  out.counter("nv_inference_compute_output_duration_us", "Microseconds in all", labels,
              toMicroseconds(statistics.computeOutput));
}

} // namespace

Metrics::Metrics(MetricsOptions options) : options_(std::move(options)) {}
Metrics::~Metrics() = default;

void Metrics::onRequest(const RequestRecord &record) {
  RequestKey key{record.protocol, record.api, "", 0};
  std::pair version{record.model, record.version};
  std::lock_guard<std::mutex> lock(mutex_);
  // Neither clients nor a long life can make up labels without end.
  if (loaded_.contains(version))
    std::tie(key.model, key.version) = std::move(version);
  auto &counts = requests_[std::move(key)];
  if (!counts)
    counts = std::make_unique<RequestCounts>();
  ++counts->byCode[record.status];
  counts->bytesIn += record.bytesIn;
  counts->bytesOut += record.bytesOut;
  counts->seconds.add(std::chrono::duration<double>(record.written - record.received).count());
}

void Metrics::onLoad(const LoadEvent &event) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto &counts = loads_[event.model];
  if (!counts)
    counts = std::make_unique<LoadCounts>();
  if (event.isOfModel) {
    ++counts->errors;
    return;
  }
  if (event.isUnload) {
    ++counts->unloads;
    loaded_.erase({event.model, event.version});
    std::erase_if(requests_, [&](const auto &row) {
      return row.first.model == event.model && row.first.version == event.version;
    });
    return;
  }
  if (event.status.isOk())
    loaded_.insert({event.model, event.version});
  ++(event.status.isOk() ? counts->loads : counts->failures);
  counts->lastLoadSeconds = std::chrono::duration<double>(event.took).count();
  counts->lastCompileSeconds = std::chrono::duration<double>(event.compiled).count();
}

std::string Metrics::text(const Repository &repository, int64_t requestsInFlight,
                          bool isReady) const {
  MetricFamilies out;
  out.gauge("ingot_build_info", "1", {{"version", options_.serverVersion}}, 1);
  out.gauge("ingot_ready", "1 when the server is ready", {}, isReady);
  out.gauge("ingot_requests_in_flight", "Requests of all protocols that are not answered yet", {},
            static_cast<double>(requestsInFlight));
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const auto &[key, counts] : requests_) {
      MetricLabels labels = {{"protocol", key.protocol},
                             {"api", key.api},
                             {"model", key.model},
                             {"version", key.version > 0 ? std::to_string(key.version) : ""}};
      for (auto [code, requests] : counts->byCode) {
        MetricLabels withCode = labels;
        withCode.emplace_back("code", std::to_string(code));
        out.counter("ingot_requests_total", "Requests by HTTP status or gRPC code", withCode,
                    static_cast<double>(requests));
      }
      out.histogram("ingot_request_seconds", "Requests, from first byte to reply", labels,
                    counts->seconds);
      out.counter("ingot_request_bytes_total", "Bodies received", labels,
                  static_cast<double>(counts->bytesIn));
      out.counter("ingot_response_bytes_total", "Bodies sent", labels,
                  static_cast<double>(counts->bytesOut));
    }
    for (const auto &[model, counts] : loads_) {
      MetricLabels labels = {{"model", model}};
      out.counter("ingot_model_loads_total", "Versions loaded", labels,
                  static_cast<double>(counts->loads));
      out.counter("ingot_model_load_failures_total", "Versions that could not be loaded", labels,
                  static_cast<double>(counts->failures));
      out.counter("ingot_model_unloads_total", "Versions unloaded", labels,
                  static_cast<double>(counts->unloads));
      out.counter("ingot_model_errors_total", "Mistakes in its config or directory that were found",
                  labels, static_cast<double>(counts->errors));
      out.gauge("ingot_model_load_seconds", "The last load, warm-up included", labels,
                counts->lastLoadSeconds);
      out.gauge("ingot_model_compile_seconds", "`ingot compile` at the last load; 0: not needed",
                labels, counts->lastCompileSeconds);
    }
  }
  for (const auto &model : repository.loaded()) {
    out.gauge("ingot_model_memory_bytes", "Weights and code of a version",
              {{"model", model->model}, {"version", std::to_string(model->version)}},
              static_cast<double>(model->memoryBytes));
    if (options_.tfs)
      addTfsWarmUp(out, *model);
    for (const ServedFunction &served : model->functions) {
      addFunction(out, *model, served);
      if (options_.tfs)
        addTfs(out, *model, served);
      if (options_.triton)
        addTriton(out, *model, served);
    }
  }
  addProcess(out, started_);
  return out.text();
}

} // namespace ingot::serve
