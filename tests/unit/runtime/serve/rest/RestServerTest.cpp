// The server as a whole: what stands around the protocols.
#include "tests/unit/runtime/serve/rest/RestFixture.h"

#include "runtime/serve/rest/Compression.h"
#include "runtime/serve/rest/RestApi.h"

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/mman.h>

namespace ingot::serve {
namespace {

using nlohmann::json;

class RestServerTest : public RestFixture {
protected:
  static constexpr const char *body = R"({"instances":[[1,2,3]]})";
  static constexpr const char *answer = R"({"predictions":[[22.5,27.5]]})";

  static std::string packed(std::string_view bytes, rest::Encoding encoding) {
    rest::Bytes out;
    EXPECT_TRUE(rest::compress({bytes}, encoding, out).isOk());
    return std::string(out.view());
  }
  static std::string unpacked(std::string_view bytes, rest::Encoding encoding) {
    rest::Bytes out;
    const Status status = rest::decompress(bytes, encoding, 1 << 30, out);
    EXPECT_TRUE(status.isOk()) << status.message();
    return std::string(out.view());
  }
};

TEST_F(RestServerTest, UnknownModelsVersionsAndFunctionsAreTold) {
  start();
  Client client = connect();
  for (const char *target : {"/v1/models/zz:predict", "/v1/models/m/versions/9:predict",
                             "/v1/models/m/labels/none:predict", "/v2/models/zz/infer",
                             "/v2/models/m/versions/9/infer", "/v2/models/m/versions/none/infer"}) {
    const Reply reply = client.post(target, "{}");
    EXPECT_EQ(reply.status, 404) << target << reply.body;
    EXPECT_FALSE(json::parse(reply.body)["error"].get<std::string>().empty());
  }
  for (const char *target : {"/v1/models/zz", "/v1/models/m/versions/9", "/v1/models/zz/metadata",
                             "/v2/models/zz", "/v2/models/zz/ready", "/v2/models/zz/config",
                             "/v2/models/m/versions/9/stats", "/v2/models/zz/stats"})
    EXPECT_EQ(client.get(target).status, 404) << target;
  const Reply reply =
      client.post("/v1/models/m:predict", R"({"signature_name":"no","instances":[]})");
  EXPECT_EQ(reply.status, 400);
  EXPECT_NE(reply.body.find("no signature 'no'; it has"), std::string::npos) << reply.body;
}

TEST_F(RestServerTest, MetadataOfTensorFlowServing) {
  start();
  const json reply = json::parse(connect().get("/v1/models/m/metadata").body);
  EXPECT_EQ(reply["model_spec"], json::parse(R"({"name":"m","signature_name":"","version":"3"})"));
  const json &signatures = reply["metadata"]["signature_def"]["signature_def"];
  EXPECT_EQ(signatures["serving_default"], signatures["predict"]);
  EXPECT_EQ(signatures["predict"], json::parse(R"({
      "inputs": {"x": {"dtype": "DT_FLOAT", "name": "x:0", "tensor_shape": {
          "dim": [{"size": "-1", "name": "batch"}, {"size": "3", "name": ""}],
          "unknown_rank": false}}},
      "outputs": {"y": {"dtype": "DT_FLOAT", "name": "y:0", "tensor_shape": {
          "dim": [{"size": "-1", "name": "batch"}, {"size": "2", "name": ""}],
          "unknown_rank": false}}},
      "method_name": "tensorflow/serving/predict", "defaults": {}})"));
}

TEST_F(RestServerTest, ConfigurationAndStatisticsOfTriton) {
  start();
  Client client = connect();
  const json config = json::parse(client.get("/v2/models/m/config").body);
  EXPECT_GT(config["max_batch_size"], 0);
  EXPECT_EQ(config["input"], json::parse(R"([{"name":"x","data_type":"TYPE_FP32","dims":[3]}])"));
  EXPECT_EQ(config["output"], json::parse(R"([{"name":"y","data_type":"TYPE_FP32","dims":[2]}])"));
  ASSERT_EQ(client.post("/v1/models/m:predict", body).status, 200);
  ASSERT_EQ(client
                .post("/v1/models/m:predict",
                      R"({"instances":[[1,2,3],[4,5,6]],"signature_name":"classify"})")
                .status,
            200);
  for (const char *target :
       {"/v2/models/stats", "/v2/models/m/stats", "/v2/models/m/versions/3/stats"}) {
    const json stats = json::parse(client.get(target).body)["model_stats"];
    ASSERT_EQ(stats.size(), 1u);
    EXPECT_EQ(stats[0]["name"], "m");
    EXPECT_EQ(stats[0]["version"], "3");
    EXPECT_EQ(stats[0]["inference_count"], 3);
    EXPECT_EQ(stats[0]["inference_stats"]["success"]["count"], 2);
    EXPECT_GT(stats[0]["inference_stats"]["compute_infer"]["ns"], 0);
    EXPECT_EQ(stats[0]["inference_stats"]["cache_hit"]["count"], 0);
  }
}

TEST_F(RestServerTest, BinaryTensorsBothWays) {
  start();
  const float values[] = {1, 2, 3};
  const std::string binary(reinterpret_cast<const char *>(values), sizeof values);
  const std::string text =
      R"({"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","parameters":{"binary_data_size":12}}],"parameters":{"binary_data_output":true}})";
  const std::string header =
      "Inference-Header-Content-Length: " + std::to_string(text.size()) + "\r\n";
  Client client = connect();
  const auto check = [](const Reply &reply) {
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.headers.at("content-type"), "application/octet-stream");
    const size_t jsonBytes = std::stoul(reply.headers.at("inference-header-content-length"));
    const json head = json::parse(reply.body.substr(0, jsonBytes));
    EXPECT_EQ(head["outputs"][0]["parameters"]["binary_data_size"], 8);
    float got[2];
    ASSERT_EQ(reply.body.size(), jsonBytes + sizeof got);
    std::memcpy(got, reply.body.data() + jsonBytes, sizeof got);
    EXPECT_EQ(got[0], 22.5f);
    EXPECT_EQ(got[1], 27.5f);
  };
  check(client.post("/v2/models/m/infer", text + binary, header));
  // The length is that of the JSON before it was packed, and may exceed the body's.
  for (const auto &[name, encoding] :
       {std::pair("gzip", rest::Encoding::Gzip), {"deflate", rest::Encoding::Deflate}})
    check(client.post("/v2/models/m/infer", packed(text + binary, encoding),
                      header + "Content-Encoding: " + name + "\r\n"));
  check(client.post("/v2/models/m/infer", binary, "Inference-Header-Content-Length: 0\r\n"));
  for (const char *bad : {"x", "-1", "99999", "18446744073709551616"})
    EXPECT_EQ(client
                  .post("/v2/models/m/infer", text + binary,
                        std::string("Inference-Header-Content-Length: ") + bad + "\r\n")
                  .status,
              400)
        << bad;
  EXPECT_EQ(client.post("/v2/models/m/infer", text + binary).status, 400);
}

TEST_F(RestServerTest, SharedMemory) {
  start();
  const std::string name = "/ingot-rest-server-" + std::to_string(getpid());
  const int file = ::shm_open(name.c_str(), O_CREAT | O_RDWR, 0600);
  ASSERT_EQ(::ftruncate(file, 64), 0);
  const float values[] = {1, 2, 3};
  ASSERT_EQ(::pwrite(file, values, sizeof values, 0), ssize_t(sizeof values));
  Client client = connect();
  const std::string region = "/v2/systemsharedmemory/region/r";
  EXPECT_EQ(
      client.post(region + "/register", R"({"key":")" + name + R"(","offset":0,"byte_size":64})")
          .status,
      200);
  EXPECT_EQ(client.get(region + "/status").body,
            R"([{"name":"r","key":")" + name + R"(","offset":0,"byte_size":64}])");
  const std::string request =
      R"({"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","parameters":{"shared_memory_region":"r","shared_memory_byte_size":12}}],
          "outputs":[{"name":"y","parameters":{"shared_memory_region":"r","shared_memory_byte_size":8,"shared_memory_offset":32}}]})";
  const Reply reply = client.post("/v2/models/m/infer", request);
  EXPECT_EQ(reply.status, 200) << reply.body;
  float got[2] = {};
  ASSERT_EQ(::pread(file, got, sizeof got, 32), ssize_t(sizeof got));
  EXPECT_EQ(got[0], 22.5f);
  EXPECT_EQ(got[1], 27.5f);
  EXPECT_EQ(client.post(region + "/unregister", "").status, 200);
  EXPECT_EQ(client.get(region + "/status").status, 404);
  EXPECT_EQ(client.post("/v2/models/m/infer", request).status, 404);
  EXPECT_EQ(client.post(region + "/register", R"({"key":"/none","byte_size":1})").status, 404);
  ::close(file);
  ::shm_unlink(name.c_str());
}

TEST_F(RestServerTest, ModelsAreLoadedAndUnloaded) {
  start();
  Client client = connect();
  publish("m", 4);
  EXPECT_EQ(client.post("/v2/repository/models/m/load", "{}").status, 200);
  EXPECT_EQ(client.get("/v2/models/m/versions/4/ready").status, 200);
  EXPECT_EQ(
      client.post("/v2/repository/models/m/unload", R"({"parameters":{"unload_dependents":false}})")
          .status,
      200);
  EXPECT_NE(client.get("/v2/models/m/ready").status, 200);
  EXPECT_EQ(client.post("/v2/repository/index", R"({"ready":true})").body, "[]");
  EXPECT_EQ(client.post("/v2/repository/models/zz/load", "").status, 404);
  EXPECT_EQ(client
                .post("/v2/repository/models/m/load",
                      R"({"parameters":{"config":"{\"version_policy\":{\"all\":{}}}"}})")
                .status,
            200);
  EXPECT_EQ(client.get("/v2/models/m/versions/3/ready").status, 200);
}

TEST_F(RestServerTest, PackedBodiesAndReplies) {
  restOptions.port = 0;
  limits.decompressedBytes = 1 << 20;
  start();
  Client client = Client::toPort(server->port());
  std::string rows = "[1,2,3]", expected = "[22.5,27.5]";
  for (int i = 1; i < 300; ++i) {
    rows += ",[1,2,3]";
    expected += ",[22.5,27.5]";
  }
  const std::string request = "{\"instances\":[" + rows + "]}";
  expected = "{\"predictions\":[" + expected + "]}";
  for (const auto &[name, encoding] :
       {std::pair("gzip", rest::Encoding::Gzip), {"deflate", rest::Encoding::Deflate}}) {
    const Reply reply = client.post("/v1/models/m:predict", packed(request, encoding),
                                    std::string("Content-Encoding: ") + name +
                                        "\r\nAccept-Encoding: " + name + "\r\n");
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.headers.at("content-encoding"), name);
    EXPECT_EQ(unpacked(reply.body, encoding), expected);
  }
  // Small replies are not worth it.
  EXPECT_EQ(client.post("/v1/models/m:predict", body, "Accept-Encoding: gzip\r\n").body, answer);
  EXPECT_EQ(client.post("/v1/models/m:predict", body, "Content-Encoding: br\r\n").status, 415);
  EXPECT_EQ(client.post("/v1/models/m:predict", "no gzip", "Content-Encoding: gzip\r\n").status,
            400);
  const Reply bomb =
      client.post("/v1/models/m:predict", packed(std::string(2 << 20, ' '), rest::Encoding::Gzip),
                  "Content-Encoding: gzip\r\n");
  EXPECT_EQ(bomb.status, 413);
  EXPECT_EQ(client.post("/v1/models/m:predict", body).body, answer);
}

TEST_F(RestServerTest, MethodsOfHttp) {
  restOptions.corsOrigin = "https://example.org";
  start();
  Client client = connect();
  const Reply head = client.call("HEAD", "/v2/models/m");
  EXPECT_EQ(head.status, 200);
  EXPECT_GT(std::stoul(head.headers.at("content-length")), 10u);
  const Reply options = client.call("OPTIONS", "/v1/models/m:predict", "",
                                    "Origin: https://example.org\r\n"
                                    "Access-Control-Request-Headers: content-type\r\n");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.headers.at("allow"), "POST, OPTIONS");
  EXPECT_EQ(options.headers.at("access-control-allow-origin"), "https://example.org");
  EXPECT_EQ(options.headers.at("access-control-allow-methods"), "POST, OPTIONS");
  EXPECT_EQ(options.headers.at("access-control-allow-headers"), "content-type");
  EXPECT_EQ(options.headers.count("content-length"), 0u);
  const Reply wrong = client.call("DELETE", "/v2/models/m");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.at("allow"), "GET, HEAD, OPTIONS");
  client.send("POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.read().status, 411);
  client.send("POST /v2/repository/index HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.read().status, 200);
}

TEST_F(RestServerTest, TokensOpenWhatIsRestricted) {
  AccessControl::Rules rules;
  rules.restricted[static_cast<size_t>(ApiGroup::Inference)] = true;
  rules.restricted[static_cast<size_t>(ApiGroup::Repository)] = true;
  AccessControl::Token token;
  token.secret = "s3cret";
  token.groups[static_cast<size_t>(ApiGroup::Inference)] = true;
  rules.tokens.push_back(token);
  access = AccessControl(rules);
  start();
  Client client = connect();
  const Reply without = client.post("/v1/models/m:predict", body);
  EXPECT_EQ(without.status, 401);
  EXPECT_EQ(without.headers.at("www-authenticate"), "Bearer");
  const std::string header = "Authorization: Bearer s3cret\r\n";
  EXPECT_EQ(client.post("/v1/models/m:predict", body, header).body, answer);
  EXPECT_EQ(client.post("/v2/repository/index", "", header).status, 403);
  EXPECT_EQ(client.post("/v2/models/m/infer", "{}", "Authorization: Bearer x\r\n").status, 401);
  EXPECT_EQ(client.get("/v2/health/ready").status, 200);
}

TEST_F(RestServerTest, PagesAndMetrics) {
  restOptions.pages = {{"/", "text/html; charset=utf-8", [] { return std::string("<html>"); }}};
  start();
  Client client = connect();
  const Reply page = client.get("/");
  EXPECT_EQ(page.body, "<html>");
  EXPECT_EQ(page.headers.at("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(client.post("/", "x").status, 405);
  const Reply metrics = client.get("/metrics");
  EXPECT_EQ(metrics.body, "ingot_up 1\n");
  EXPECT_EQ(metrics.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
}

TEST_F(RestServerTest, WhereMemoryEndsTheClientIsToldSo) {
  restOptions.pages = {{"/", "text/html", []() -> std::string { throw std::bad_alloc(); }}};
  start();
  Client client = connect();
  EXPECT_EQ(client.get("/").status, 503);
  EXPECT_EQ(records.await(0).status, 503);
  EXPECT_EQ(client.post("/v1/models/m:predict", body).body, answer);
  // While the reply is made of what the model gave.
  struct Finished : rest::Exchange {
    void watch() override {}
    void complete() override {}
  };
  rest::RestApi api(*context, restOptions, {});
  const auto exchange = std::make_shared<Finished>();
  exchange->encode = [](rest::RestApi &, rest::Exchange &made) {
    made.reply.body += "half of it";
    throw std::bad_alloc();
  };
  api.finish(*exchange);
  EXPECT_EQ(exchange->reply.status, 503);
  EXPECT_EQ(exchange->reply.body.view(),
            R"({"error":"there is not enough memory for this reply"})");
  EXPECT_EQ(exchange->encode, nullptr);
}

TEST_F(RestServerTest, DeadlinesAreKept) {
  start();
  Client client = connect();
  // Somebody has all workers; what has a deadline is not waited for.
  const std::shared_ptr<Queue> queue = (*repository->find("m", {}))->find("sleep")->queue;
  std::vector<Client> busy;
  for (int i = 0; i < scheduler.workerCount(); ++i) {
    busy.push_back(connect());
    busy.back().send("POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nContent-Length: 49\r\n\r\n"
                     R"({"signature_name":"sleep","instances":[   60000]})");
    while (queue->status().runningRequests <= i) // one alone in each run
      std::this_thread::yield();
  }
  const std::string request =
      R"({"inputs":[{"name":"ms","shape":[1],"datatype":"INT32","data":[0]}],
      "parameters":{"function":"sleep","timeout":1000}})";
  EXPECT_EQ(client.post("/v2/models/m/infer", request).status, 504);
  EXPECT_EQ(client
                .post("/v1/models/m:predict", R"({"signature_name":"sleep","instances":[0]})",
                      "X-Request-Timeout-Ms: 1\r\n")
                .status,
            504);
}

TEST_F(RestServerTest, AMalformedDeadlineIsToldNotPassedOver) {
  start();
  Client client = connect();
  for (const char *header : {"X-Request-Timeout-Ms", "X-Envoy-Expected-Rq-Timeout-Ms"})
    for (const char *bad : {"1s", "-1", "1.5", "4294967296"}) {
      const Reply reply =
          client.post("/v1/models/m:predict", body, std::string(header) + ": " + bad + "\r\n");
      EXPECT_EQ(reply.status, 400);
      EXPECT_NE(reply.body.find(std::string(header) + " is '" + bad + "'"), std::string::npos)
          << reply.body;
    }
  for (const char *good : {"0", "60000"})
    EXPECT_EQ(client
                  .post("/v1/models/m:predict", body,
                        std::string("X-Request-Timeout-Ms: ") + good + "\r\n")
                  .body,
              answer);
}

TEST_F(RestServerTest, AFullQueueAsksToComeAgain) {
  repositoryOptions.defaults.queue.maxQueued = 1;
  repositoryOptions.defaults.queue.maxBatchRows = 1;
  start();
  std::vector<Client> busy;
  Reply refused;
  for (int i = 0; i < 32 && refused.status != 429; ++i) {
    busy.push_back(connect());
    busy.back().send("POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nContent-Length: 49\r\n\r\n"
                     R"({"signature_name":"sleep","instances":[   60000]})");
    while (lifecycle.inFlight() < static_cast<int64_t>(busy.size()) && refused.status == 0) {
      pollfd poll{busy.back().file(), POLLIN, 0};
      if (::poll(&poll, 1, 1) == 1)
        refused = busy.back().read();
    }
    pollfd poll{busy.back().file(), POLLIN, 0};
    if (refused.status == 0 && ::poll(&poll, 1, 20) == 1)
      refused = busy.back().read();
  }
  EXPECT_EQ(refused.status, 429);
  EXPECT_GE(std::stoi(refused.headers.at("retry-after")), 1);
}

TEST_F(RestServerTest, RequestsAreRecorded) {
  restOptions.port = 0;
  start();
  Client client = Client::toPort(server->port());
  client.post("/v1/models/m:predict?x=1", body,
              "X-Request-Id: abc\r\ntraceparent: "
              "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n");
  const RequestRecord record = records.await(0);
  EXPECT_STREQ(record.protocol, "http");
  EXPECT_STREQ(record.api, "predict");
  EXPECT_EQ(record.method, "POST");
  EXPECT_EQ(record.target, "/v1/models/m:predict?x=1");
  EXPECT_EQ(record.model, "m");
  EXPECT_EQ(record.function, "predict");
  EXPECT_EQ(record.version, 3);
  EXPECT_EQ(record.status, 200);
  EXPECT_EQ(record.id, "abc");
  EXPECT_EQ(record.traceparent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  EXPECT_EQ(record.bytesIn, std::strlen(body));
  EXPECT_EQ(record.bytesOut, std::strlen(answer));
  EXPECT_EQ(record.peer.find("127.0.0.1:"), 0u);
  EXPECT_TRUE(record.isInference);
  EXPECT_EQ(record.timing.rows, 1);
  EXPECT_LE(record.received, record.parsed);
  EXPECT_LE(record.parsed, record.written);
  EXPECT_TRUE(record.error.empty());
  const Reply failed = client.get("/v2/models/zz", "X-Request-Id: def\r\n");
  EXPECT_EQ(failed.headers.at("x-request-id"), "def");
  const RequestRecord second = records.await(1);
  EXPECT_STREQ(second.api, "metadata");
  EXPECT_EQ(second.status, 404);
  EXPECT_EQ(second.error, json::parse(failed.body)["error"].get<std::string>());
  EXPECT_TRUE(second.traceparent.empty());
  EXPECT_FALSE(second.isInference);
  EXPECT_EQ(second.version, 0);
}

/// Labels of metrics are made of them.
TEST_F(RestServerTest, RecordsNameModelsThatThereAre) {
  start();
  Client client = connect();
  size_t n = 0;
  for (const char *target : {"/v1/models/zz:predict", "/v1/models/m/versions/9:predict",
                             "/v1/models/%ff:classify", "/v2/models/zz/infer"}) {
    EXPECT_EQ(client.post(target, "{}").status, 404);
    const RequestRecord record = records.await(n++);
    EXPECT_EQ(record.model, "") << target;
    EXPECT_EQ(record.version, 0) << target;
  }
  for (const char *target : {"/v2/models/zz/stats", "/v2/models/zz/ready", "/v1/models/zz"}) {
    EXPECT_EQ(client.get(target).status, 404);
    EXPECT_EQ(records.await(n++).model, "") << target;
  }
  for (const char *target : {"/v2/models/m", "/v2/models/m/ready", "/v1/models/m/metadata"}) {
    EXPECT_EQ(client.get(target).status, 200);
    const RequestRecord record = records.await(n++);
    EXPECT_EQ(record.model, "m") << target;
    EXPECT_EQ(record.version, 3) << target;
  }
}

TEST_F(RestServerTest, IdsInRecordsAreShortAndUtf8) {
  start();
  Client client = connect();
  client.get("/v2/x\xff", "X-Request-Id: " + std::string(127, 'a') + "\xc3\xa9" +
                              std::string(1000, 'b') + "\r\ntraceparent: \xfe\r\n");
  const RequestRecord record = records.await(0);
  EXPECT_EQ(record.id, std::string(127, 'a'));
  EXPECT_EQ(record.traceparent, "\xef\xbf\xbd");
  EXPECT_EQ(record.target, "/v2/x\xef\xbf\xbd");
  EXPECT_EQ(record.error.find('\xff'), std::string::npos) << record.error;
  client.post("/v2/models/m/infer",
              R"({"id":")" + std::string(200, 'i') +
                  R"(","inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}]})");
  EXPECT_EQ(records.await(1).id, std::string(128, 'i'));
}

TEST_F(RestServerTest, RepliesAreDated) {
  start();
  const Reply reply = connect().get("/v2/health/live");
  std::tm date{};
  ASSERT_NE(::strptime(reply.headers.at("date").c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date),
            nullptr)
      << reply.headers.at("date");
  EXPECT_LE(std::abs(std::difftime(std::time(nullptr), ::timegm(&date))), 5);
}

TEST_F(RestServerTest, WhatCannotBeListenedOnIsToldAtTheStart) {
  restOptions.port = 0;
  start();
  const auto startAgain = [&](const RestOptions &options) {
    return RestServer::start(*context, options).status();
  };
  RestOptions options = restOptions;
  EXPECT_STATUS(startAgain(options), IoError, "another process listens there");
  options.unixSocket.clear();
  options.port = server->port();
  EXPECT_STATUS(startAgain(options), IoError, "REST on 127.0.0.1:" + std::to_string(options.port));
  options.port = 70000;
  EXPECT_STATUS(startAgain(options), InvalidArgument, "ports end at 65535");
  options.port = 0;
  options.address = "256.0.0.1";
  EXPECT_STATUS(startAgain(options), InvalidArgument, "256.0.0.1");
  options.port = -1;
  EXPECT_STATUS(startAgain(options), InvalidArgument, "neither a port nor a Unix socket");
  options.unixSocket = path(std::string(200, 'x'));
  EXPECT_STATUS(startAgain(options), InvalidArgument, "at most 107 bytes");
  options.unixSocket = write("file", "");
  EXPECT_STATUS(startAgain(options), InvalidArgument, "a file that is no socket");
  options.unixSocket = path("no/such/directory");
  EXPECT_STATUS(startAgain(options), IoError, "no/such/directory");
  options = restOptions;
  options.unixSocket.clear();
  options.tls.certificate = options.tls.key = path("none.pem");
  EXPECT_STATUS(startAgain(options), NotFound, "none.pem");
}

TEST_F(RestServerTest, ASocketThatNobodyListensOnIsReplaced) {
  start();
  const int stale = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path("stale").c_str());
  ASSERT_EQ(::bind(stale, reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
  ::close(stale);
  server.reset();
  restOptions.unixSocket = path("stale");
  auto started = RestServer::start(*context, restOptions);
  ASSERT_TRUE(started.isOk()) << started.status().message();
  server = std::move(*started);
  EXPECT_EQ(connect().get("/v2/health/live").status, 200);
  server.reset();
  EXPECT_FALSE(std::filesystem::exists(path("stale")));
}

/// A key, and a certificate that it signs itself.
void writeCertificate(const std::string &certificatePath, const std::string &keyPath) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME *name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char *>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_sign(certificate, key, EVP_sha256());
  FILE *file = std::fopen(certificatePath.c_str(), "w");
  PEM_write_X509(file, certificate);
  std::fclose(file);
  file = std::fopen(keyPath.c_str(), "w");
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

/// Sends a request over TLS and returns all that comes back; empty: the handshake failed. `session`
/// is taken up where there is one, and becomes the one of this connection.
std::string callOverTls(int port, const std::string &request, const std::string &authority,
                        const std::string &certificate, const std::string &key,
                        SSL_SESSION **session = nullptr) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_load_verify_locations(context, authority.c_str(), nullptr);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (!certificate.empty()) {
    SSL_CTX_use_certificate_file(context, certificate.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM);
  }
  Client client = Client::toPort(port);
  SSL *ssl = SSL_new(context);
  SSL_set_fd(ssl, client.file());
  if (session && *session)
    SSL_set_session(ssl, *session);
  std::string all;
  if (SSL_connect(ssl) == 1 &&
      SSL_write(ssl, request.data(), static_cast<int>(request.size())) > 0) {
    char bytes[4096];
    for (int got; (got = SSL_read(ssl, bytes, sizeof bytes)) > 0;)
      all.append(bytes, static_cast<size_t>(got));
    // The end is the server's word, not that of whoever cut the connection.
    EXPECT_TRUE(all.empty() || (SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN));
    SSL_shutdown(ssl); // else the session is none to take up
  }
  if (session) {
    EXPECT_EQ(SSL_session_reused(ssl), *session ? 1 : 0);
    SSL_SESSION_free(*session);
    *session = SSL_get1_session(ssl);
  }
  SSL_free(ssl);
  SSL_CTX_free(context);
  return all;
}

TEST_F(RestServerTest, Tls) {
  const std::string certificate = path("cert.pem"), key = path("key.pem");
  writeCertificate(certificate, key);
  restOptions.port = 0;
  restOptions.tls = {certificate, key, ""};
  start();
  const std::string request =
      "POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
      "Content-Length: " +
      std::to_string(std::strlen(body)) + "\r\n\r\n" + body;
  const std::string reply = callOverTls(server->port(), request, certificate, "", "");
  EXPECT_EQ(reply.find("HTTP/1.1 200 OK\r\n"), 0u) << reply;
  EXPECT_NE(reply.find(answer), std::string::npos) << reply;
  // The Unix socket has no TLS; and who speaks none to the port is let go.
  EXPECT_EQ(connect().post("/v1/models/m:predict", body).body, answer);
  EXPECT_EQ(Client::toPort(server->port()).get("/v2/health/live").status, 0);
  std::string rows = "[1,2,3]";
  for (int i = 1; i < 100000; ++i)
    rows += ",[1,2,3]";
  const std::string large = "{\"instances\":[" + rows + "]}";
  EXPECT_GT(callOverTls(server->port(),
                        "POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                        "Content-Length: " +
                            std::to_string(large.size()) + "\r\n\r\n" + large,
                        certificate, "", "")
                .size(),
            1000000u);
}

TEST_F(RestServerTest, MutualTls) {
  const std::string certificate = path("cert.pem"), key = path("key.pem");
  const std::string ours = path("client.pem"), oursKey = path("client.key");
  const std::string other = path("other.pem"), otherKey = path("other.key");
  writeCertificate(certificate, key);
  writeCertificate(ours, oursKey);
  writeCertificate(other, otherKey);
  restOptions.port = 0;
  restOptions.tls = {certificate, key, ours};
  start();
  const std::string request =
      "GET /v2/health/live HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(callOverTls(server->port(), request, certificate, ours, oursKey).find("HTTP/1.1 200"),
            0u);
  SSL_SESSION *session = nullptr;
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(callOverTls(server->port(), request, certificate, ours, oursKey, &session)
                  .find("HTTP/1.1 200"),
              0u)
        << i;
  SSL_SESSION_free(session);
  EXPECT_EQ(callOverTls(server->port(), request, certificate, "", ""), "");
  EXPECT_EQ(callOverTls(server->port(), request, certificate, other, otherKey), "");
}

} // namespace
} // namespace ingot::serve
