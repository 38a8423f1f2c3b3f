// Variables: by name, from and to files, derived data, and who may use a state at once.
#include "TestFiles.h"
#include "ingot/Model.h"
#include "runtime/model/Safetensors.h"

using namespace ingot;

namespace {

const std::vector<float> kernelValues = {1, 2, 3, 4, 5, 6};

class StateTest : public FileTest {
protected:
  void SetUp() override {
    FileTest::SetUp();
    artifact = std::move(Artifact::open(FIXTURELINEAR)).value();
    weighted = std::move(Artifact::open(FIXTUREWEIGHTS)).value();
    state = std::move(State::create(artifact)).value();
  }

  Status setKernel(State &target, const std::vector<float> &values = kernelValues) {
    return target.set("dense/kernel", *Tensor::of<float>({3, 2}, values));
  }

  /// predict of [1, 10, 100] with the state as it is.
  std::vector<float> predict(State &target) {
    auto session = Session::create(target.artifact(), "predict");
    Tensor x = std::move(Tensor::of<float>({1, 3}, {1, 10, 100})).value();
    Status ran = session->run(target, {x});
    EXPECT_TRUE(ran.isOk()) << ran.message();
    const float *y = session->output(0).data<float>();
    return ran.isOk() ? std::vector<float>(y, y + 2) : std::vector<float>();
  }

  std::string writeWeights(const std::string &name, const Tensor &kernel,
                           std::vector<NamedTensor> more = {}) {
    static const float bias[] = {0.5f, -0.5f};
    static const int64_t biasShape[] = {2};
    more.push_back({"dense/kernel", kernel});
    more.push_back({"dense/bias", {DType::F32, 1, biasShape, bias}});
    Status status = writeSafetensors(path(name), more, {});
    EXPECT_TRUE(status.isOk()) << status.message();
    return path(name);
  }

  std::shared_ptr<const Artifact> artifact, weighted;
  std::unique_ptr<State> state;
};

TEST_F(StateTest, StartsAtZeroOrWithTheArtifactsWeights) {
  EXPECT_EQ(predict(*state), (std::vector<float>{0, 0}));
  auto own = State::create(weighted);
  ASSERT_OK(own.status());
  EXPECT_EQ(predict(**own), (std::vector<float>{531.5f, 641.5f}));
}

TEST_F(StateTest, SetsAndGetsByName) {
  ASSERT_OK(setKernel(*state));
  auto kernel = state->get("dense/kernel");
  ASSERT_OK(kernel.status());
  EXPECT_EQ(kernel->shape(), Shape({3, 2}));
  EXPECT_EQ(kernel->data<float>()[5], 6.0f);
  ASSERT_OK(state->setScalar("optimizer/learning_rate", 0.25f));
  EXPECT_EQ(*state->getScalar<float>("optimizer/learning_rate"), 0.25f);
  EXPECT_STATUS(state->getScalar<double>("optimizer/learning_rate").status(), InvalidArgument,
                "is f32[], not a scalar f64");
  EXPECT_STATUS(state->getScalar<float>("dense/bias").status(), InvalidArgument, "is f32[2]");
}

TEST_F(StateTest, RefusesValuesThatDoNotFit) {
  EXPECT_STATUS(state->set("dense/kernel", *Tensor::zeros(DType::F32, {2, 3})), InvalidArgument,
                "variable 'dense/kernel' is f32[3, 2], the value is f32[2, 3]");
  EXPECT_STATUS(state->set("dense/kernel", *Tensor::zeros(DType::F64, {3, 2})), InvalidArgument,
                "the value is f64[3, 2]");
  EXPECT_STATUS(state->set("dense/kernel", *Tensor::zeros(DType::F32, {})), InvalidArgument,
                "the value is f32[]");
  EXPECT_STATUS(state->set("kernel", *Tensor::zeros(DType::F32, {3, 2})), NotFound,
                "no variable 'kernel' in model 'linear'");
  const int64_t dims[] = {3, 2};
  EXPECT_STATUS(state->set("dense/kernel", TensorView{DType::F32, 2, dims, nullptr}),
                InvalidArgument, "no value was given");
}

TEST_F(StateTest, DerivedDataFollowsTheVariables) {
  ASSERT_OK(setKernel(*state));
  EXPECT_EQ(predict(*state), (std::vector<float>{531, 642}));
  uint64_t version = state->version();
  ASSERT_OK(setKernel(*state, {0, 0, 0, 0, 1, 2}));
  EXPECT_GT(state->version(), version);
  EXPECT_EQ(predict(*state), (std::vector<float>{100, 200}));
  ASSERT_OK(state->derive());
  EXPECT_EQ(predict(*state), (std::vector<float>{100, 200}));
}

TEST_F(StateTest, DerivedDataFollowsATrainingStep) {
  ASSERT_OK(setKernel(*state));
  ASSERT_OK(state->setScalar("optimizer/learning_rate", 0.5f));
  EXPECT_EQ(predict(*state), (std::vector<float>{531, 642}));
  auto train = Session::create(artifact, "train_step");
  ASSERT_OK(train.status());
  Tensor x = std::move(Tensor::of<float>({1, 3}, {1, 0, 0})).value();
  Tensor target = std::move(Tensor::of<float>({1, 2}, {0, 0})).value();
  ASSERT_OK(train->run(*state, {x, target}));
  // loss = (1^2 + 2^2) / 2; the first row of the kernel and the bias lose half of 1 and 2.
  EXPECT_EQ(train->output(0).data<float>()[0], 2.5f);
  EXPECT_EQ(predict(*state), (std::vector<float>{530, 640}));
  EXPECT_EQ(*state->getScalar<int64_t>("optimizer/steps"), 1);
}

TEST_F(StateTest, AFunctionWithoutInputsInitializes) {
  auto initialize = Session::create(artifact, "initialize");
  ASSERT_OK(initialize.status());
  EXPECT_EQ(predict(*state), (std::vector<float>{0, 0}));
  ASSERT_OK(initialize->run(*state, {}));
  EXPECT_EQ(initialize->outputCount(), 0u);
  EXPECT_EQ(predict(*state), (std::vector<float>{531.5f, 641.5f}));
}

TEST_F(StateTest, BindsFromSafetensors) {
  Tensor kernel = std::move(Tensor::of<float>({3, 2}, kernelValues)).value();
  ASSERT_OK(state->setScalar("optimizer/steps", int64_t{9}));
  ASSERT_OK(state->bind(writeWeights("w.safetensors", kernel)));
  EXPECT_EQ(predict(*state), (std::vector<float>{531.5f, 641.5f}));
  EXPECT_EQ(*state->getScalar<int64_t>("optimizer/steps"), 9); // not in the file: kept
}

TEST_F(StateTest, BindingIsAllOrNothing) {
  Tensor kernel = std::move(Tensor::of<float>({3, 2}, kernelValues)).value();
  Tensor narrow = std::move(Tensor::zeros(DType::F32, {3, 1})).value();
  std::string good = writeWeights("good", kernel);
  ASSERT_OK(state->bind(good));
  uint64_t version = state->version();
  EXPECT_STATUS(state->bind(writeWeights("narrow", narrow)), InvalidArgument,
                "variable 'dense/kernel' is f32[3, 2], the tensor in '" + path("narrow") +
                    "' is f32[3, 1]");
  EXPECT_STATUS(state->bind(good, BindOptions{true, false, false}), NotFound,
                "has no tensor 'optimizer/learning_rate' (f32[])");
  std::string extra = writeWeights("extra", kernel, {{"dense/gamma", narrow}});
  EXPECT_STATUS(state->bind(extra), InvalidArgument, "has a tensor 'dense/gamma', model 'linear'");
  ASSERT_OK(writeSafetensors(path("partial"), {{"dense/kernel", kernel}}, {}));
  EXPECT_STATUS(state->bind(path("partial")), NotFound, "has no tensor 'dense/bias' (f32[2])");
  EXPECT_STATUS(state->bind(path("absent")), NotFound, "absent");
  EXPECT_EQ(state->version(), version);
  EXPECT_EQ(predict(*state), (std::vector<float>{531.5f, 641.5f}));
  EXPECT_TRUE(state->bind(extra, BindOptions{false, false, true}).isOk());
  EXPECT_TRUE(state->bind(path("partial"), BindOptions{false, true, false}).isOk());
}

TEST_F(StateTest, SavesAndRestoresEverything) {
  ASSERT_OK(setKernel(*state));
  ASSERT_OK(state->setScalar("optimizer/steps", int64_t{7}));
  SaveOptions options;
  options.metadata = {{"epoch", "3"}};
  ASSERT_OK(state->save(path("s"), options));
  auto other = std::move(State::create(artifact)).value();
  ASSERT_OK(other->bind(path("s"), BindOptions{true, false, false}));
  EXPECT_EQ(*other->getScalar<int64_t>("optimizer/steps"), 7);
  EXPECT_EQ(predict(*other), predict(*state));
  EXPECT_EQ(SafetensorsFile::open(path("s"))->metadata(), options.metadata);
}

TEST_F(StateTest, SavesWeightsAlone) {
  SaveOptions options;
  options.weightsOnly = true;
  ASSERT_OK(state->save(path("s"), options));
  auto file = SafetensorsFile::open(path("s"));
  ASSERT_OK(file.status());
  EXPECT_EQ(file->entries().size(), 2u);
  EXPECT_EQ(file->find("optimizer/steps"), nullptr);
}

TEST_F(StateTest, SavingFailsWithoutDamage) {
  EXPECT_STATUS(state->save(path("no/such/place")), NotFound, "no/such/place");
  EXPECT_TRUE(std::filesystem::is_empty(directory));
}

TEST_F(StateTest, AReadOnlyStateRunsInPlaceAndRefusesWrites) {
  EXPECT_STATUS(State::readOnly(artifact).status(), FailedPrecondition, "carries no weights");
  auto shared = std::move(State::readOnly(weighted)).value();
  EXPECT_TRUE(shared->isReadOnly());
  EXPECT_EQ(predict(*shared), (std::vector<float>{531.5f, 641.5f}));
  EXPECT_STATUS(setKernel(*shared), FailedPrecondition, "it is read-only");
  Tensor kernel = std::move(Tensor::of<float>({3, 2}, kernelValues)).value();
  EXPECT_STATUS(shared->bind(writeWeights("w", kernel)), FailedPrecondition, "it is read-only");
  auto train = Session::create(weighted, "train_step");
  Tensor x = std::move(Tensor::zeros(DType::F32, {1, 3})).value();
  Tensor target = std::move(Tensor::zeros(DType::F32, {1, 2})).value();
  EXPECT_STATUS(train->run(*shared, {x, target}), FailedPrecondition,
                "function 'train_step' cannot use the state: it is read-only");
  EXPECT_TRUE(shared->save(path("s")).isOk());
}

/// While a function runs (seen from inside its `begin`), what may others do with its state?
class Others {
public:
  explicit Others(State &state) : state(state) {}
  static int begin(void *user, int64_t) {
    auto *self = static_cast<Others *>(user);
    auto session = Session::create(self->state.artifact(), "predict");
    auto trainer = Session::create(self->state.artifact(), "train_step");
    Tensor x = std::move(Tensor::zeros(DType::F32, {1, 3})).value();
    Tensor target = std::move(Tensor::zeros(DType::F32, {1, 2})).value();
    self->predict = session->run(self->state, {x});
    self->train = trainer->run(self->state, {x, target});
    self->set = self->state.setScalar("optimizer/steps", int64_t{1});
    self->get = self->state.get("dense/bias").status();
    return 0;
  }
  State &state;
  Status predict, train, set, get;
};

TEST_F(StateTest, ReadersShareAndKeepWritersOut) {
  Others others(*state);
  SessionOptions options;
  options.begin = &Others::begin;
  options.user = &others;
  auto session = Session::create(artifact, "predict", options);
  Tensor x = std::move(Tensor::zeros(DType::F32, {1, 3})).value();
  ASSERT_OK(session->run(*state, {x}));
  EXPECT_TRUE(others.predict.isOk());
  EXPECT_TRUE(others.get.isOk());
  EXPECT_STATUS(others.train, FailedPrecondition, "other threads are reading it");
  EXPECT_STATUS(others.set, FailedPrecondition, "setting variable 'optimizer/steps' cannot use");
}

TEST_F(StateTest, AWriterHasTheStateForItself) {
  Others others(*state);
  SessionOptions options;
  options.begin = &Others::begin;
  options.user = &others;
  auto session = Session::create(artifact, "train_step", options);
  Tensor x = std::move(Tensor::zeros(DType::F32, {1, 3})).value();
  Tensor target = std::move(Tensor::zeros(DType::F32, {1, 2})).value();
  ASSERT_OK(session->run(*state, {x, target}));
  EXPECT_STATUS(others.predict, FailedPrecondition, "another thread is writing it");
  EXPECT_STATUS(others.train, FailedPrecondition, "another thread is writing it");
  EXPECT_STATUS(others.get, FailedPrecondition, "reading variable 'dense/bias' cannot use");
  EXPECT_FALSE(others.set.isOk());
  ASSERT_OK(state->setScalar("optimizer/steps", int64_t{1})); // and it is free afterwards
}

} // namespace
