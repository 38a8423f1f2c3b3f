// The order of samples in an epoch: a permutation from (seed, epoch), the same on every machine.
#ifndef INGOT_RUNTIME_TRAIN_SHUFFLE_H
#define INGOT_RUNTIME_TRAIN_SHUFFLE_H

#include "runtime/core/Random.h"

namespace ingot::train {

using ingot::shuffleOrder;

} // namespace ingot::train

#endif
