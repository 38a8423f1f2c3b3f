// `ingot quantize`: convolutions and products on integers, ranges from samples.
#include "tests/support/OnnxModel.h"
#include "tests/unit/tools/CliTest.h"
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <regex>

namespace ingot::test {
namespace {

using nlohmann::json;

std::vector<float> normal(size_t count, unsigned seed, float scale) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution(0, scale);
  std::vector<float> values(count);
  for (float &value : values)
    value = distribution(random);
  return values;
}

class CliQuantizeTest : public CliTest {
protected:
  /// Two convolutions around a residual sum, a pool, and a Gemm, on f32[batch, 3, 12, 12].
  void writeNetwork() {
    OnnxModel model(17);
    model.input("x", {"batch", "3", "12", "12"}).output("y", {"batch", "10"});
    model.weight("w1", {20, 3, 3, 3}, normal(540, 1, 0.2F)).weight("b1", {20}, normal(20, 2, 0.1F));
    model.weight("w2", {20, 20, 3, 3}, normal(3600, 3, 0.08F))
        .weight("b2", {20}, normal(20, 4, 0.1F));
    model.weight("w3", {20, 10}, normal(200, 5, 0.3F)).weight("b3", {10}, normal(10, 6, 0.1F));
    OnnxModel::attribute(model.node("Conv", {"x", "w1", "b1"}, {"c1"}, "first"), "pads",
                         {1, 1, 1, 1});
    model.node("Relu", {"c1"}, {"r1"}, "relu1");
    OnnxModel::attribute(model.node("Conv", {"r1", "w2", "b2"}, {"c2"}, "second"), "pads",
                         {1, 1, 1, 1});
    model.node("Add", {"c2", "r1"}, {"s"}, "join");
    model.node("Relu", {"s"}, {"r2"}, "relu2");
    model.node("GlobalAveragePool", {"r2"}, {"g"}, "pool");
    model.node("Flatten", {"g"}, {"f"}, "flatten");
    model.node("Gemm", {"f", "w3", "b3"}, {"y"}, "dense");
    model.save(path("net.onnx"));
    write("x.npy", {24, 3, 12, 12}, normal(24 * 432, 7, 1));
  }
  json quantize(const std::string &arguments) {
    Outcome outcome = ingot("quantize net.onnx -o q.onnx --json --data x=@x.npy " + arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return json::parse(outcome.out, nullptr, false);
  }
};

TEST_F(CliQuantizeTest, IntegersAreCloseToTheFloatsAndAloneBetweenConvolutions) {
  writeNetwork();
  json report = quantize("");
  EXPECT_EQ(report["quantized_nodes"], 3);
  EXPECT_EQ(report["samples"], 24);
  EXPECT_GT(report["outputs"][0]["sqnr_db"], 25.0);
  for (const json &tensor : report["tensors"])
    EXPECT_GT(tensor["sqnr_db"], 25.0) << tensor;

  ::onnx::ModelProto model = OnnxModel::load(path("q.onnx"));
  for (const auto &tensor : model.graph().initializer())
    EXPECT_TRUE(tensor.data_type() != ::onnx::TensorProto::FLOAT || tensor.dims_size() <= 1)
        << tensor.name() << " is still f32";

  Outcome dump = ingot("dump q.onnx --phase fuse");
  ASSERT_EQ(dump.code, 0) << dump.err;
  // What kernels make in predict: bytes, but for the mean and the result.
  std::string predict = dump.out.substr(dump.out.find("@predict"));
  std::regex kernel("exec\\.kernel [^\\n]*-> (tensor<[^\\n]*) \\{");
  int images = 0;
  for (std::sregex_iterator it(predict.begin(), predict.end(), kernel), end; it != end; ++it) {
    std::string type = (*it)[1];
    if (type.find("x12x12x") == std::string::npos && type.find("x14x14x") == std::string::npos)
      continue;
    ++images;
    EXPECT_THAT(type, HasSubstr("xi8")) << it->str();
    EXPECT_THAT(type, Not(HasSubstr("f32"))) << it->str();
  }
  EXPECT_GE(images, 2);

  ASSERT_EQ(ingot("compile net.onnx -o f.so").code, 0);
  ASSERT_EQ(ingot("compile q.onnx -o q.so").code, 0);
  ASSERT_EQ(ingot("run f.so --input x=@x.npy --output y=@f.npy").code, 0);
  ASSERT_EQ(ingot("run q.so --input x=@x.npy --output y=@q.npy").code, 0);
  std::vector<float> exact = read("f.npy"), rounded = read("q.npy");
  ASSERT_EQ(exact.size(), rounded.size());
  double signal = 0, noise = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    signal += exact[i] * exact[i];
    noise += (exact[i] - rounded[i]) * (exact[i] - rounded[i]);
  }
  EXPECT_NEAR(10 * std::log10(signal / noise), report["outputs"][0]["sqnr_db"], 0.5);
  EXPECT_GT(noise, 0);
}

TEST_F(CliQuantizeTest, SkippedNodesStayAndMethodsCut) {
  writeNetwork();
  json all = quantize("");
  EXPECT_EQ(quantize("--skip first --skip dense")["quantized_nodes"], 1);
  auto widthOf = [](const json &report) {
    const json &tensor = report["tensors"][0];
    return tensor["high"].get<double>() - tensor["low"].get<double>();
  };
  json cut = quantize("--method percentile --percentile 99");
  EXPECT_EQ(cut["tensors"][0]["name"], "x");
  EXPECT_LT(widthOf(cut), 0.8 * widthOf(all));
  EXPECT_LT(widthOf(quantize("--method entropy")), widthOf(all));
  EXPECT_GT(quantize("--activations i8 --per-tensor")["outputs"][0]["sqnr_db"], 20.0);
}

TEST_F(CliQuantizeTest, SamplesAreReadFromArchivesAndDirectories) {
  writeNetwork();
  json one = quantize("--samples 16");
  EXPECT_EQ(one["samples"], 16);
  fs::create_directory(path("images"));
  std::vector<float> values = read("x.npy");
  for (int i = 0; i < 3; ++i)
    write("images/" + std::to_string(i) + ".npy", {8, 3, 12, 12},
          {values.begin() + i * 8 * 432, values.begin() + (i + 1) * 8 * 432});
  Outcome outcome = ingot("quantize net.onnx -o d.onnx --json --data images");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  json fromDirectory = json::parse(outcome.out);
  EXPECT_EQ(fromDirectory["samples"], 24);
  EXPECT_EQ(fromDirectory["tensors"][0]["high"], quantize("")["tensors"][0]["high"]);
}

TEST_F(CliQuantizeTest, MistakesAreNamed) {
  writeNetwork();
  Outcome outcome = ingot("quantize net.onnx --data x=@x.npy --skip secnd");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("no node `secnd`"));
  EXPECT_THAT(outcome.err, HasSubstr("did you mean `second`?"));
  outcome = ingot("quantize net.onnx --data z=@x.npy");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("no input `z`"));
  outcome = ingot("quantize net.onnx --data x.npy");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("NAME=@FILE.npy"));
  outcome = ingot("quantize net.onnx --data x=@x.npy --skip first --skip second --skip dense");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("nothing to quantize"));
  OnnxModel old(11);
  old.input("x", {"2", "3", "4"}).output("y", {"2", "3", "4"});
  OnnxModel::attribute(old.node("Softmax", {"x"}, {"y"}, "soft"), "axis", 1);
  old.save(path("old.onnx"));
  outcome = ingot("quantize old.onnx --data x=@x.npy");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("node `soft` (Softmax)"));
  EXPECT_THAT(outcome.err, HasSubstr("version_converter"));
}

/// The share of rows whose largest element is at their label.
double accuracy(const std::vector<float> &scores, const Tensor &labels) {
  int64_t right = 0, count = labels.elementCount();
  for (int64_t i = 0; i < count; ++i) {
    auto row = scores.begin() + i * 10;
    right += std::max_element(row, row + 10) - row == labels.data<uint8_t>()[i];
  }
  return static_cast<double>(right) / static_cast<double>(count);
}

TEST_F(CliQuantizeTest, DigitsAreReadAsWellAsBefore) {
  const std::string shared = INGOT_SHARED_DIR, model = shared + "/models/mnist_cntk.onnx",
                    archive = shared + "/data/mnist.npz";
  if (!fs::exists(model) || !fs::exists(archive))
    GTEST_SKIP() << "the trained model and MNIST are not in " << shared;
  auto arrays = data::readNpz(archive, {"x_test", "y_test", "x_train"});
  ASSERT_TRUE(arrays.isOk()) << arrays.status().message();
  auto arrayOf = [&](const std::string &name) -> const Tensor & {
    return std::find_if(arrays->begin(), arrays->end(),
                        [&](const auto &entry) { return entry.first == name; })
        ->second;
  };
  auto asFloats = [&](const std::string &name, const Tensor &bytes, int64_t count) {
    const uint8_t *from = bytes.data<uint8_t>();
    write(name, {count, 1, 1, 28, 28}, std::vector<float>(from, from + count * 784));
  };
  asFloats("test.npy", arrayOf("x_test"), 10000);
  asFloats("train.npy", arrayOf("x_train"), 256);
  Outcome outcome = ingot("quantize " + model + " -o q.onnx --data Input3=@train.npy --json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(json::parse(outcome.out)["quantized_nodes"], 3);
  double before = 0, after = 0;
  for (auto [file, result] :
       {std::pair(model, &before), std::pair(std::string("q.onnx"), &after)}) {
    ASSERT_EQ(ingot("compile " + file + " -o m.so").code, 0);
    Outcome run =
        ingot("run m.so --steps 10000 --input Input3=@test.npy --output Plus214_Output_0=@y.npy");
    ASSERT_EQ(run.code, 0) << run.err;
    *result = accuracy(read("y.npy"), arrayOf("y_test"));
  }
  EXPECT_GT(before, 0.98);
  EXPECT_GE(after, before - 0.005);
  RecordProperty("accuracy", std::to_string(after));
}

} // namespace
} // namespace ingot::test
