// Requests and the replies to them, as a table: what clients of both protocols see.
#include "tests/unit/runtime/serve/rest/RestFixture.h"

namespace ingot::serve {
namespace {

class RestGoldenTest : public RestFixture {
protected:
  struct Row {
    const char *method, *target, *body;
    int status;
    const char *reply; ///< null: some error
  };
  void check(const std::vector<Row> &rows) {
    Client client = connect();
    for (const Row &row : rows) {
      const std::string what = std::string(row.method) + " " + row.target + " " + row.body;
      const Reply reply = client.call(row.method, row.target, row.body);
      EXPECT_EQ(reply.status, row.status) << what;
      if (row.reply)
        EXPECT_EQ(reply.body, row.reply) << what;
      else
        EXPECT_EQ(reply.body.find("{\"error\":\""), 0u) << what << reply.body;
    }
  }
};

TEST_F(RestGoldenTest, TensorFlowServing) {
  start();
  check({
      {"POST", "/v1/models/m:predict", R"({"instances":[[1,2,3],[0,0,1]]})", 200,
       R"({"predictions":[[22.5,27.5],[5.5,5.5]]})"},
      {"POST", "/v1/models/m/versions/3:predict", R"({"inputs":[[1,2,3]]})", 200,
       R"({"outputs":[[22.5,27.5]]})"},
      {"POST", "/v1/models/m/versions/0:predict", R"({"inputs":{"x":[[1,2,3]]}})", 200,
       R"({"outputs":[[22.5,27.5]]})"},
      {"POST", "/v1/models/m:predict",
       R"({"signature_name":"pairs","instances":[{"a":[1,2],"b":[3,4]}]})", 200,
       R"({"predictions":[{"sum":[4.0,6.0],"mean":5.0}]})"},
      {"POST", "/v1/models/m:predict",
       R"({"signature_name":"scalars","inputs":{"real":-0.5,"integer":-9,"text":"\u00e9\n"}})", 200,
       R"({"outputs":{"real":-0.5,"integer":-9,"text":"é\n"}})"},
      {"POST", "/v1/models/m:predict", R"({"signature_name":"total","inputs":[NaN]})", 200,
       R"({"outputs":NaN})"},
      {"POST", "/v1/models/m:predict", R"({"signature_name":"total","inputs":[-Infinity]})", 200,
       R"({"outputs":-Infinity})"},
      {"POST", "/v1/models/m:predict", R"({"instances":[]})", 200, R"({"predictions":[]})"},
      {"POST", "/v1/models/m:predict",
       R"({"signature_name":"join","instances":[{"a":"x","b":{"b64":"eQ=="}}]})", 200,
       R"({"predictions":[{"joined":"xy","joined_bytes":{"b64":"eHk="}}]})"},
      {"POST", "/v1/models/m:classify",
       R"({"signature_name":"classify","examples":[{"x":[1,2,3]}]})", 200,
       R"({"results":[[["cat",22.5],["dog",27.5]]]})"},
      {"POST", "/v1/models/m:regress",
       R"({"signature_name":"regress","context":{"b":1},"examples":[{"a":2.5},{"a":3,"b":[4]}]})",
       200, R"({"results":[3.5,7.0]})"},
      {"GET", "/v1/models/m", "", 200,
       R"({"model_version_status":[{"version":"3","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}]})"},
      {"GET", "/v1/models/m/versions/3", "", 200,
       R"({"model_version_status":[{"version":"3","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}]})"},
  });
}

TEST_F(RestGoldenTest, MistakesOfTensorFlowServingsClients) {
  start();
  check({
      {"GET", "/v1/models", "", 400, R"({"error":"Missing model name in request."})"},
      {"POST", "/v1/models/m:explain", "{}", 400,
       R"({"error":"Malformed request: POST /v1/models/m:explain: expected /v1/models/MODEL[/versions/NUMBER|/labels/LABEL][:predict|:classify|:regress|/metadata]"})"},
      {"GET", "/v1/models/m:predict", "", 405,
       R"({"error":"GET is not for /v1/models/m:predict: use POST, OPTIONS"})"},
      {"POST", "/v1/models/m", "{}", 405,
       R"({"error":"POST is not for /v1/models/m: use GET, HEAD, OPTIONS"})"},
      {"POST", "/v1/models/m:predict", "{}", 400,
       R"({"error":"Missing 'inputs' or 'instances' key"})"},
      {"POST", "/v1/models/m:predict", "", 400,
       R"({"error":"malformed JSON: a value is missing at byte 0"})"},
      {"POST", "/v1/models/m:predict", R"({"instances":[[1,2,"3"]]})", 400,
       R"({"error":"input 'x' (f32[batch, 3]): element [0][2] is the string '3', not a number"})"},
      {"POST", "/v1/models/m:predict", R"({"signature_name":"pick","instances":[7]})", 400,
       R"({"error":"function 'pick': embedding: an index is outside the axis it selects from"})"},
      {"POST", "/v1/models/m:classify", R"({"signature_name":"pick","examples":[{"index":1}]})",
       400, nullptr},
      {"POST", "/v1/models/m:classify", R"({"signature_name":"classify"})", 400,
       R"({"error":"the body lacks 'examples', a list of objects with the features by name"})"},
      {"POST", "/v1/models/m:regress",
       R"({"signature_name":"regress","examples":[{"a":[true],"b":1}]})", 400,
       R"({"error":"example 0, feature 'a': value 0 is true, not a number, a string or {\"b64\": \"<base64>\"}"})"},
      {"GET", "/nothing", "", 404,
       R"x({"error":"there is nothing at GET /nothing: models are at /v1/models/MODEL (TF Serving) and /v2/models/MODEL (Open Inference)"})x"},
  });
}

TEST_F(RestGoldenTest, OpenInference) {
  start();
  check({
      {"POST", "/v2/models/m/infer",
       R"({"id":"7","inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}]})", 200,
       R"({"model_name":"m","model_version":"3","id":"7","outputs":[{"name":"y","datatype":"FP32","shape":[1,2],"data":[22.5,27.5]}]})"},
      {"POST", "/v2/models/m/versions/3/infer",
       R"({"parameters":{"function":"join"},"inputs":[{"name":"a","shape":[1],"datatype":"BYTES","data":["x"]},{"name":"b","shape":[1],"datatype":"BYTES","data":["y"]}],"outputs":[{"name":"joined"}]})",
       200,
       R"({"model_name":"m","model_version":"3","outputs":[{"name":"joined","datatype":"BYTES","shape":[1],"data":["xy"]}]})"},
      {"POST", "/v2/models/m/infer",
       R"({"parameters":{"function":"scalars"},"outputs":[{"name":"integer"}],"inputs":[{"name":"real","shape":[],"datatype":"FP32","data":[NaN]},{"name":"integer","shape":[],"datatype":"INT64","data":[5]},{"name":"text","shape":[],"datatype":"BYTES","data":["t"]}]})",
       200,
       R"({"model_name":"m","model_version":"3","outputs":[{"name":"integer","datatype":"INT64","shape":[],"data":[5]}]})"},
      {"POST", "/v2/models/m/infer",
       R"({"inputs":[{"name":"x","shape":[0,3],"datatype":"FP32","data":[]}]})", 200,
       R"({"model_name":"m","model_version":"3","outputs":[{"name":"y","datatype":"FP32","shape":[0,2],"data":[]}]})"},
      {"GET", "/v2", "", 200,
       R"x({"name":"ingot","version":"0.1","extensions":["binary_tensor_data","model_configuration","model_repository","model_repository(unload_dependents)","parameters","schedule_policy","sequence","statistics","system_shared_memory"]})x"},
      {"GET", "/v2/health/live", "", 200, ""},
      {"GET", "/v2/health/ready", "", 200, ""},
      {"GET", "/v2/models/m/ready", "", 200, ""},
      {"GET", "/v2/models/m/versions/3/ready", "", 200, ""},
      {"GET", "/v2/models/m", "", 200,
       R"({"name":"m","versions":["3"],"platform":"ingot","inputs":[{"name":"x","datatype":"FP32","shape":[-1,3]}],"outputs":[{"name":"y","datatype":"FP32","shape":[-1,2]}]})"},
      {"POST", "/v2/repository/index", "", 200, R"([{"name":"m","version":"3","state":"READY"}])"},
      {"POST", "/v2/repository/index", R"({"ready":true})", 200,
       R"([{"name":"m","version":"3","state":"READY"}])"},
      {"GET", "/v2/systemsharedmemory/status", "", 200, "[]"},
      {"GET", "/v2/cudasharedmemory/status", "", 200, "[]"},
      {"POST", "/v2/cudasharedmemory/unregister", "", 200, ""},
      {"POST", "/v2/systemsharedmemory/unregister", "", 200, ""},
  });
}

TEST_F(RestGoldenTest, MistakesOfOpenInferencesClients) {
  start();
  check({
      {"GET", "/v2/models/m/infer", "", 405,
       R"({"error":"GET is not for /v2/models/m/infer: use POST, OPTIONS"})"},
      {"POST", "/v2/models/m/infer", "{}", 400,
       R"({"error":"the body lacks 'inputs', a list of tensors"})"},
      {"POST", "/v2/models/m/infer", R"({"inputs":[}]})", 400,
       R"({"error":"malformed JSON: a value is expected at byte 11"})"},
      {"POST", "/v2/models/m/infer",
       R"({"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2]}]})", 400,
       R"({"error":"input 'x' (FP32 [1, 3]) takes 3 elements, 'data' has 2"})"},
      {"POST", "/v2/models/m/infer",
       R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]})", 400,
       R"({"error":"input 'x': expected f32[batch, 3], got f32[1, 2]: dimension 1 must be 3, is 2"})"},
      {"POST", "/v2/models/m/infer",
       R"({"inputs":[{"name":"x","shape":[1,3],"datatype":"INT32","data":[1,2,3]}]})", 400,
       R"({"error":"input 'x': expected f32[batch, 3], got i32[1, 3]: the element types differ"})"},
      {"POST", "/v2/models/m/infer",
       R"({"inputs":[{"name":"z","shape":[1,3],"datatype":"FP32","data":[1,2,3]}]})", 400,
       R"({"error":"input 'x' is missing; 'm' takes 'x' f32[batch, 3]"})"},
      {"POST", "/v2/models/m/infer",
       R"({"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}],"outputs":[{"name":"z"}]})",
       400, R"({"error":"there is no output 'z'; there are 'y'"})"},
      {"POST", "/v2/repository/models/m/load", R"({"parameters":{"config":"{\"no\":1}"}})", 400,
       nullptr},
      {"POST", "/v2/repository/models/m/load", R"({"parameters":{"file:1/model.onnx":"AA=="}})",
       501, nullptr},
      {"POST", "/v2/cudasharedmemory/region/r/register", "{}", 501, nullptr},
      {"POST", "/v2/systemsharedmemory/region/r/register", "{}", 400,
       R"({"error":"the body lacks 'key': expected {\"key\": NAME, \"offset\": BYTES, \"byte_size\": BYTES}"})"},
      {"GET", "/v2/trace/setting", "", 501, nullptr},
      {"GET", "/v2/models/m/nothing", "", 404, nullptr},
  });
}

} // namespace
} // namespace ingot::serve
