// The programs of docs/Guide.md: one function for each code block of the framework guide. What
// stands between `// [name]` and `// [end]` is what Guide.md shows (GuideTest.py compares them);
// main.cpp chooses one by its name and gives it what it learns from.
#pragma once
#include "frontends/keras/Keras.h"

#include <string>

namespace guide {

struct Material {
  /// Where the digits are: empty for Keras's cache; a directory of IDX files or an .npz otherwise.
  std::string digits;
  /// How many of them to take, 0: all.
  int64_t samples = 0;
  /// VGG16's weights: "imagenet", a Keras file, or "none".
  std::string weights = "imagenet";
};

/// Images u8 (samples, 28, 28) and labels u8 (samples,), as many as the material says.
ingot::keras::datasets::Split loadDigits(const Material &material);

// TensorFlow/Keras
void sequentialApi(const Material &);
void functionalApi(const Material &);
void modelSubclassing(const Material &);
void functionalApiAgain(const Material &);
void dataPreprocessing(const Material &);
void training(const Material &);
void gpu(const Material &);
// Callbacks and Monitoring
void kerasCallbacks(const Material &);
// Model Saving and Loading
void kerasSaving(const Material &);
// Transfer Learning
void kerasTransferLearning(const Material &);
// Practice Exercises
void exercise1(const Material &);

} // namespace guide
