// What the applications share: input shapes, the classifier, pretrained weights.
//
// Invariant: a network that these functions finish has Keras's layer names and weights, by which
// files fit. Called by the networks' files beside this one.
#pragma once
#include "frontends/keras/Applications.h"
#include "frontends/keras/Layers.h"

namespace ingot::keras::applications {

/// A file of Keras's servers.
struct PretrainedFile {
  std::string name, origin, hash; // hash: MD5, empty where Keras has none
};

/// Keras's rules: what the input is for these options, whose shape it fills in and checks.
Shape inputShapeFor(const Options &options, const std::string &network, int64_t defaultSize);

/// Throws for options that cannot be meant.
void checkOptions(const Options &options, const std::string &network);

/// What follows the last images: the classifier, or the pooling that was asked for.
struct TopNames {
  std::string averagePool = "avg_pool", maxPool = "max_pool"; // empty: automatic
};
Tensor poolWithoutTop(const Tensor &x, const Options &options, const TopNames &names = {});

/// The model of these tensors with the weights that the options ask for.
Model finish(const Tensor &input, const Tensor &output, const Options &options,
             const std::string &name, const PretrainedFile &pretrained);

/// Zeros that make a "valid" convolution of stride 2 see what Keras's "same" one would of the
/// original networks: {top and bottom, left and right}.
layers::Margins<2> correctPad(const Tensor &x, int64_t kernel);

/// WordNet's name and the description of each of ImageNet's 1000 classes.
using ClassNames = std::vector<std::pair<std::string, std::string>>;
/// Reads imagenet_class_index.json. DataLoss.
ClassNames readClassNames(const std::string &path);
/// decodePredictions with these names; the predictions fit.
std::vector<std::vector<Prediction>> decode(const TensorView &predictions, int64_t top,
                                            const ClassNames &names);

} // namespace ingot::keras::applications
