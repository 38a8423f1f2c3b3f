// Keras's callbacks under Keras's name; what they do is in ingot/train/Callbacks.h and
// TensorBoard.h. Your own derive from callbacks::Callback. Part of Keras.h.
#pragma once
#include "ingot/train/Callbacks.h"
#include "ingot/train/TensorBoard.h"

namespace ingot::keras::callbacks {

using train::BackupAndRestore;
using train::Callback;
using train::CSVLogger;
using train::EarlyStopping;
using train::LambdaCallback;
using train::LearningRateScheduler;
using train::ModelCheckpoint;
using train::ReduceLROnPlateau;
using train::TensorBoard;
using train::TerminateOnNaN;

} // namespace ingot::keras::callbacks
