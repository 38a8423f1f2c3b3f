// Real trained models built with the Keras API and given their weights, against the outputs of ONNX
// Runtime in ../shared/models/refs.
#include "frontends/keras/Keras.h"
#include "frontends/kerasfile/Hdf5File.h"
#include "ingot/data/Npy.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace ingot::test {
namespace {

namespace keras = ingot::keras;
namespace layers = ingot::keras::layers;

const std::string shared = INGOT_SHARED_DIR;

/// The first of the two networks of the speech denoiser DTLN, whose weights Keras 2 wrote.
keras::Model denoiser() {
  auto magnitude = keras::Input({1, 257}, {.name = "magnitude"});
  std::vector<keras::Tensor> inputs = {magnitude}, states;
  keras::Tensor x = magnitude;
  for (const char *name : {"lstm", "lstm_1"}) {
    auto h = keras::Input({128}, {.name = std::string(name) + "_h"}),
         c = keras::Input({128}, {.name = std::string(name) + "_c"});
    inputs.insert(inputs.end(), {h, c});
    auto made = layers::LSTM(128, {.returnSequences = true, .returnState = true, .name = name})
                    .callAll({x, h, c});
    x = made[0];
    states.insert(states.end(), made.begin() + 1, made.end());
  }
  std::vector<keras::Tensor> outputs = {
      layers::Dense(257, {.activation = "sigmoid", .name = "dense"})(x)};
  outputs.insert(outputs.end(), states.begin(), states.end());
  return keras::Model(inputs, outputs, "dtln_1");
}

TEST(KerasModels, DtlnWithItsWeightsMasksAsItsReference) {
  if (!std::filesystem::exists(shared + "/models"))
    GTEST_SKIP() << "../shared/models is not there";
  std::ostringstream bytes;
  bytes << std::ifstream(shared + "/models/dtln_model.h5", std::ios::binary).rdbuf();
  const std::string text = bytes.str();
  kerasfile::Hdf5File file(text);
  keras::Model model = denoiser();
  for (const std::string &name : model.weightNames()) {
    std::string layer = name.substr(0, name.find('/')), weight = name.substr(name.rfind('/') + 1);
    model.setWeight(name, file.read(layer + "/" + layer + "/" + weight + ":0"));
  }
  auto arrays = data::readNpz(shared + "/models/refs/dtln_model_1.npz");
  ASSERT_TRUE(arrays.isOk()) << arrays.status().message();
  const Tensor *frames = data::findTensor(*arrays, "in/input_2"),
               *masks = data::findTensor(*arrays, "out/activation_2");
  ASSERT_TRUE(frames && masks);
  std::vector<Tensor> states;
  for (int i = 0; i < 4; ++i)
    states.push_back(std::move(Tensor::zeros(DType::F32, {1, 128})).value());
  const int64_t steps = frames->dim(0), bins = 257;
  double worst = 0;
  for (int64_t step = 0; step < steps; ++step) {
    const int64_t dims[] = {1, 1, bins};
    train::Arrays inputs = {TensorView{DType::F32, 3, dims, frames->data<float>() + step * bins}};
    inputs.insert(inputs.end(), states.begin(), states.end());
    std::vector<Tensor> made = model.predictAll(inputs);
    for (int64_t i = 0; i < bins; ++i)
      worst = std::max(worst, std::abs(static_cast<double>(made[0].data<float>()[i]) -
                                       static_cast<double>(masks->data<float>()[step * bins + i])));
    for (size_t i = 0; i < states.size(); ++i)
      states[i] = std::move(made[i + 1]);
  }
  EXPECT_EQ(steps, 80);
  EXPECT_LT(worst, 1e-5);
}

} // namespace
} // namespace ingot::test
