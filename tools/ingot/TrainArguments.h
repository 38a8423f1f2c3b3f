// The options of `ingot compile --train`: loss, optimizer, and which parameters are trained.
#pragma once
#include "frontends/keras/TrainModule.h"
#include "tools/ingot/Cli.h"
#include <memory>

namespace ingot::cli {

struct TrainArguments {
  bool isAsked = false;
  std::string loss, optimizer = "adam", prediction, predictionIs;
  std::vector<std::string> metrics, trainable, freeze;
  double batchNormMomentum = -1;

  /// What they mean; nothing without --train. Throws a usage error.
  std::optional<keras::TrainModuleOptions> parse() const;
};

void addTrainOptions(CLI::App &command, TrainArguments &arguments);

/// "sparse_categorical_crossentropy of `fc` (logits), adam; 62 parameters trained, 40 kept"
std::string describe(const TrainArguments &arguments, const keras::TrainModuleReport &report);

} // namespace ingot::cli
