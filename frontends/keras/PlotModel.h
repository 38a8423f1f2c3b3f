// Pictures of models: Keras's keras.utils.plot_model and model_to_dot. Part of Keras.h.
#pragma once
#include "frontends/keras/Model.h"

namespace ingot::keras::utils {

struct ModelToDotOptions {
  bool showShapes = false;
  bool showDtype = false;
  bool showLayerNames = true;
  std::string rankdir = "TB"; ///< or "LR": from left to right
  bool expandNested = false;  ///< models in the model as clusters of their layers
  int64_t dpi = 200;
  bool showLayerActivations = false;
  bool showTrainable = false;
};
/// The model's graph in Graphviz's language, as Keras draws it.
std::string modelToDot(const Model &model, const ModelToDotOptions &options = {});

struct PlotModelOptions {
  std::string toFile = "model.png"; ///< .png, .svg, .pdf, …: any format of Graphviz; .dot: the text
  bool showShapes = false;
  bool showDtype = false;
  bool showLayerNames = false;
  std::string rankdir = "TB";
  bool expandNested = false;
  int64_t dpi = 200;
  bool showLayerActivations = false;
  bool showTrainable = false;
};
/// Draws the model into a file. Throws Error when Graphviz is not installed, when the model's
/// shapes are not known yet, or when the file cannot be written, which then stays as it was.
void plotModel(const Model &model, const PlotModelOptions &options = {});

} // namespace ingot::keras::utils
