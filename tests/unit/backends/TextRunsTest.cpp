// Text that a run makes: a buffer that is too short is said so with the size that is needed, a
// session gives more and runs again, and what it gives out lasts until its next run.
#include "tests/support/RunCompiled.h"
#include "tests/unit/compiler/GraphTest.h"
#include <gmock/gmock.h>

namespace ingot {
namespace {

using testing::HasSubstr;

class TextRuns : public test::GraphTest {
protected:
  TextRuns() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }
};

// Joins twice, one after the other, and passes its input on.
const char *const joins = R"mlir(
  #n = #graph.dims<[n]>
  func.func @f(%x: tensor<?x!text.string, #n>)
      -> (tensor<?x!text.string, #n>, tensor<?x!text.string, #n>, tensor<!text.string>) {
    %a = graph.text_concat %x, %x
        : (tensor<?x!text.string, #n>, tensor<?x!text.string, #n>) -> tensor<?x!text.string, #n>
    %b = graph.text_concat %a, %a
        : (tensor<?x!text.string, #n>, tensor<?x!text.string, #n>) -> tensor<?x!text.string, #n>
    %c = graph.constant dense<"constant"> : tensor<!text.string> : tensor<!text.string>
    return %b, %x, %c : tensor<?x!text.string, #n>, tensor<?x!text.string, #n>, tensor<!text.string>
  })mlir";

std::string textOf(ingot_string text) { return {text.data, text.size}; }

TEST_F(TextRuns, SayHowMuchRoomTheyNeed) {
  parse(joins);
  tests::CompiledModule compiled(*module);
  ASSERT_TRUE(compiled.ok()) << compiled.error();
  const ingot_function &function = **compiled.artifact->function("f");
  const int64_t n = 2;
  std::vector<int64_t> plan(function.plan_words);
  ASSERT_EQ(function.plan(&n, plan.data()), INGOT_OK);
  std::vector<char> arena(plan[0] + INGOT_ALIGNMENT);
  ingot_string x[] = {{"ab", 2}, {"c", 1}}, y[2], z[2], c;
  const void *inputs[] = {x};
  void *outputs[] = {y, z, &c};
  auto start = reinterpret_cast<uintptr_t>(arena.data());
  ingot_run run = {};
  run.size = sizeof run;
  run.plan = plan.data();
  run.inputs = inputs;
  run.outputs = outputs;
  run.arena =
      reinterpret_cast<void *>((start + INGOT_ALIGNMENT - 1) / INGOT_ALIGNMENT * INGOT_ALIGNMENT);
  // The first join needs 6 bytes, the second 12 more.
  EXPECT_EQ(function.run(&run), INGOT_TEXT_TOO_SHORT);
  EXPECT_EQ(run.text_used, 6u);
  char text[32] = {};
  run.text = text;
  for (uint64_t capacity : {5, 6, 17, 18}) {
    std::fill(std::begin(text), std::end(text), '#');
    run.text_capacity = capacity;
    bool isEnough = capacity >= 18;
    EXPECT_EQ(function.run(&run), isEnough ? INGOT_OK : INGOT_TEXT_TOO_SHORT) << capacity;
    EXPECT_EQ(run.text_used, capacity < 6 ? 6u : 18u) << capacity;
    EXPECT_EQ(std::string(text + capacity, text + sizeof text),
              std::string(sizeof text - capacity, '#'));
  }
  EXPECT_EQ(textOf(y[0]), "abababab");
  EXPECT_EQ(textOf(y[1]), "cccc");
  EXPECT_EQ(z[0].data, x[0].data);
  EXPECT_EQ(textOf(c), "constant");
  // A caller of version 1.1, whose struct ends before the text.
  run.size = offsetof(ingot_run, text);
  run.text_used = 77;
  EXPECT_EQ(function.run(&run), INGOT_TEXT_TOO_SHORT);
  EXPECT_EQ(run.text_used, 77u);
}

TEST_F(TextRuns, SessionsGiveRoomAndKeepWhatTheyGiveOut) {
  parse(joins);
  tests::CompiledModule compiled(*module);
  ASSERT_TRUE(compiled.ok()) << compiled.error();
  Session session = *Session::create(compiled.artifact, "f");
  for (size_t length : {1, 10'000, 100}) {
    std::string first(length, 'a'), joined(4 * length, 'a');
    {
      Tensor x = *Tensor::ofTexts({2}, {first, "b"});
      Status ran = session.run(*compiled.state, {x});
      ASSERT_TRUE(ran.isOk()) << ran.message();
    } // the input is gone
    EXPECT_EQ(textAt(session.output(0), 0), joined);
    EXPECT_EQ(textAt(session.output(0), 1), "bbbb");
    EXPECT_EQ(textAt(session.output(1), 0), first);
    EXPECT_EQ(textAt(session.output(2), 0), "constant");
  }
  const int64_t one = 1;
  ingot_string bad = {nullptr, 3};
  Status refused = session.run(*compiled.state, {TensorView{DType::String, 1, &one, &bad}});
  EXPECT_EQ(refused.code(), StatusCode::InvalidArgument);
  EXPECT_THAT(refused.message(), HasSubstr("element 0 has 3 bytes at NULL"));
}

TEST_F(TextRuns, PlanPiecesByTheLongestText) {
  parse(R"mlir(
    func.func @f(%x: tensor<?x!text.string, #graph.dims<[n]>> {graph.shape_symbols = ["longest"]})
        -> (tensor<?x?x!text.string, #graph.dims<[n, longest + 1]>>, tensor<?xsi64, #graph.dims<[n]>>) {
      %p, %c = graph.text_split %x {delimiter = ","} : (tensor<?x!text.string, #graph.dims<[n]>>)
          -> (tensor<?x?x!text.string, #graph.dims<[n, longest + 1]>>, tensor<?xsi64, #graph.dims<[n]>>)
      return %p, %c : tensor<?x?x!text.string, #graph.dims<[n, longest + 1]>>, tensor<?xsi64, #graph.dims<[n]>>
    })mlir");
  tests::CompiledModule compiled(*module);
  ASSERT_TRUE(compiled.ok()) << compiled.error();
  const ingot_function &function = **compiled.artifact->function("f");
  ASSERT_EQ(function.symbol_count, 2);
  EXPECT_EQ(function.sources[1].kind, INGOT_SYMBOL_LONGEST_TEXT);
  Session session = *Session::create(compiled.artifact, "f");
  for (const char *text : {"a,b,c", "", ",,,,,,,"}) {
    Status ran = session.run(*compiled.state, {*Tensor::ofTexts({2}, {text, "x"})});
    ASSERT_TRUE(ran.isOk()) << ran.message();
    EXPECT_EQ(session.output(0).dim(1),
              static_cast<int64_t>(std::max<size_t>(std::string_view(text).size(), 1)) + 1);
    EXPECT_EQ(textAt(session.output(0), session.output(0).dim(1)), "x");
    EXPECT_EQ(session.output(1).data<int64_t>()[0],
              1 + std::count(text, text + std::string_view(text).size(), ','));
  }
}

TEST_F(TextRuns, TextIsNotMadeWhereVariablesChange) {
  parse(R"mlir(
    graph.variable @v {role = "state", value = dense<1.0> : tensor<f32>} : tensor<f32>
    func.func @f(%x: tensor<2x!text.string>, %y: tensor<f32>) -> tensor<2x!text.string> {
      %a = graph.text_concat %x, %x
          : (tensor<2x!text.string>, tensor<2x!text.string>) -> tensor<2x!text.string>
      graph.assign @v, %y : tensor<f32>
      return %a : tensor<2x!text.string>
    })mlir");
  tests::CompiledModule compiled(*module);
  EXPECT_FALSE(compiled.ok());
  EXPECT_THAT(compiled.error(), HasSubstr("makes text"));
}

} // namespace
} // namespace ingot
