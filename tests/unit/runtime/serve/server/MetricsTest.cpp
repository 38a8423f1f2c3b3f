#include "runtime/serve/server/Metrics.h"

#include "tests/unit/runtime/serve/repository/RepositoryFixture.h"

#include <gmock/gmock.h>

namespace ingot::serve {

namespace {

using testing::HasSubstr;
using testing::Not;

class MetricsTest : public RepositoryFixture {
protected:
  void SetUp() override {
    RepositoryFixture::SetUp();
    open();
  }
  void load(int64_t version) { metrics.onLoad({"m", version, /*isUnload=*/false, {}, {}, {}}); }
  void unload(int64_t version) { metrics.onLoad({"m", version, /*isUnload=*/true, {}, {}, {}}); }
  void request(int64_t version) {
    RequestRecord record;
    record.protocol = "http";
    record.api = "predict";
    record.model = "m";
    record.version = version;
    record.status = 200;
    metrics.onRequest(record);
  }
  std::string text() { return metrics.text(*repository, 0, true); }

  Metrics metrics{{}};
};

TEST_F(MetricsTest, RequestsAreCountedByVersion) {
  load(3);
  request(3);
  request(3);
  EXPECT_THAT(text(),
              HasSubstr("ingot_requests_total{protocol=\"http\",api=\"predict\",model=\"m\","
                        "version=\"3\",code=\"200\"} 2\n"));
}

TEST_F(MetricsTest, NobodyMakesUpLabels) {
  request(4);
  EXPECT_THAT(text(), HasSubstr("ingot_requests_total{protocol=\"http\",api=\"predict\",model=\"\","
                                "version=\"\",code=\"200\"} 1\n"));
}

TEST_F(MetricsTest, MistakesOfAModelAreNoLoadsThatFailed) {
  LoadEvent event;
  event.model = "m";
  event.isOfModel = true;
  event.status = Status(StatusCode::InvalidArgument, "its config");
  metrics.onLoad(event);
  EXPECT_THAT(text(), HasSubstr("ingot_model_errors_total{model=\"m\"} 1\n"));
  EXPECT_THAT(text(), HasSubstr("ingot_model_load_failures_total{model=\"m\"} 0\n"));
}

TEST_F(MetricsTest, TfServingsNamesAreThereForThoseWhoWantThem) {
  publish("m", 1, FIXTURESERVED);
  ASSERT_TRUE(repository->reload().isOk());
  Metrics both{{"0", /*tfs=*/true, /*triton=*/false}};
  const std::string names = both.text(*repository, 0, true);
  for (const char *name :
       {"request_count", "request_latency_bucket", "runtime_latency_bucket",
        "batching_session:queuing_latency_bucket", "batching_session:input_batch_size_bucket",
        "batching_session:processed_batch_size_bucket", "batching_session:wrapped_run_count",
        "model_warmup_latency_bucket"})
    EXPECT_THAT(names, HasSubstr(std::string("\n:tensorflow:serving:") + name + "{"));
  EXPECT_THAT(text(), Not(HasSubstr("tensorflow")));
}

TEST_F(MetricsTest, TheTextDoesNotGrowWithVersionsThatHaveGone) {
  load(1000);
  request(1000);
  unload(1000);
  request(1000); // one that ends late
  const size_t lines = std::ranges::count(text(), '\n');
  for (int64_t version = 1001; version < 1100; ++version) {
    load(version);
    request(version);
    unload(version);
  }
  EXPECT_EQ(std::ranges::count(text(), '\n'), lines);
  EXPECT_THAT(text(), Not(HasSubstr("version=\"10")));
  EXPECT_THAT(text(), HasSubstr("ingot_model_unloads_total{model=\"m\"} 100\n"));
}

} // namespace

} // namespace ingot::serve
