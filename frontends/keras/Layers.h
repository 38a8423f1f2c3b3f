// Keras's layers, with its arguments, defaults and meanings; options are named arguments:
//   layers::Dense(128, {.activation = "relu", .name = "hidden1"})
// Part of Keras.h; one header a family. Images are channels last, (batch, height, width, channels),
// unless a layer is told otherwise. Each constructor throws keras::Error for arguments that can
// never be right; shapes are checked when it is called.
#pragma once
#include "frontends/keras/layers/Activations.h"
#include "frontends/keras/layers/Attention.h"
#include "frontends/keras/layers/ConvLSTM.h"
#include "frontends/keras/layers/Convolution.h"
#include "frontends/keras/layers/Core.h"
#include "frontends/keras/layers/EinsumDense.h"
#include "frontends/keras/layers/Embedding.h"
#include "frontends/keras/layers/Merging.h"
#include "frontends/keras/layers/Normalization.h"
#include "frontends/keras/layers/Pooling.h"
#include "frontends/keras/layers/Preprocessing.h"
#include "frontends/keras/layers/Recurrent.h"
#include "frontends/keras/layers/Regularization.h"
#include "frontends/keras/layers/Reshaping.h"
#include "frontends/keras/layers/Wrappers.h"
