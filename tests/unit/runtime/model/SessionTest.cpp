// Running functions: shapes, plans, outputs, failures, threads.
#include "TestFiles.h"
#include "ingot/Model.h"

#include <atomic>
#include <cstring>
#include <thread>

using namespace ingot;

namespace {

Tensor ramp(int64_t rows, int64_t columns, float scale = 1) {
  Tensor tensor = std::move(Tensor::zeros(DType::F32, {rows, columns})).value();
  for (int64_t i = 0; i < rows * columns; ++i)
    tensor.data<float>()[i] = scale * static_cast<float>(i % 17 - 8);
  return tensor;
}

class SessionTest : public testing::Test {
protected:
  void SetUp() override {
    artifact = std::move(Artifact::open(FIXTUREWEIGHTS)).value();
    state = std::move(State::create(artifact)).value();
  }
  Session session(const char *function, const SessionOptions &options = {}) {
    return std::move(Session::create(artifact, function, options)).value();
  }

  std::shared_ptr<const Artifact> artifact;
  std::unique_ptr<State> state;
};

TEST_F(SessionTest, RunsAnyBatchFromOneArtifact) {
  Session predict = session("predict");
  for (int64_t batch : {1, 2, 7, 100, 0, 3}) {
    Tensor x = ramp(batch, 3);
    ASSERT_OK(predict.run(*state, {x}));
    const Tensor &y = predict.output(0);
    ASSERT_EQ(y.shape(), Shape({batch, 2}));
    EXPECT_EQ(predict.symbolValues(), std::vector<int64_t>{batch});
    for (int64_t row = 0; row < batch; ++row) {
      const float *in = x.data<float>() + row * 3;
      EXPECT_EQ(y.data<float>()[row * 2], 0.5f + in[0] * 1 + in[1] * 3 + in[2] * 5);
      EXPECT_EQ(y.data<float>()[row * 2 + 1], -0.5f + in[0] * 2 + in[1] * 4 + in[2] * 6);
    }
  }
  EXPECT_EQ(predict.findOutput("y"), &predict.output(0));
  EXPECT_EQ(predict.findOutput("z"), nullptr);
}

TEST_F(SessionTest, NamesTheInputTheDimensionAndBothSizes) {
  Session predict = session("predict"), train = session("train_step");
  EXPECT_STATUS(predict.run(*state, {ramp(2, 4)}), InvalidArgument,
                "input 'x' of function 'predict': expected f32[batch, 3], got f32[2, 4]: dimension "
                "1 must be 3, is 4");
  EXPECT_STATUS(predict.run(*state, {*Tensor::zeros(DType::F32, {3})}), InvalidArgument,
                "2 dimensions are expected, 1 were given");
  EXPECT_STATUS(predict.run(*state, {*Tensor::zeros(DType::F64, {2, 3})}), InvalidArgument,
                "expected f32[batch, 3], got f64[2, 3]: the element types differ");
  EXPECT_STATUS(train.run(*state, {ramp(4, 3), ramp(5, 2)}), InvalidArgument,
                "input 'target' of function 'train_step': expected f32[batch, 2], got f32[5, 2]: "
                "dimension 0 is 'batch', here 5, but 4 in dimension 0 of input 'x'");
  EXPECT_STATUS(train.run(*state, {ramp(4, 3)}), InvalidArgument,
                "function 'train_step' takes 2 inputs, 1 were given");
  int64_t negative[] = {-1, 3}, two[] = {2, 3};
  EXPECT_STATUS(predict.run(*state, {TensorView{DType::F32, 2, negative, two}}), InvalidArgument,
                "a dimension is negative");
  EXPECT_STATUS(predict.run(*state, {TensorView{DType::F32, 2, two, nullptr}}), InvalidArgument,
                "no data was given");
}

TEST_F(SessionTest, ChecksExtentsThatAreFormulas) {
  Session pairs = session("pairs");
  Tensor a = std::move(Tensor::of<int32_t>({2}, {1, 2})).value();
  Tensor b = std::move(Tensor::of<int32_t>({4}, {10, 20, 30, 40})).value();
  ASSERT_OK(pairs.run(*state, {a, b}));
  EXPECT_EQ(pairs.output(0).data<int32_t>()[1], 72);
  EXPECT_STATUS(pairs.run(*state, {a, a}), InvalidArgument,
                "dimension 0 is 'batch * 2', here 2, must be 4");
}

TEST_F(SessionTest, CarriesWhatARunMadeToTheNext) {
  Session stream = session("accumulate");
  Tensor a = *Tensor::of<int32_t>({2}, {1, 2});
  for (int32_t step = 1; step <= 3; ++step) {
    ASSERT_OK(stream.run(*state, {a}));
    EXPECT_EQ(stream.output(0).data<int32_t>()[0], step);
    EXPECT_EQ(stream.output(0).data<int32_t>()[1], 2 * step);
  }
  EXPECT_STATUS(stream.run(*state, {*Tensor::of<int32_t>({2}, {-1, 0})}), OutOfRange, "embedding");
  ASSERT_OK(stream.run(*state, {a}));
  EXPECT_EQ(stream.output(0).data<int32_t>()[1], 8) << "the failed run left the stream as it was";
  Session other = session("accumulate");
  ASSERT_OK(other.run(*state, {a}));
  EXPECT_EQ(other.output(0).data<int32_t>()[1], 2) << "a session is a stream of its own";
}

TEST_F(SessionTest, OneSessionRunsManyStreams) {
  Session session = this->session("accumulate");
  Tensor a = *Tensor::of<int32_t>({2}, {1, 2}), b = *Tensor::of<int32_t>({1}, {10});
  std::vector<CarriedValue> ofA, ofB;
  for (int32_t step = 1; step <= 3; ++step) {
    session.swapCarried(ofA);
    ASSERT_OK(session.run(*state, {a}));
    EXPECT_EQ(session.output(0).data<int32_t>()[1], 2 * step);
    session.swapCarried(ofA);
    session.swapCarried(ofB);
    ASSERT_OK(session.run(*state, {b}));
    EXPECT_EQ(session.output(0).data<int32_t>()[0], 10 * step);
    session.swapCarried(ofB);
  }
  ofA.clear(); // zeros again
  session.swapCarried(ofA);
  ASSERT_OK(session.run(*state, {a}));
  EXPECT_EQ(session.output(0).data<int32_t>()[1], 2);
}

TEST_F(SessionTest, AStreamStartsAnewWithZerosOrAValue) {
  Session stream = session("accumulate");
  Tensor a = *Tensor::of<int32_t>({2}, {1, 2}), longer = *Tensor::of<int32_t>({3}, {1, 2, 3});
  const TensorView view = longer;
  ASSERT_OK(stream.prepare(&view, 1));
  EXPECT_STATUS(stream.run(*state, {*Tensor::of<int32_t>({3}, {-1, 0, 0})}), OutOfRange,
                "embedding");
  ASSERT_OK(stream.run(*state, {a})); // none succeeded before: the stream has no size yet
  EXPECT_STATUS(stream.run(*state, {longer}), InvalidArgument,
                "a stream keeps its sizes until the session is reset");
  stream.reset();
  ASSERT_OK(stream.run(*state, {longer}));
  EXPECT_EQ(stream.output(0).data<int32_t>()[2], 3);
  ASSERT_OK(stream.setCarried(0, *Tensor::of<int32_t>({2}, {10, 20})));
  ASSERT_OK(stream.run(*state, {a}));
  EXPECT_EQ(stream.output(0).data<int32_t>()[1], 22);
  EXPECT_STATUS(stream.setCarried(1, a), InvalidArgument, "has no carried input 1");
  EXPECT_STATUS(stream.setCarried(0, *Tensor::of<float>({2}, {1, 2})), InvalidArgument,
                "the element types differ");
  EXPECT_STATUS(stream.run(*state, {a, a}), InvalidArgument,
                "takes 1 inputs, 2 were given; the session carries 'total'");
  int32_t own[2] = {};
  ASSERT_OK(stream.setOutputBuffer(0, own, sizeof own));
  stream.reset();
  ASSERT_OK(stream.run(*state, {a}));
  ASSERT_OK(stream.run(*state, {a}));
  EXPECT_EQ(own[1], 4) << "an output in the caller's memory is carried too";
}

TEST_F(SessionTest, SizeConstraintsOfThePlanAreAStatus) {
  Session pairs = session("pairs");
  Tensor a = std::move(Tensor::zeros(DType::I32, {1000001})).value();
  Tensor b = std::move(Tensor::zeros(DType::I32, {2000002})).value();
  EXPECT_STATUS(pairs.run(*state, {a, b}), InvalidArgument,
                "function 'pairs' cannot run with batch = 1000001");
}

TEST_F(SessionTest, AnIndexOutOfRangeNamesTheNode) {
  Session lookup = session("lookup");
  Tensor good = std::move(Tensor::of<int64_t>({2}, {2, 0})).value();
  ASSERT_OK(lookup.run(*state, {good}));
  EXPECT_EQ(lookup.output(0).data<float>()[0], 5.0f);
  Tensor bad = std::move(Tensor::of<int64_t>({2}, {2, 3})).value();
  EXPECT_STATUS(lookup.run(*state, {bad}), OutOfRange, "function 'lookup': embedding: an index");
  ASSERT_OK(lookup.run(*state, {good}));
}

TEST_F(SessionTest, UnknownFunctionsAndForeignStatesAreRefused) {
  EXPECT_STATUS(Session::create(artifact, "fit").status(), NotFound, "no function 'fit'");
  auto other = std::move(Artifact::open(FIXTURELINEAR)).value();
  auto foreign = std::move(State::create(other)).value();
  Session predict = session("predict");
  EXPECT_STATUS(predict.run(*foreign, {ramp(1, 3)}), FailedPrecondition,
                "a state of another artifact");
  // Opening the same file again is the same artifact.
  auto again = std::move(Artifact::open(FIXTUREWEIGHTS)).value();
  auto same = std::move(State::create(again)).value();
  EXPECT_TRUE(predict.run(*same, {ramp(1, 3)}).isOk());
}

TEST_F(SessionTest, ASymbolNoInputDeterminesIsRefused) {
  ingot_function function = *artifact->findFunction("predict");
  const ingot_symbol_source none = {INGOT_SYMBOL_EXTENT, -1, 0};
  function.sources = &none;
  ingot_artifact_table table = artifact->table();
  table.functions = &function;
  table.function_count = 1;
  table.carry_count = 0;
  auto adopted = Artifact::adopt(&table);
  ASSERT_OK(adopted.status());
  EXPECT_STATUS(Session::create(*adopted, "predict").status(), Unsupported,
                "function 'predict': no input has 'batch' as a dimension");
}

std::atomic<int> planCalls{0};
int32_t (*realPlan)(const int64_t *, int64_t *) = nullptr;
int32_t countingPlan(const int64_t *symbols, int64_t *plan) {
  ++planCalls;
  return realPlan(symbols, plan);
}

TEST_F(SessionTest, PlansOnlyWhenShapesChange) {
  ingot_function function = *artifact->findFunction("predict");
  realPlan = function.plan;
  function.plan = countingPlan;
  ingot_artifact_table table = artifact->table();
  table.functions = &function;
  table.function_count = 1;
  table.carry_count = 0;
  auto adopted = std::move(Artifact::adopt(&table)).value();
  auto own = std::move(State::create(adopted)).value();
  Session predict = std::move(Session::create(adopted, "predict")).value();
  planCalls = 0;
  for (int64_t batch : {4, 4, 4, 5, 5, 4})
    ASSERT_OK(predict.run(*own, {ramp(batch, 3)}));
  EXPECT_EQ(planCalls.load(), 3);
}

TEST_F(SessionTest, PrepareTellsTheShapesWithoutRunning) {
  Session train = session("train_step");
  Tensor x = ramp(6, 3), target = ramp(6, 2);
  TensorView inputs[] = {x, target};
  ASSERT_OK(train.prepare(inputs, 2));
  EXPECT_EQ(train.arenaBytes(), 48);
  EXPECT_EQ(train.output(0).rank(), 0);
  EXPECT_EQ(*state->getScalar<int64_t>("optimizer/steps"), 0);
}

TEST_F(SessionTest, WritesToTheCallersMemory) {
  Session predict = session("predict");
  std::vector<float> room(8, -1);
  ASSERT_OK(predict.setOutputBuffer(0, room.data(), 4 * 2 * sizeof(float)));
  Tensor x = ramp(3, 3);
  ASSERT_OK(predict.run(*state, {x}));
  EXPECT_EQ(predict.output(0).data<float>(), room.data());
  EXPECT_EQ(room[6], -1);
  EXPECT_STATUS(predict.run(*state, {ramp(5, 3)}), InvalidArgument,
                "output 'y' of function 'predict': f32[5, 2] needs 40 bytes");
  ASSERT_OK(predict.setOutputBuffer(0, nullptr, 0));
  ASSERT_OK(predict.run(*state, {ramp(5, 3)}));
  EXPECT_TRUE(predict.output(0).ownsMemory());
  EXPECT_STATUS(predict.setOutputBuffer(1, nullptr, 0), InvalidArgument, "has 1 outputs");
}

TEST_F(SessionTest, CancelsBetweenKernelsAndLeavesTheStateAlone) {
  SessionOptions options;
  options.begin = [](void *, int64_t kernel) { return kernel == 1 ? 1 : 0; };
  Session train = session("train_step", options);
  EXPECT_STATUS(train.run(*state, {ramp(4, 3), ramp(4, 2)}), Cancelled, "'train_step'");
  EXPECT_EQ(*state->getScalar<int64_t>("optimizer/steps"), 0);
  train.setOptions({});
  ASSERT_OK(train.run(*state, {ramp(4, 3), ramp(4, 2)}));
  EXPECT_EQ(*state->getScalar<int64_t>("optimizer/steps"), 1);
}

TEST_F(SessionTest, ThreadsDoNotChangeAnyBit) {
  Tensor x = ramp(1000, 3, 0.37f);
  Session serial = session("predict");
  ASSERT_OK(serial.run(*state, {x}));
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    SessionOptions options;
    options.pool = &pool;
    Session parallel = session("predict", options);
    ASSERT_OK(parallel.run(*state, {x}));
    EXPECT_EQ(std::memcmp(parallel.output(0).rawData(), serial.output(0).rawData(),
                          serial.output(0).byteSize()),
              0);
  }
}

TEST_F(SessionTest, ManyThreadsShareOneStateAndDeriveOnce) {
  ThreadPool pool(3);
  SessionOptions options;
  options.pool = &pool;
  for (int round = 0; round < 20; ++round) {
    // Stale on purpose: all callers meet the need to derive at once.
    float value = static_cast<float>(round);
    ASSERT_OK(state->set("dense/kernel", *Tensor::of<float>({3, 2}, std::vector<float>(6, value))));
    std::atomic<int> wrong{0};
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 6; ++caller)
      callers.emplace_back([&] {
        Session predict = session("predict", options);
        Tensor x = std::move(Tensor::of<float>({1, 3}, {1, 1, 1})).value();
        for (int i = 0; i < 5; ++i)
          if (!predict.run(*state, {x}).isOk() ||
              predict.output(0).data<float>()[0] != 3 * value + 0.5f)
            ++wrong;
      });
    for (std::thread &caller : callers)
      caller.join();
    EXPECT_EQ(wrong.load(), 0);
  }
}

TEST_F(SessionTest, ManyThreadsTrainTheirOwnStates) {
  std::vector<float> losses(8);
  std::vector<std::thread> callers;
  for (size_t caller = 0; caller < losses.size(); ++caller)
    callers.emplace_back([&, caller] {
      auto own = std::move(State::create(artifact)).value();
      Session train = session("train_step");
      Tensor x = ramp(16, 3, 0.1f), target = ramp(16, 2, 0.2f);
      for (int step = 0; step < 20; ++step)
        if (!train.run(*own, {x, target}).isOk())
          return;
      losses[caller] = train.output(0).data<float>()[0];
    });
  for (std::thread &caller : callers)
    caller.join();
  for (float loss : losses)
    EXPECT_EQ(loss, losses[0]);
  EXPECT_GT(losses[0], 0);
}

TEST_F(SessionTest, OutlivesEveryOtherHandle) {
  Session predict = session("predict");
  auto own = std::move(State::create(artifact)).value();
  artifact.reset();
  state.reset();
  ASSERT_OK(predict.run(*own, {ramp(2, 3)}));
}

} // namespace
