// Requests and the replies to them, as a table: what clients of both protocols see.
#include "tests/unit/runtime/serve/rest/RestFixture.h"

namespace ingot::serve {
namespace {

class RestGoldenTest : public RestFixture {};

struct Row {
  const char *method, *target, *body;
  int status;
  const char *reply;
};

void check(Client client, const std::vector<Row> &rows) {
  for (const Row &row : rows) {
    const Reply reply = client.call(row.method, row.target, row.body);
    EXPECT_EQ(reply.status, row.status) << row.method << " " << row.target << " " << row.body;
    EXPECT_EQ(reply.body, row.reply) << row.method << " " << row.target << " " << row.body;
  }
}

TEST_F(RestGoldenTest, Predict) {
  start();
  check(connect(), {{"POST", "/v1/models/m:predict", R"({"instances":[[1,2,3],[0,0,1]]})", 200,
                     R"({"predictions":[[22.5,27.5],[5.5,5.5]]})"},
                    {"POST", "/v1/models/m/versions/3:predict", R"({"inputs":[[1,2,3]]})", 200,
                     R"({"outputs":[[22.5,27.5]]})"}});
}

TEST_F(RestGoldenTest, Infer) {
  start();
  check(
      connect(),
      {{"POST", "/v2/models/m/infer",
        R"({"id":"7","inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}]})", 200,
        R"({"model_name":"m","model_version":"3","id":"7","outputs":[{"name":"y","datatype":"FP32","shape":[1,2],"data":[22.5,27.5]}]})"}});
}

} // namespace
} // namespace ingot::serve
