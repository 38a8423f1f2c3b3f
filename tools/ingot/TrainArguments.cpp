// See TrainArguments.h.
#include "tools/ingot/TrainArguments.h"
#include "llvm/ADT/StringRef.h"
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ingot::cli {
namespace {

/// adam:learning_rate=1e-3,beta_1=0.8
keras::Optimizer parseOptimizer(const std::string &text) {
  auto [name, rest] = llvm::StringRef(text).split(':');
  llvm::SmallVector<llvm::StringRef> parts;
  rest.split(parts, ',', -1, false);
  keras::Arguments config;
  for (llvm::StringRef part : parts) {
    auto [key, value] = part.split('=');
    double number = 0;
    if (value == "true" || value == "false")
      number = value == "true";
    else if (key.empty() || value.getAsDouble(number))
      throw Failure(kUsage, "`" + part.str() + "` for --optimizer is not OPTION=NUMBER",
                    "as in --optimizer adam:learning_rate=1e-3,beta_1=0.8");
    config.emplace_back(key.str(), number);
  }
  return keras::Optimizer(name.str(), config);
}

/// All optimizers that text can say: not the one that wraps another.
std::vector<std::string> trainableWith() {
  std::vector<std::string> names = keras::optimizerNames();
  llvm::erase(names, "lossscaleoptimizer");
  return names;
}

} // namespace

std::optional<keras::TrainModuleOptions> TrainArguments::parse() const {
  if (!isAsked)
    return std::nullopt;
  if (loss.empty())
    throw Failure(kUsage, "--train needs a loss", "for example --loss mean_squared_error");
  keras::TrainModuleOptions options;
  try {
    options.loss = keras::Loss(loss);
    options.optimizer = parseOptimizer(optimizer);
    options.metrics.assign(metrics.begin(), metrics.end());
  } catch (const keras::Error &error) {
    throw Failure(kUsage, error.what());
  }
  options.output = prediction;
  options.trainable = trainable;
  options.freeze = freeze;
  if (!predictionIs.empty())
    options.isLogits = predictionIs == "logits";
  if (batchNormMomentum >= 0)
    options.batchNormMomentum = batchNormMomentum;
  return options;
}

void addTrainOptions(CLI::App &command, TrainArguments &arguments) {
  CLI::Option *train = command.add_flag(
      "--train", arguments.isAsked,
      "Also make train_step, evaluate and initialize, which train the model's parameters");
  auto option = [&](const char *name, auto &value, const std::string &help) {
    return command.add_option(name, value, help)->needs(train)->group("Training");
  };
  train->group("Training");
  option("--loss", arguments.loss,
         "One of Keras's by name: sparse_categorical_crossentropy, categorical_crossentropy, "
         "binary_crossentropy, mean_squared_error, mean_absolute_error, huber, …");
  option("--optimizer", arguments.optimizer,
         fmt::format("{}, with Keras's options: sgd:momentum=0.9,nesterov=true",
                     fmt::join(trainableWith(), ", ")))
      ->capture_default_str();
  option("--metrics", arguments.metrics,
         "Reported beside the loss, Keras's by name: accuracy, mse, mae, auc, …")
      ->delimiter(',');
  option("--prediction", arguments.prediction,
         "The output that the loss is of, where there are several");
  option("--prediction-is", arguments.predictionIs,
         "What a cross-entropy takes it for; default: probabilities where a Softmax (or, for "
         "binary_crossentropy, a Sigmoid) makes it, else logits")
      ->check(CLI::IsMember({"logits", "probabilities"}));
  option("--trainable", arguments.trainable,
         "Train only the parameters that this pattern matches ('fc.*'); may be repeated");
  option("--freeze", arguments.freeze,
         "Keep the parameters that this pattern matches ('layer1.*'); may be repeated");
  option("--train-batch-norm", arguments.batchNormMomentum,
         "Batch normalisation by each batch's statistics; the stored ones keep this share of their "
         "value at each step. Default: they serve as in inference and stay")
      ->check(CLI::Range(0.0, 1.0));
}

std::string describe(const TrainArguments &arguments, const keras::TrainModuleReport &report) {
  return fmt::format("{} of `{}` ({}), {}; {} parameters trained, {} kept", arguments.loss,
                     report.output, report.meaning, arguments.optimizer, report.trained.size(),
                     report.kept.size());
}

} // namespace ingot::cli
