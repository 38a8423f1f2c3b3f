// What run.py asks of Ingot: a model file of Keras's loaded, run, trained and saved again.
//
//   KerasRoundTrip convert IN OUT             loads and saves
//   KerasRoundTrip predict IN DATA OUT.npz    outputs `out0`, … for the inputs `x0`, … of DATA.npz
//   KerasRoundTrip evaluate IN DATA           prints `name value` for the loss and each metric
//   KerasRoundTrip train IN DATA STEPS OUT    steps on all of `x0`, …, `y0`, …; prints losses,
//   saves KerasRoundTrip checkpoint IN DATA OUT     fit, whose ModelCheckpoint keeps the best epoch
//   in OUT KerasRoundTrip weights IN FILE OUT        loads IN, gives it the weights of FILE, saves
//   KerasRoundTrip save_weights IN OUT        loads IN, saves its weights alone
#include "frontends/keras/Keras.h"
#include "ingot/data/Npy.h"

#include <cstdio>
#include <iostream>

namespace {

namespace keras = ingot::keras;

std::vector<ingot::TensorView> arrays(const ingot::data::NamedTensors &all, const char *prefix) {
  std::vector<ingot::TensorView> found;
  while (const ingot::Tensor *tensor =
             ingot::data::findTensor(all, prefix + std::to_string(found.size())))
    found.push_back(*tensor);
  return found;
}

ingot::data::NamedTensors readArchive(const std::string &path) {
  auto all = ingot::data::readNpz(path);
  if (!all.isOk())
    throw keras::Error(all.status());
  return std::move(*all);
}

void predict(const std::string &model, const std::string &data, const std::string &out) {
  const auto all = readArchive(data);
  auto outputs = keras::loadModel(model, {.compile = false}).predictAll(arrays(all, "x"));
  std::vector<std::pair<std::string, ingot::TensorView>> named;
  for (size_t i = 0; i < outputs.size(); ++i)
    named.emplace_back("out" + std::to_string(i), outputs[i]);
  if (auto status = ingot::data::writeNpz(out, named); !status.isOk())
    throw keras::Error(status);
}

void train(const std::string &path, const std::string &data, int steps, const std::string &out) {
  const auto all = readArchive(data);
  keras::Model model = keras::loadModel(path);
  const auto x = arrays(all, "x"), y = arrays(all, "y");
  for (int i = 0; i < steps; ++i)
    std::printf("%.9g\n", model.trainOnBatch(x, y)["loss"]);
  model.save(out);
}

void evaluate(const std::string &path, const std::string &data) {
  const auto all = readArchive(data);
  keras::Model model = keras::loadModel(path);
  for (const auto &[name, value] :
       model.evaluate(arrays(all, "x"), arrays(all, "y"), {.verbose = keras::Verbosity::Silent}))
    std::printf("%s %.9g\n", name.c_str(), value);
}

void checkpoint(const std::string &path, const std::string &data, const std::string &out) {
  const auto all = readArchive(data);
  keras::Model model = keras::loadModel(path);
  keras::callbacks::ModelCheckpoint::Options options;
  options.monitor = "val_loss";
  options.saveBestOnly = true;
  options.saveWeightsOnly = out.find(".weights.h5") != std::string::npos;
  keras::callbacks::ModelCheckpoint best(out, options);
  model.fit(arrays(all, "x"), arrays(all, "y"),
            {.batchSize = 8,
             .epochs = 4,
             .verbose = keras::Verbosity::Silent,
             .callbacks = {&best},
             .validationSplit = 0.25});
}

} // namespace

int main(int argc, char **argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::string command = arguments.empty() ? "" : arguments[0];
  try {
    if (command == "convert" && arguments.size() == 3)
      keras::loadModel(arguments[1]).save(arguments[2]);
    else if (command == "predict" && arguments.size() == 4)
      predict(arguments[1], arguments[2], arguments[3]);
    else if (command == "train" && arguments.size() == 5)
      train(arguments[1], arguments[2], std::stoi(arguments[3]), arguments[4]);
    else if (command == "evaluate" && arguments.size() == 3)
      evaluate(arguments[1], arguments[2]);
    else if (command == "checkpoint" && arguments.size() == 4)
      checkpoint(arguments[1], arguments[2], arguments[3]);
    else if (command == "save_weights" && arguments.size() == 3)
      keras::loadModel(arguments[1]).saveWeights(arguments[2]);
    else if (command == "weights" && arguments.size() == 4) {
      keras::Model model = keras::loadModel(arguments[1]);
      model.loadWeights(arguments[2]);
      model.save(arguments[3]);
    } else {
      std::cerr << "KerasRoundTrip: wrong arguments\n";
      return 1;
    }
  } catch (const std::exception &error) {
    std::cerr << error.what() << "\n";
    return 2;
  }
  return 0;
}
