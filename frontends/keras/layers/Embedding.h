// Layers that sequences begin with: Embedding, ReversibleEmbedding, Masking. Part of Layers.h.
//
// A mask says where a sequence has values: layers that stand for one value at a time pass it on,
// recurrent layers skip what it leaves out, attention does not look at it.
#pragma once
#include "frontends/keras/layers/Options.h"

namespace ingot::keras::layers {

struct EmbeddingOptions {
  Initializer embeddingsInitializer = "uniform";
  Regularizer embeddingsRegularizer = {};
  Constraint embeddingsConstraint = {};
  bool maskZero = false; ///< index 0 is no value: the result has a mask
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// (…) of indices 0 … inputDim - 1 -> (…, outputDim): rows of its weight `embeddings`. Floats are
/// cut to integers; an index outside makes the run fail, naming the layer.
struct Embedding : Layer {
  Embedding(int64_t inputDim, int64_t outputDim, EmbeddingOptions options = {});
};

struct ReversibleEmbeddingOptions {
  bool tieWeights = true; ///< one weight for both ways; else a second one, `reverse_embeddings`
  Initializer embeddingsInitializer = "uniform";
  Regularizer embeddingsRegularizer = {};
  Constraint embeddingsConstraint = {};
  bool maskZero = false;
  std::string reverseDtype = {};           ///< of the way back; empty: as everything else
  std::optional<double> logitSoftCap = {}; ///< scores are cap * tanh(score / cap)
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// An Embedding that also goes back: called with `{.reverse = true}` it gives for (…, outputDim)
/// the scores of all indices, (…, inputDim).
struct ReversibleEmbedding : Layer {
  ReversibleEmbedding(int64_t inputDim, int64_t outputDim, ReversibleEmbeddingOptions options = {});
};

struct MaskingOptions {
  double maskValue = 0;
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// Steps of which every feature is `maskValue` are masked out, and zero in the result.
struct Masking : Layer {
  explicit Masking(MaskingOptions options = {});
};

} // namespace ingot::keras::layers
