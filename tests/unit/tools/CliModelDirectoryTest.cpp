// Saved Keras models through the command line: compiled, inspected, and run with the results that
// the API gives.
#include "frontends/keras/Keras.h"
#include "tests/unit/tools/CliTest.h"
#include <nlohmann/json.hpp>

namespace ingot::test {
namespace {

namespace keras = ingot::keras;
namespace layers = ingot::keras::layers;

class CliModelDirectoryTest : public CliTest {
protected:
  CliModelDirectoryTest() {
    keras::clearSession();
    model = std::make_unique<keras::Sequential>(std::vector<keras::Layer>{
        layers::Conv2D(3, 3, {.activation = "relu", .inputShape = {6, 6, 1}, .name = "conv"}),
        layers::Flatten(), layers::Dense(4, {.activation = "softmax", .name = "scores"})});
    std::vector<float> pixels(2 * 36);
    for (size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = static_cast<float>(i % 7) / 7 - 0.3f;
    write("x.npy", {2, 6, 6, 1}, pixels);
    images = std::move(*Tensor::of<float>({2, 6, 6, 1}, pixels));
  }

  std::unique_ptr<keras::Sequential> model;
  Tensor images;
};

TEST_F(CliModelDirectoryTest, SavedModelGivesTheResultsOfTheApi) {
  Tensor expected = model->predict(images);
  model->save(path("net"));
  ASSERT_TRUE(data::writeNpy(path("expected.npy"), expected).isOk());
  Outcome compiled = ingot("compile net -o net.so");
  ASSERT_EQ(compiled.code, 0) << compiled.err;
  EXPECT_THAT(compiled.err, HasSubstr("predict("));
  EXPECT_THAT(compiled.err, HasSubstr("weights inside"));
  Outcome ran = ingot("run net.so --input @x.npy --expect @expected.npy --threads 2");
  EXPECT_EQ(ran.code, 0) << ran.err;
}

TEST_F(CliModelDirectoryTest, NewestVersionIsTakenOrTheOneThatIsNamed) {
  model->save(path("net"), 1);
  ASSERT_TRUE(data::writeNpy(path("first.npy"), model->predict(images)).isOk());
  model->setWeight("scores/bias", *Tensor::of<float>({4}, {1, 2, 3, 4}));
  model->save(path("net"), 2);
  ASSERT_TRUE(data::writeNpy(path("second.npy"), model->predict(images)).isOk());
  ASSERT_EQ(ingot("compile net -o newest.so").code, 0);
  ASSERT_EQ(ingot("compile net/1").code, 0); // named after the model, not the version
  fs::rename(path("net.so"), path("first.so"));
  EXPECT_EQ(ingot("run newest.so --input @x.npy --expect @second.npy").code, 0);
  EXPECT_EQ(ingot("run first.so --input @x.npy --expect @first.npy").code, 0);
  EXPECT_EQ(ingot("run newest.so --input @x.npy --expect @first.npy").code, 3);
}

TEST_F(CliModelDirectoryTest, FilesOfKerasAreCompiledAndInspected) {
  Tensor expected = model->predict(images);
  ASSERT_TRUE(data::writeNpy(path("expected.npy"), expected).isOk());
  for (const char *name : {"net.keras", "net.h5"}) {
    SCOPED_TRACE(name);
    model->save(path(name));
    Outcome compiled = ingot("compile " + std::string(name) + " -o net.so");
    ASSERT_EQ(compiled.code, 0) << compiled.err;
    EXPECT_EQ(ingot("run net.so --input @x.npy --expect @expected.npy").code, 0);
    auto json = nlohmann::json::parse(ingot("inspect " + std::string(name) + " --json").out);
    EXPECT_EQ(json["kind"], "Keras file");
    EXPECT_EQ(json["metadata"]["keras_version"], "3.15.1");
    EXPECT_EQ(json["metadata"]["model"], "Sequential");
    EXPECT_EQ(json["parameters"], model->countParams());
  }
  model->saveWeights(path("net.weights.h5"));
  EXPECT_THAT(ingot("inspect net.weights.h5").out,
              ::testing::AllOf(HasSubstr("Keras 3 weights (.weights.h5)"),
                               HasSubstr("layers/conv2d/vars/0")));
  Outcome weights = ingot("compile net.weights.h5");
  EXPECT_EQ(weights.code, 2);
  EXPECT_THAT(weights.err, HasSubstr("has weights alone, no model"));
}

TEST_F(CliModelDirectoryTest, DirectoryIsInspectedAndDumped) {
  model->save(path("net"));
  auto json = nlohmann::json::parse(ingot("inspect net --json").out);
  EXPECT_EQ(json["kind"], "model directory");
  EXPECT_EQ(json["parameters"], 30 + 48 * 4 + 4);
  Outcome dot = ingot("dump net --functions predict --format dot");
  EXPECT_EQ(dot.code, 0) << dot.err;
  EXPECT_THAT(dot.out, HasSubstr("conv\\nconv\\nf32 (batch, 4, 4, 3)"));
}

TEST_F(CliModelDirectoryTest, DamagedDirectoryIsAnInputError) {
  model->save(path("net"));
  fs::resize_file(path("net/1/variables.safetensors"), 100);
  Outcome outcome = ingot("compile net -o net.so");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("variables.safetensors"));
  EXPECT_FALSE(fs::exists(path("net.so")));
}

TEST_F(CliModelDirectoryTest, TrainingFunctionsAreCompiledWhenAsked) {
  model->compile({.optimizer = "sgd", .loss = "sparse_categorical_crossentropy"});
  model->save(path("net"));
  Outcome compiled = ingot("compile net --functions all --no-weights -o training.so");
  ASSERT_EQ(compiled.code, 0) << compiled.err;
  EXPECT_THAT(compiled.err, HasSubstr("train_step("));
  Outcome started = ingot("run training.so --function initialize --save-state start.safetensors");
  ASSERT_EQ(started.code, 0) << started.err;
  Outcome ran = ingot("run training.so --input @x.npy --state start.safetensors");
  EXPECT_EQ(ran.code, 0) << ran.err;
}

TEST_F(CliModelDirectoryTest, RecomputationIsAskedForWhereThereIsATrainingStep) {
  model->save(path("untrained"));
  EXPECT_EQ(ingot("compile untrained --functions all --recompute -o no.so").code, 1);
  model->compile({.optimizer = "sgd", .loss = "sparse_categorical_crossentropy"});
  model->save(path("net"));
  Outcome outcome = ingot("compile net --recompute -o no.so");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("--functions all"));
  EXPECT_FALSE(fs::exists(path("no.so")));
  ASSERT_EQ(ingot("compile net --functions all --recompute -o less.so").code, 0);
  EXPECT_EQ(ingot("inspect less.so").code, 0);
}

TEST_F(CliModelDirectoryTest, AllErrorsOfADirectoryAreReported) {
  model->save(path("net"));
  std::string json = contentsOf(path("net/1/model.json"));
  for (auto [from, to] : {std::pair("\"filters\": 3", "\"filters\": -3"),
                          std::pair("\"activation\": \"softmax\"", "\"activation\": \"softmix\"")})
    json.replace(json.find(from), std::string(from).size(), to);
  std::ofstream(path("net/1/model.json")) << json;
  Outcome outcome = ingot("compile net -o net.so");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("filters must be positive, got -3"));
  EXPECT_THAT(outcome.err, HasSubstr("did you mean 'softmax'?"));
  EXPECT_THAT(outcome.err, HasSubstr("2 errors"));
}

} // namespace
} // namespace ingot::test
