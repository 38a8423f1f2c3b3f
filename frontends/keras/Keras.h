// Keras's API in C++: the one header to include.
//
//   namespace keras = ingot::keras;
//   namespace layers = keras::layers;
//   keras::Sequential model({
//       layers::Dense(128, {.activation = "relu", .inputShape = {784}, .name = "hidden1"}),
//       layers::Dropout(0.2),
//       layers::Dense(10, {.activation = "softmax"})});
//   model.compile({.optimizer = "adam",
//                  .loss = "sparse_categorical_crossentropy",
//                  .metrics = {"accuracy"}});
//   model.fit(images, labels, {.batchSize = 128, .epochs = 5, .validationSplit = 0.2});
//
// Errors are keras::Error. Needs no LLVM header.
#pragma once
#include "frontends/keras/Applications.h"
#include "frontends/keras/Callbacks.h"
#include "frontends/keras/Datasets.h"
#include "frontends/keras/Devices.h"
#include "frontends/keras/Layer.h"
#include "frontends/keras/Layers.h"
#include "frontends/keras/Model.h"
#include "frontends/keras/Optimizers.h"
#include "frontends/keras/PlotModel.h"
#include "frontends/keras/Preprocessing.h"
#include "frontends/keras/Utils.h"
