#include "runtime/serve/rest/Routes.h"

#include <gtest/gtest.h>

namespace ingot::serve::rest {
namespace {

/// "infer m 3", "status m @stable", "404".
std::string routed(const std::string &path, const std::string &method = "GET") {
  const Route route = findRoute(method, path);
  if (route.status != 0)
    return std::to_string(route.status);
  static constexpr const char *names[] = {
      "none",    "predict",   "classify",    "regress", "status", "metadata", "server",
      "live",    "ready",     "mready",      "mmeta",   "config", "stats",    "infer",
      "index",   "load",      "unload",      "shmstat", "shmreg", "shmunreg", "cudastat",
      "cudareg", "cudaunreg", "unsupported", "metrics", "page"};
  std::string text = names[static_cast<size_t>(route.api)];
  if (!route.model.empty())
    text += " " + route.model;
  if (route.version.kind == VersionChoice::Kind::Number)
    text += " " + std::to_string(route.version.number);
  if (route.version.kind == VersionChoice::Kind::Label)
    text += " @" + route.version.label;
  if (!route.region.empty())
    text += " " + route.region;
  return text;
}

TEST(RoutesTest, TensorFlowServing) {
  const char *rows[][2] = {
      {"/v1/models/m:predict", "predict m"},
      {"/V1/MODELS/m:PREDICT", "predict m"},
      {"/v1/models/m:classify", "classify m"},
      {"/v1/models/m/versions/3:regress", "regress m 3"},
      {"/v1/models/m/labels/canary:predict", "predict m @canary"},
      {"/v1/models/half%20plus%2Ftwo:predict", "predict half plus/two"},
      {"/v1/models/m/versions/0:predict", "predict m"},
      {"/v1/models/m", "status m"},
      {"/v1/models/m/versions/12", "status m 12"},
      {"/v1/models/m/labels/stable", "status m @stable"},
      {"/v1/models/m/metadata", "metadata m"},
      {"/v1/models/m/versions/3/metadata", "metadata m 3"},
      {"/v1/models", "400"},
      {"/v1/models/", "400"},
      {"/v1/models/m/", "400"},
      {"/v1/models/m:explain", "400"},
      {"/v1/models/m/versions/x:predict", "400"},
      {"/v1/models/m/versions/-1", "400"},
      {"/v1/models/m/versions/99999999999999999999", "400"},
      {"/v1/models/m/versions/3/metadata/x", "400"},
      {"/v1/models/m:predict/x", "400"},
      {"/v1/other", "400"},
      {"/v1/", "400"},
  };
  for (const auto &row : rows)
    EXPECT_EQ(routed(row[0]), row[1]) << row[0];
  EXPECT_EQ(findRoute("GET", "/v1/models").error, "Missing model name in request.");
  EXPECT_EQ(findRoute("PUT", "/v1/x").error.find("Malformed request: PUT /v1/x"), 0u);
}

TEST(RoutesTest, OpenInference) {
  const char *rows[][2] = {
      {"/v2", "server"},
      {"/v2/health/live", "live"},
      {"/v2/health/ready", "ready"},
      {"/v2/models/m", "mmeta m"},
      {"/v2/models/m/versions/3", "mmeta m 3"},
      {"/v2/models/m/ready", "mready m"},
      {"/v2/models/m/versions/stable/infer", "infer m @stable"},
      {"/v2/models/m/versions/1/infer", "infer m 1"},
      {"/v2/models/m/infer", "infer m"},
      {"/v2/models/m/config", "config m"},
      {"/v2/models/m/stats", "stats m"},
      {"/v2/models/stats", "stats"},
      {"/v2/models/stats/infer", "infer stats"},
      {"/v2/models/m/generate", "unsupported m"},
      {"/v2/models/m/trace/setting", "unsupported m"},
      {"/v2/trace/setting", "unsupported"},
      {"/v2/logging", "unsupported"},
      {"/v2/repository/index", "index"},
      {"/v2/repository/r/index", "index"},
      {"/v2/repository/models/m/load", "load m"},
      {"/v2/repository/r/models/m/unload", "unload m"},
      {"/v2/repository/models/a%2fb/load", "load a/b"},
      {"/v2/systemsharedmemory/status", "shmstat"},
      {"/v2/systemsharedmemory/region/r/status", "shmstat r"},
      {"/v2/systemsharedmemory/region/r/register", "shmreg r"},
      {"/v2/systemsharedmemory/region/r/unregister", "shmunreg r"},
      {"/v2/systemsharedmemory/unregister", "shmunreg"},
      {"/v2/cudasharedmemory/region/r/register", "cudareg r"},
      {"/v2/cudasharedmemory/unregister", "cudaunreg"},
      {"/metrics", "metrics"},
      {"/v2/", "404"},
      {"/v2/models", "404"},
      {"/v2/models/", "404"},
      {"/v2/models/m/", "404"},
      {"/v2/models/m/infer/", "404"},
      {"/v2/models/m/versions", "404"},
      {"/v2/models/m/versions/", "404"},
      {"/v2/models//infer", "404"},
      {"/v2/health", "404"},
      {"/v2/repository/models/m", "404"},
      {"/v2/repository", "404"},
      {"/v3", "404"},
      {"/", "404"},
      {"", "404"},
      {"//", "404"},
  };
  for (const auto &row : rows)
    EXPECT_EQ(routed(row[0]), row[1]) << row[0];
}

TEST(RoutesTest, MethodsOfEachApi) {
  EXPECT_TRUE(allowsMethod(Api::Predict, "POST"));
  EXPECT_FALSE(allowsMethod(Api::Predict, "GET"));
  EXPECT_TRUE(allowsMethod(Api::Status, "HEAD"));
  EXPECT_FALSE(allowsMethod(Api::Status, "POST"));
  EXPECT_FALSE(allowsMethod(Api::Status, "get"));
  EXPECT_FALSE(allowsMethod(Api::Status, ""));
  EXPECT_FALSE(allowsMethod(Api::Status, "GET, HEAD"));
}

} // namespace
} // namespace ingot::serve::rest
