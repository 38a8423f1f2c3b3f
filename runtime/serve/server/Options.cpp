// The command line of ingot-serve. See Options.h.
#include "runtime/serve/server/Options.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>

namespace ingot::serve {

namespace {

constexpr int mostThreads = 4096;
constexpr int64_t mostMilliseconds = int64_t{365} * 86'400'000; // a year

template <typename Duration>
void addDuration(CLI::App &app, const std::string &flag, Duration &value, const std::string &help) {
  app.add_option_function<int64_t>(
         flag, [&value](const int64_t &count) { value = Duration(count); }, help)
      ->check(CLI::Range(int64_t{0}, mostMilliseconds))
      ->default_str(std::to_string(value.count()));
}

void addModels(CLI::App &app, ServerOptions &options) {
  RepositoryOptions &repository = options.repository;
  const char *group = "Models";
  app.add_option("--model-repository", repository.directories,
                 "Directory of models, each DIR/MODEL/VERSION/; may be given again")
      ->group(group);
  app.add_option_function<std::vector<std::string>>(
         "--model",
         [&repository](const std::vector<std::string> &entries) {
           for (const std::string &entry : entries) {
             size_t equals = entry.find('=');
             if (equals == 0 || equals == std::string::npos || equals + 1 == entry.size())
               throw CLI::ValidationError("--model", "takes NAME=DIRECTORY, got '" + entry + "'");
             repository.models[entry.substr(0, equals)] = entry.substr(equals + 1);
           }
         },
         "NAME=DIRECTORY: one model, with its versions in DIRECTORY; may be given again")
      ->group(group);
  app.add_option("--model-config-file", options.modelConfigFile,
                 "TF Serving's model_config_list in text form")
      ->group(group);
  app.add_option_function<std::string>(
         "--model-control-mode",
         [&repository](const std::string &mode) {
           repository.isExplicit = mode == "explicit";
           if (mode == "none")
             repository.pollInterval = std::chrono::milliseconds(0);
         },
         "poll: look at the directories again and again (default); none: once, then on SIGHUP or "
         "by the API; explicit: load what --load-model and the API name")
      ->check(CLI::IsMember({"poll", "none", "explicit"}))
      ->group(group);
  app.add_option("--load-model", repository.loadAtStart,
                 "With explicit: load it at start; * is all")
      ->group(group);
  app.add_option_function<int64_t>(
         "--poll-interval",
         [&repository](const int64_t &ms) {
           repository.pollInterval = std::chrono::milliseconds(ms);
         },
         "Milliseconds between two looks at the directories (1000)")
      ->check(CLI::PositiveNumber)
      ->group(group);
  app.add_option("--load-threads", repository.loadThreads,
                 "Versions loaded at the same time; as many beside them are compiled")
      ->check(CLI::Range(1, 64))
      ->capture_default_str()
      ->group(group);
  app.add_option("--max-load-retries", repository.maxLoadRetries,
                 "Tries of a version that cannot be loaded")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(group);
  app.add_flag("!--no-warm-up", repository.warmUp, "Serve versions without having run them once")
      ->group(group);
  app.add_option(
         "--compiler", repository.compiler,
         "The program `ingot`, for versions that are model.onnx, model.keras or a saved model")
      ->group(group);
  app.add_option("--compile-cache", repository.compileCacheDirectory, "Where what it made is kept")
      ->group(group);
  app.add_option("--compile-memory", repository.compileMemoryBytes, "Bytes it may take (8GB)")
      ->transform(CLI::AsSizeValue(false))
      ->group(group);
  app.add_option_function<int64_t>(
         "--compile-timeout",
         [&repository](const int64_t &seconds) {
           repository.compileTimeout = std::chrono::seconds(seconds);
         },
         "Seconds it may take (600)")
      ->check(CLI::PositiveNumber)
      ->group(group);
}

void addListeners(CLI::App &app, ServerOptions &options) {
  const char *group = "Listeners (8501 for REST and 8500 for gRPC, if none is named)";
  app.add_option("--rest-port", options.rest.port, "TCP port of all REST; 0: any free one")
      ->check(CLI::Range(0, 65535))
      ->group(group);
  app.add_option("--grpc-port", options.grpc.port, "TCP port of all gRPC; 0: any free one")
      ->check(CLI::Range(0, 65535))
      ->group(group);
  app.add_option("--rest-socket", options.rest.unixSocket, "Unix socket of all REST")->group(group);
  app.add_option("--grpc-socket", options.grpc.unixSocket, "Unix socket of all gRPC")->group(group);
  app.add_option_function<std::string>(
         "--address",
         [&options](const std::string &address) {
           options.rest.address = options.grpc.address = address;
         },
         "Address of the ports (0.0.0.0)")
      ->group(group);
  app.add_option("--rest-threads", options.rest.threads, "Threads of REST; 0: CPUs + 2")
      ->check(CLI::Range(0, mostThreads))
      ->group(group);
  app.add_option("--grpc-threads", options.grpc.threads, "Threads of gRPC; 0: CPUs + 2")
      ->check(CLI::Range(0, mostThreads))
      ->group(group);
  app.add_option("--cors", options.rest.corsOrigin, "Access-Control-Allow-Origin of REST")
      ->group(group);
}

void addAccess(CLI::App &app, ServerOptions &options) {
  const char *group = "Access";
  app.add_option_function<std::string>(
         "--tls-certificate",
         [&options](const std::string &path) {
           options.rest.tls.certificate = options.grpc.tls.certificate = path;
         },
         "Certificate chain of both ports, PEM")
      ->group(group);
  app.add_option_function<std::string>(
         "--tls-key",
         [&options](const std::string &path) {
           options.rest.tls.key = options.grpc.tls.key = path;
         },
         "Its private key, PEM")
      ->group(group);
  app.add_option_function<std::string>(
         "--tls-client-authority",
         [&options](const std::string &path) {
           options.rest.tls.clientAuthority = options.grpc.tls.clientAuthority = path;
         },
         "Clients need a certificate of this authority, PEM (mutual TLS)")
      ->group(group);
  app.add_option("--tokens", options.tokensFile,
                 "File of bearer tokens: lines `TOKEN [GROUP,…]`; without --restrict for "
                 "everything but health")
      ->group(group);
  app.add_option("--restrict", options.restricted,
                 "Groups that want a token: health, metadata, inference, statistics, metrics, "
                 "repository, shared-memory, status; without --tokens they are closed")
      ->group(group);
}

void addScheduling(CLI::App &app, ServerOptions &options) {
  const char *group = "Scheduling (a model's config.json comes before these)";
  QueueOptions &queue = options.repository.defaults.queue;
  app.add_option("--workers", options.workers, "Threads that compute; 0: CPUs")
      ->check(CLI::Range(0, mostThreads))
      ->group(group);
  app.add_option("--max-batch-rows", queue.maxBatchRows,
                 "Rows of a run at most; 0: as many as --batch-arena has room for")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 30))
      ->capture_default_str()
      ->group(group);
  app.add_option("--batch-arena", queue.arenaBytes,
                 "Bytes of memory for the tensors of a run (256MiB)")
      ->transform(CLI::AsSizeValue(false))
      ->group(group);
  app.add_option_function<int64_t>(
         "--max-delay",
         [&queue](const int64_t &us) { queue.maxDelay = std::chrono::microseconds(us); },
         "Microseconds a request may wait for others although a worker is free (0)")
      ->check(CLI::NonNegativeNumber)
      ->group(group);
  app.add_option("--max-queued", queue.maxQueued, "Requests of a model that wait; more get 429")
      ->check(CLI::Range(int64_t{1}, int64_t{1'000'000'000}))
      ->capture_default_str()
      ->group(group);
  app.add_option("--priority-levels", queue.priorityLevels, "Levels of priority, 0 the most urgent")
      ->check(CLI::Range(1, mostPriorityLevels))
      ->capture_default_str()
      ->group(group);
  app.add_option_function<int64_t>(
         "--timeout",
         [&queue](const int64_t &ms) { queue.defaultTimeout = std::chrono::milliseconds(ms); },
         "Milliseconds for requests that do not say how long they wait (0: any time)")
      ->check(CLI::Range(int64_t{0}, mostMilliseconds))
      ->group(group);
  app.add_option("--batching-parameters-file", options.batchingParametersFile,
                 "TF Serving's BatchingParameters in text form")
      ->group(group);
}

void addLimits(CLI::App &app, Limits &limits) {
  const char *group = "Limits";
  app.add_option("--max-header", limits.headerBytes, "Bytes of a request's headers (64KiB)")
      ->transform(CLI::AsSizeValue(false))
      ->group(group);
  app.add_option("--max-body", limits.bodyBytes, "Bytes of a request's body, as sent (256MiB)")
      ->transform(CLI::AsSizeValue(false))
      ->group(group);
  app.add_option("--max-decompressed", limits.decompressedBytes, "… and decompressed (256MiB)")
      ->transform(CLI::AsSizeValue(false))
      ->group(group);
  app.add_option("--max-json-depth", limits.jsonDepth, "Nesting of JSON")
      ->check(CLI::Range(2, 10000))
      ->capture_default_str()
      ->group(group);
  app.add_option("--max-connections", limits.connections,
                 "Connections of REST, and open streams of gRPC, at the same time")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(group);
  app.add_option("--max-requests", limits.requests, "Requests in flight at the same time")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(group);
  for (auto [flag, value, help] :
       {std::tuple{"--header-timeout", &limits.headerTimeout,
                   "Seconds until a request's headers are there"},
        std::tuple{"--body-timeout", &limits.bodyTimeout, "… its body (REST)"},
        std::tuple{"--idle-timeout", &limits.idleTimeout, "… a connection's next request"},
        std::tuple{"--write-timeout", &limits.writeTimeout,
                   "… a client reads some of its reply"}}) {
    auto *target = value;
    app.add_option_function<int64_t>(
           flag, [target](const int64_t &seconds) { *target = std::chrono::seconds(seconds); },
           help)
        ->check(CLI::PositiveNumber)
        ->default_str(std::to_string(target->count()))
        ->group(group);
  }
}

void addOperation(CLI::App &app, ServerOptions &options) {
  const char *group = "Operation";
  app.add_option("--access-log", options.accessLog,
                 "File of a line of JSON a request; - is standard output")
      ->group(group);
  app.add_option("--trace", options.traceFile, "File of a Chrome trace of requests")->group(group);
  app.add_option("--trace-rate", options.traceRate,
                 "Share of the requests that is traced, besides those whose traceparent says so")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->group(group);
  app.add_option_function<std::vector<std::string>>(
         "--metrics-names",
         [&options](const std::vector<std::string> &names) {
           for (const std::string &name : names)
             (name == "tfs" ? options.tfsMetrics : options.tritonMetrics) = true;
         },
         "Also TF Serving's (tfs) or Triton's (triton) names in /metrics")
      ->check(CLI::IsMember({"tfs", "triton"}))
      ->delimiter(',')
      ->group(group);
  addDuration(app, "--drain-delay", options.drainDelay,
              "Milliseconds after SIGTERM in which new connections are still taken");
  addDuration(app, "--drain-timeout", options.drainTimeout,
              "Milliseconds that requests in flight are given to finish");
  app.get_option("--drain-delay")->group(group);
  app.get_option("--drain-timeout")->group(group);
}

} // namespace

int parseOptions(int argc, char **argv, const char *version, ServerOptions &options) {
  CLI::App app("Serves compiled models over REST and gRPC: TF Serving's protocols and the Open "
               "Inference protocol.",
               "ingot serve");
  app.set_version_flag("--version", std::string("ingot-serve ") + version);
  app.set_config("--config", "", "A file with these options, TOML: model-repository = \"/models\"");
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.footer(
      "Example:\n"
      "  ingot compile classifier --publish models/classifier\n"
      "  ingot serve --model-repository models --rest-port 8501 --grpc-port 8500\n"
      "  curl -d '{\"instances\": [[1, 2, 3]]}' localhost:8501/v1/models/classifier:predict\n"
      "SIGTERM and SIGINT drain and stop (a second one stops at once), SIGHUP reloads models and "
      "reopens logs.\n"
      "Exit codes: 0 stopped as asked, 1 usage, 2 it could not start or requests were cut off.");
  addModels(app, options);
  addListeners(app, options);
  addAccess(app, options);
  addScheduling(app, options);
  addLimits(app, options.limits);
  addOperation(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    int code = app.exit(error);
    return code == 0 ? 0 : 1;
  }
  RepositoryOptions &repository = options.repository;
  const char *mistake = nullptr;
  if (repository.directories.empty() && repository.models.empty() &&
      options.modelConfigFile.empty())
    mistake = "no models: give --model-repository, --model or --model-config-file";
  if (!options.modelConfigFile.empty() &&
      (!repository.directories.empty() || !repository.models.empty() || repository.isExplicit))
    mistake = "--model-config-file names all models and loads them: it goes without "
              "--model-repository, --model and --model-control-mode explicit";
  if (options.rest.tls.certificate.empty() != options.rest.tls.key.empty())
    mistake = "--tls-certificate and --tls-key go together";
  if (!options.rest.tls.clientAuthority.empty() && options.rest.tls.certificate.empty())
    mistake = "--tls-client-authority needs --tls-certificate and --tls-key";
  if (mistake) {
    std::fprintf(stderr, "error: %s; see `ingot serve --help`\n", mistake);
    return 1;
  }
  bool isListening = options.rest.port >= 0 || options.grpc.port >= 0 ||
                     !options.rest.unixSocket.empty() || !options.grpc.unixSocket.empty();
  if (!isListening) {
    options.rest.port = 8501;
    options.grpc.port = 8500;
  }
  return -1;
}

} // namespace ingot::serve
