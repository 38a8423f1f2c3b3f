// Custom ops through the command line: C functions that the tests write, described in JSON, called
// from artifacts; and what is said about those that are wrong.
#include "ingot/Model.h"
#include "onnx.pb.h"
#include "tests/unit/tools/CliTest.h"
#include <atomic>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

namespace ingot::test {
namespace {

using nlohmann::json;

const char *const kScaledCube = R"(
#include <ingot/custom_op.h>
static int64_t count_of(const ingot_custom_tensor *t) {
  int64_t n = 1;
  for (int32_t i = 0; i < t->rank; ++i)
    n *= t->dims[i];
  return n;
}
int32_t scaled_cube(const ingot_custom_call *call) {
  const float *x = call->inputs[0].data;
  float *y = call->outputs[0].data, scale = call->parameters[0].value.floats[0];
  for (int64_t i = 0, n = count_of(call->inputs); i < n; ++i)
    y[i] = scale * x[i] * x[i] * x[i];
  return 0;
}
)";

json scaledCube() {
  return json::parse(R"({
    "domain": "com.example", "operator": "ScaledCube", "source": "op.c", "function": "scaled_cube",
    "inputs": [{"name": "x", "types": ["f32", "f64"]}],
    "outputs": [{"name": "y", "type": "x", "shape": "x"}],
    "attributes": [{"name": "scale", "type": "float", "default": 1.0}],
    "thread_safe": true})");
}

/// `predict(x: f32[batch, 3]) -> y`, a call of the op with these parameters on 2 x.
std::string netCalling(const std::string &op, const std::string &parameters = "{}",
                       const std::string &result = "tensor<?x3xf32, #graph.dims<[batch, 3]>>") {
  return R"(
func.func @predict(%x: tensor<?x3xf32, #graph.dims<[batch, 3]>> {graph.name = "x"})
    -> ()" +
         result + R"( {graph.name = "y"}) {
  %d = graph.add %x, %x : tensor<?x3xf32, #graph.dims<[batch, 3]>> loc("double")
  %y = graph.custom_call @")" +
         op + R"("(%d) with )" + parameters +
         R"( : (tensor<?x3xf32, #graph.dims<[batch, 3]>>) -> )" + result + R"( loc("mine")
  return %y : )" +
         result + "\n}\n";
}

class CustomOps : public CliTest {
protected:
  void writeText(const std::string &name, const std::string &text) {
    std::ofstream(directory / name) << text;
  }
  void describe(const json &description) { writeText("op.json", description.dump()); }
  /// The op of scaledCube by another function, and a model that calls it.
  json describeCall(const std::string &function) {
    json description = scaledCube();
    description["function"] = function;
    describe(description);
    writeText("net.mlir", netCalling("com.example::ScaledCube", "{scale = 1.0 : f32}"));
    return description;
  }
  /// Compiles net.mlir with op.json to net.so.
  Outcome compile(const std::string &more = "") const {
    return ingot("compile net.mlir --custom-op op.json -o net.so " + more);
  }
  /// A model of one node of the op, x (batch, 3) -> y.
  void writeOnnx(const std::string &domain, const std::string &name,
                 const std::function<void(::onnx::NodeProto &)> &change = {}) {
    ::onnx::ModelProto model;
    model.set_ir_version(8);
    auto *set = model.add_opset_import();
    set->set_version(17);
    set = model.add_opset_import();
    set->set_domain(domain);
    set->set_version(2);
    ::onnx::GraphProto &graph = *model.mutable_graph();
    graph.set_name("graph");
    for (const char *tensor : {"x", "y"}) {
      ::onnx::ValueInfoProto &info = *(tensor[0] == 'x' ? graph.add_input() : graph.add_output());
      info.set_name(tensor);
      auto &type = *info.mutable_type()->mutable_tensor_type();
      type.set_elem_type(::onnx::TensorProto::FLOAT);
      type.mutable_shape()->add_dim()->set_dim_param("batch");
      type.mutable_shape()->add_dim()->set_dim_value(3);
    }
    ::onnx::NodeProto &node = *graph.add_node();
    node.set_name("mine");
    node.set_domain(domain);
    node.set_op_type(name);
    node.add_input("x");
    node.add_output("y");
    if (change)
      change(node);
    std::ofstream(directory / "net.onnx", std::ios::binary) << model.SerializeAsString();
  }
};

TEST_F(CustomOps, AFunctionOfTheUsersComputesANodeOfAnOnnxModel) {
  writeText("op.c", kScaledCube);
  describe(scaledCube());
  writeOnnx("com.example", "ScaledCube", [](::onnx::NodeProto &node) {
    auto *scale = node.add_attribute();
    scale->set_name("scale");
    scale->set_type(::onnx::AttributeProto::FLOAT);
    scale->set_f(2);
  });
  Outcome made = ingot("compile net.onnx --custom-op op.json -o net.so "
                       "--target-cpu x86-64-v3,x86-64");
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_THAT(made.err, HasSubstr("custom    com.example::ScaledCube"));
  for (int64_t batch : {0, 1, 7}) {
    std::vector<float> x, cubes;
    for (int64_t i = 0; i < batch * 3; ++i) {
      x.push_back(static_cast<float>(i) - 5);
      cubes.push_back(2 * x.back() * x.back() * x.back());
    }
    write("x.npy", {batch, 3}, x);
    Outcome ran = ingot("run net.so --input x=@x.npy --output y=@y.npy");
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(read("y.npy"), cubes) << "batch " << batch;
  }
}

TEST_F(CustomOps, TheManifestListsThem) {
  writeText("op.c", kScaledCube);
  describe(scaledCube());
  writeText("net.mlir", netCalling("com.example::ScaledCube", "{scale = 3.0 : f32}"));
  ASSERT_EQ(compile().code, 0) << compile().err;
  Outcome shown = ingot("inspect net.so --json");
  json op = json::parse(shown.out)["custom_ops"][0];
  EXPECT_EQ(op["name"], "com.example::ScaledCube");
  EXPECT_EQ(op["function"], "scaled_cube");
  EXPECT_EQ(op["thread_safe"], true);
  EXPECT_EQ(op["deterministic"], true);
  EXPECT_EQ(op["link"], json::array());
  EXPECT_EQ(op["calls"], json::parse(R"([{"function": "predict", "node": "mine",
                                          "workspace_bytes": "0"}])"));
  EXPECT_THAT(ingot("inspect net.so").out,
              HasSubstr("custom op com.example::ScaledCube: C function scaled_cube"));
}

// y[i] = x[i], x[i] reversed; the reversal is made in the workspace, rows in parallel.
TEST_F(CustomOps, ShapeAndWorkspaceFollowFromTheInputs) {
  writeText("op.c", R"(
#include <ingot/custom_op.h>
#include <string.h>
static void row(void *arg, int64_t i) {
  const ingot_custom_call *call = arg;
  int64_t m = call->inputs[0].dims[1], pad = call->parameters[0].value.ints[0];
  const float *x = (const float *)call->inputs[0].data + i * m;
  float *y = (float *)call->outputs[0].data + i * (2 * m + pad);
  float *reversed = (float *)call->workspace + i * m;
  for (int64_t k = 0; k < m; ++k)
    reversed[k] = x[m - 1 - k];
  memcpy(y, x, m * sizeof(float));
  memcpy(y + m, reversed, m * sizeof(float));
  for (int64_t k = 0; k < pad; ++k)
    y[2 * m + k] = call->parameters[1].value.text[k];
}
int32_t mirror(const ingot_custom_call *call) {
  int64_t n = call->inputs[0].dims[0], m = call->inputs[0].dims[1];
  int64_t pad = call->parameters[0].value.ints[0];
  if (call->outputs[0].dims[0] != n || call->outputs[0].dims[1] != 2 * m + pad)
    return 1;
  if (call->workspace_bytes != (uint64_t)(n * m) * sizeof(float) ||
      (uintptr_t)call->workspace % INGOT_ALIGNMENT != 0)
    return 2;
  if (call->parameters[1].count != pad)
    return 3;
  ingot_custom_parallel_for(call, row, (void *)call, n);
  return 0;
}
)");
  describe(json::parse(R"({
    "domain": "com.example", "operator": "Mirror", "source": "op.c", "function": "mirror",
    "inputs": [{"name": "x", "types": "f32", "shape": ["n", "m"]}],
    "outputs": [{"name": "y", "type": "f32", "shape": ["n", "m * 2 + pad"]}],
    "attributes": [{"name": "pad", "type": "int"}, {"name": "text", "type": "string"}],
    "workspace": "x.elements * 4", "thread_safe": true, "parallel": true})"));
  writeText("net.mlir", netCalling("com.example::Mirror", R"({pad = 2 : i64, text = "AB"})",
                                   "tensor<?x8xf32, #graph.dims<[batch, 8]>>"));
  Outcome made = compile();
  ASSERT_EQ(made.code, 0) << made.err;
  for (int64_t batch : {1, 64}) {
    std::vector<float> x, y;
    for (int64_t i = 0; i < batch; ++i) {
      float a = static_cast<float>(i);
      x.insert(x.end(), {a, a + 1, a + 2});
      y.insert(y.end(), {2 * a, 2 * a + 2, 2 * a + 4, 2 * a + 4, 2 * a + 2, 2 * a, 'A', 'B'});
    }
    write("x.npy", {batch, 3}, x);
    for (const char *threads : {"1", "3"}) {
      Outcome ran =
          ingot("run net.so --input x=@x.npy --output y=@y.npy --threads " + std::string(threads));
      ASSERT_EQ(ran.code, 0) << ran.err;
      EXPECT_EQ(read("y.npy"), y) << threads << " threads, batch " << batch;
    }
  }
  EXPECT_THAT(ingot("inspect net.so").out, HasSubstr("workspace batch * 12 bytes"));
}

TEST_F(CustomOps, LibrariesThatItsCodeNeedsAreDeclared) {
  writeText("op.c", R"(
#include <ingot/custom_op.h>
#include <math.h>
int32_t root(const ingot_custom_call *call) {
  const float *x = call->inputs[0].data;
  float *y = call->outputs[0].data;
  for (int64_t i = 0; i < call->inputs[0].dims[0] * 3; ++i)
    y[i] = cbrtf(x[i]);
  return 0;
}
)");
  json description = describeCall("root");
  Outcome undeclared = compile();
  EXPECT_EQ(undeclared.code, 2);
  EXPECT_THAT(undeclared.err, HasSubstr("custom op `com.example::ScaledCube`: its code needs the "
                                        "symbol 'cbrtf'; name the shared library that has it in "
                                        "\"link\" (libm.so.6 has it), or the symbol in \"needs\""));
  EXPECT_FALSE(fs::exists(path("net.so")));
  description["link"] = {"libm.so.6"};
  describe(description);
  ASSERT_EQ(compile().code, 0) << compile().err;
  EXPECT_THAT(ingot("inspect net.so").out, HasSubstr("needs libm.so.6"));
  write("x.npy", {1, 3}, {4, -13.5, 0});
  Outcome ran = ingot("run net.so --input x=@x.npy --output y=@y.npy");
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(read("y.npy"), (std::vector<float>{std::cbrt(8.0f), std::cbrt(-27.0f), 0}));
  description["link"] = {"libnowhere.so.1"};
  describe(description);
  EXPECT_THAT(compile().err,
              HasSubstr("`link`: the shared library `libnowhere.so.1` is not found"));
}

TEST_F(CustomOps, AStatusFailsTheRunAndNamesTheNode) {
  writeText("op.c", R"(
#include <ingot/custom_op.h>
int32_t refuse(const ingot_custom_call *call) {
  return ((const float *)call->inputs[0].data)[0] < 0 ? -7 : 0;
}
)");
  json description = describeCall("refuse");
  ASSERT_EQ(compile().code, 0) << compile().err;
  write("x.npy", {1, 3}, {-1, 0, 0});
  Outcome failed = ingot("run net.so --input x=@x.npy");
  EXPECT_EQ(failed.code, 2);
  EXPECT_THAT(failed.err,
              HasSubstr("function 'predict': mine: the function of its custom op returned -7"));
  write("x.npy", {1, 3}, {1, 0, 0});
  EXPECT_EQ(ingot("run net.so --input x=@x.npy").code, 0);
}

TEST_F(CustomOps, TheDebugArenaSeesWritesOutside) {
  writeText("op.c", R"(
#include <ingot/custom_op.h>
int32_t overrun(const ingot_custom_call *call) {
  float *y = call->outputs[0].data;
  for (int64_t i = 0; i <= call->inputs[0].dims[0] * 3; ++i)
    y[i] = 1;
  return 0;
}
)");
  json description = describeCall("overrun");
  ASSERT_EQ(compile("--debug-arena").code, 0);
  write("x.npy", {1, 3}, {1, 2, 3});
  EXPECT_THAT(ingot("run net.so --input x=@x.npy").err,
              HasSubstr("mine: its kernel wrote outside its tensors"));
}

TEST_F(CustomOps, CodeMayBeAnObjectOrAnArchive) {
  writeText("op.c", kScaledCube);
  writeText("unused.c", "int puts(const char *);\nint hello(void) { return puts(\"hello\"); }\n");
  std::string include = std::string("-I ") + INCLUDE_DIRECTORY;
  std::string build = "cd " + directory.string() + " && cc -fPIC -O2 -c op.c " + include +
                      " && cc -fPIC -c unused.c && ar rcs ops.a op.o unused.o";
  ASSERT_EQ(std::system(build.c_str()), 0);
  writeText("net.mlir", netCalling("com.example::ScaledCube", "{scale = 1.0 : f32}"));
  write("x.npy", {1, 3}, {1, 2, 3});
  for (const char *kind : {"object", "archive"}) {
    json description = scaledCube();
    description.erase("source");
    description[kind] = kind == std::string("object") ? "op.o" : "ops.a";
    describe(description);
    Outcome made = compile(); // the archive's other member, which needs puts, is not taken
    ASSERT_EQ(made.code, 0) << made.err;
    ASSERT_EQ(ingot("run net.so --input x=@x.npy --output y=@y.npy").code, 0);
    EXPECT_THAT(read("y.npy"), testing::ElementsAre(8, 64, 216));
  }
}

TEST_F(CustomOps, ObjectsAndArchivesOfAModelHaveThemInside) {
  writeText("op.c", kScaledCube);
  describe(scaledCube());
  writeText("net.mlir", netCalling("com.example::ScaledCube", "{scale = 1.0 : f32}"));
  writeText("main.c", R"(
#include <ingot/artifact.h>
#include <stdlib.h>
const struct ingot_artifact *cube(void);
int main(void) {
  const ingot_function *f = cube()->functions;
  int64_t batch = 1, *plan = malloc(8 * f->plan_words);
  float x[3] = {1, 2, 3}, y[3] = {0};
  const void *inputs[] = {x};
  void *outputs[] = {y};
  ingot_run run = {.size = sizeof run, .plan = plan, .inputs = inputs, .outputs = outputs};
  if (f->plan(&batch, plan))
    return 10;
  run.arena = aligned_alloc(64, (plan[0] + 63) / 64 * 64 + 64);
  int status = f->run(&run);
  return status ? status : y[0] == 8 && y[1] == 64 && y[2] == 216 ? 0 : 20;
}
)");
  for (const char *kind : {"obj", "static"}) {
    Outcome made = ingot("compile net.mlir --custom-op op.json --symbol cube -o cube.a --emit " +
                         std::string(kind));
    ASSERT_EQ(made.code, 0) << made.err;
    std::string link = "cd " + directory.string() + " && cc -I " + INCLUDE_DIRECTORY +
                       " main.c cube.a -o main && ./main";
    EXPECT_EQ(std::system(link.c_str()), 0) << kind;
  }
}

// The op notices that it runs twice at once, and takes a while.
TEST_F(CustomOps, WhatIsNotThreadSafeIsNotRunTwiceAtOnce) {
  writeText("op.c", R"(
#include <ingot/custom_op.h>
static volatile int running;
int32_t alone(const ingot_custom_call *call) {
  float *y = call->outputs[0].data;
  int32_t status = __atomic_fetch_add(&running, 1, __ATOMIC_SEQ_CST);
  for (volatile int i = 0; i < 20000; ++i)
    ;
  for (int64_t i = 0; i < call->inputs[0].dims[0] * 3; ++i)
    y[i] = ((const float *)call->inputs[0].data)[i];
  __atomic_fetch_sub(&running, 1, __ATOMIC_SEQ_CST);
  return status;
}
)");
  json description = describeCall("alone");
  Outcome refused = compile();
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("its code has variables that it can change (section '.bss')"));
  description["static_data"] = true;
  description["thread_safe"] = false;
  describe(description);
  ASSERT_EQ(compile().code, 0) << compile().err;
  EXPECT_THAT(ingot("inspect net.so").out, HasSubstr("not thread-safe, keeps static data"));
  auto artifact = *Artifact::open(path("net.so"));
  ASSERT_TRUE(artifact->table().functions[0].flags & INGOT_FUNCTION_EXCLUSIVE);
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      auto state = *State::create(artifact);
      Session session = *Session::create(artifact, "predict");
      const float x[3] = {1, 2, 3};
      const int64_t dims[] = {1, 3};
      for (int i = 0; i < 50; ++i)
        failures += !session.run(*state, {TensorView{DType::F32, 2, dims, x}}).isOk();
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(failures, 0);
}

TEST_F(CustomOps, ManyThreadsCallAThreadSafeOne) {
  writeText("op.c", kScaledCube);
  describe(scaledCube());
  writeText("net.mlir", netCalling("com.example::ScaledCube", "{scale = 0.5 : f32}"));
  ASSERT_EQ(compile().code, 0) << compile().err;
  auto artifact = *Artifact::open(path("net.so"));
  EXPECT_FALSE(artifact->table().functions[0].flags & INGOT_FUNCTION_EXCLUSIVE);
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      auto state = *State::create(artifact);
      Session session = *Session::create(artifact, "predict");
      std::vector<float> x(3 * (t + 1), static_cast<float>(t));
      const int64_t dims[] = {t + 1, 3};
      for (int i = 0; i < 50; ++i) {
        failures += !session.run(*state, {TensorView{DType::F32, 2, dims, x.data()}}).isOk();
        const float *y = session.output(0).data<float>();
        for (size_t k = 0; k < x.size(); ++k)
          failures += y[k] != 4.0f * x[k] * x[k] * x[k];
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(failures, 0);
}

struct WrongDescription {
  const char *change; // JSON merge patch of a right one
  const char *message;
};

TEST_F(CustomOps, WrongDescriptionsAreRefusedByField) {
  writeText("op.c", kScaledCube);
  writeText("net.mlir", netCalling("com.example::ScaledCube", "{scale = 1.0 : f32}"));
  const WrongDescription cases[] = {
      {R"({"domain": null})", "`domain`: is missing"},
      {R"({"operator": "Scaled Cube"})", "`operator`: `Scaled Cube` is no name"},
      {R"({"source": "nowhere.c"})", "`source`: there is no file"},
      {R"({"source": null})", "`source`: is missing"},
      {R"({"function": "scaled cube"})", "`function`: `scaled cube` is no name of a C function"},
      {R"({"function": "cube"})", "its code defines no function 'cube' that is not static; it "
                                  "defines scaled_cube"},
      {R"({"versions": [3, 1]})", "`versions`: must be the first and the last version"},
      {R"({"thread_safe": null})", "`thread_safe`: is missing; say true if several threads"},
      {R"({"thread_safe": "yes"})", "`thread_safe`: must be true or false"},
      {R"({"worksapce": 4})", "`worksapce`: is no field; there are domain,"},
      {R"({"workspace": "x.elements *"})", "`workspace`: `x.elements *` is no expression"},
      {R"({"workspace": "rows * 4"})", "uses `rows` in the workspace"},
      {R"({"workspace": -4})", "its workspace would be of -4 bytes"},
      {R"({"inputs": [{"name": "x", "types": ["float"]}]})",
       "`inputs[0].types`: `float` is no type; there are bool"},
      {R"({"inputs": [{"name": "x", "types": ["f64"]}]})",
       "its input `x` has elements of f32; it takes f64"},
      {R"({"inputs": [{"name": "x", "types": ["f32"], "shape": ["n", "n", 3]}]})",
       "its input `x` has shape (batch, 3); expected are 3 dimensions"},
      {R"({"inputs": [{"name": "x", "types": ["f32"], "shape": ["n", 4]}]})",
       "its input `x` has shape (batch, 3); expected is (batch, 4)"},
      {R"({"inputs": [{"name": "x", "types": ["f32"]}, {"name": "z", "types": ["f32"]}]})",
       "it has 1 inputs; `com.example::ScaledCube` takes 2"},
      {R"({"inputs": [{"name": "f32", "types": ["f32"]}]})", "`inputs[0].name`: `f32` is no name"},
      {R"({"outputs": null})", "`outputs`: is missing"},
      {R"({"outputs": [{"name": "y", "type": "z", "shape": "x"}]})",
       "has an output `y` whose type is neither"},
      {R"({"outputs": [{"name": "y", "type": "f32", "shape": ["k"]}]})",
       "uses `k` in the shape of `y`"},
      {R"({"outputs": [{"name": "y", "type": "f32"}]})", "`outputs[0].shape`: is missing"},
      {R"({"outputs": [{"name": "x", "type": "f32", "shape": "x"}]})",
       "has two inputs, outputs or parameters called `x`"},
      {R"({"attributes": [{"name": "scale", "type": "real"}]})",
       "`attributes[0].type`: `real` is no type of an attribute"},
      {R"({"attributes": [{"name": "scale", "type": "int", "default": 1.5}]})",
       "`attributes[0].default`: is no int"},
      {R"({"attributes": [{"name": "scale", "type": "int"}]})", "its attribute `scale` is no int"},
      {R"({"attributes": [{"name": "other", "type": "int", "default": 1}]})",
       "it has an attribute `scale`, which `com.example::ScaledCube` does not declare"},
      {R"({"gradient": "Other"})", "has the gradient `com.example::Other`, which is not declared"},
      {R"({"gradient": "ScaledCube"})", "it must take 3 (inputs, outputs, gradients"},
  };
  for (const WrongDescription &wrong : cases) {
    json description = scaledCube();
    description.merge_patch(json::parse(wrong.change));
    describe(description);
    Outcome outcome = compile();
    EXPECT_EQ(outcome.code, 2) << wrong.change << "\n" << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(wrong.message)) << wrong.change;
  }
  writeText("op.json", "{\"domain\": ");
  EXPECT_THAT(compile().err, HasSubstr("is no JSON"));
  EXPECT_THAT(ingot("compile net.mlir --custom-op nowhere.json").err, HasSubstr("cannot be read"));
}

TEST_F(CustomOps, ASourceThatDoesNotCompileIsShownWithItsMessages) {
  writeText("op.c", "int32_t scaled_cube(void) { return undeclared_name; }\n");
  describe(scaledCube());
  writeText("net.mlir", netCalling("com.example::ScaledCube", "{scale = 1.0 : f32}"));
  Outcome outcome = compile();
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("does not compile with 'cc'"));
  EXPECT_THAT(outcome.err, HasSubstr("undeclared_name"));
  EXPECT_THAT(compile("--cc no-such-compiler").err,
              HasSubstr("the C compiler 'no-such-compiler' is not found; name another one with "
                        "--cc or in CC"));
}

TEST_F(CustomOps, AnOperatorOfOnnxIsNotOverridden) {
  writeText("op.c", kScaledCube);
  json description = scaledCube();
  description["domain"] = "ai.onnx";
  description["operator"] = "Relu";
  describe(description);
  writeOnnx("", "Relu");
  Outcome outcome = ingot("compile net.onnx --custom-op op.json");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("`ai.onnx::Relu` is an operator that Ingot compiles itself"));
}

TEST_F(CustomOps, VersionsChooseAmongDescriptions) {
  writeText("op.c", kScaledCube);
  json first = scaledCube(), second = scaledCube();
  first["versions"] = {1, 1};
  second["versions"] = {2, 9};
  second["attributes"][0]["default"] = 5.0;
  writeText("op.json", json::array({first, second}).dump());
  writeOnnx("com.example", "ScaledCube");
  Outcome made = ingot("compile net.onnx --custom-op op.json -o net.so");
  ASSERT_EQ(made.code, 0) << made.err;
  write("x.npy", {1, 3}, {1, 2, 3});
  ASSERT_EQ(ingot("run net.so --input x=@x.npy --output y=@y.npy").code, 0);
  EXPECT_THAT(read("y.npy"), testing::ElementsAre(5, 40, 135));
  writeText("op.json", json::array({first}).dump());
  EXPECT_THAT(
      ingot("compile net.onnx --custom-op op.json").err,
      HasSubstr("`ScaledCube` (com.example 2) is not supported: the operator is not known; it "
                "is no operator of ONNX: export without the extensions of `com.example`, "
                "make it a function of the model, or give its code with --custom-op"));
}

// A model file is not trusted: what it declares must be what the descriptions say.
TEST_F(CustomOps, AModelFileDeclaresNoCodeOfItsOwn) {
  writeText("op.c", kScaledCube);
  describe(scaledCube());
  writeText("net.mlir", netCalling("com.example::ScaledCube", "{scale = 1.0 : f32}"));
  EXPECT_THAT(ingot("compile net.mlir").err,
              HasSubstr("calls `com.example::ScaledCube`, which is not declared"));
  Outcome dumped = ingot("compile net.mlir --custom-op op.json --stop-after import -o dumped.mlir");
  ASSERT_EQ(dumped.code, 0) << dumped.err;
  EXPECT_EQ(ingot("compile dumped.mlir --custom-op op.json -o again.so").code, 0);
  EXPECT_THAT(ingot("compile dumped.mlir").err, HasSubstr("its code is not known"));
  json other = scaledCube();
  other["parallel"] = true;
  describe(other);
  EXPECT_THAT(ingot("compile dumped.mlir --custom-op op.json").err,
              HasSubstr("is declared otherwise than in its description"));
}

TEST_F(CustomOps, TheExampleWorks) {
  std::string example = EXAMPLE_DIRECTORY;
  Outcome made = ingot("compile " + example + "/net.mlir --custom-op " + example +
                       "/cube_root.json -o net.so");
  ASSERT_EQ(made.code, 0) << made.err;
  write("x.npy", {1, 3}, {1, 2, 2}); // x w = [8, 8]
  Outcome ran = ingot("run net.so --input x=@x.npy --output y=@y.npy");
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(read("y.npy"), testing::ElementsAre(4, 4));
}

} // namespace
} // namespace ingot::test
