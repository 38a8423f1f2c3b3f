// Part of the phase `layout`: zeros around images of few channels.
#pragma once
#include "ir/exec/Exec.h"

namespace ingot {

/// Where products read a padded input whose last dimension is short and has no padding (a colour
/// image, channels last), joins that with the one before: zeros are put around lines of columns x
/// channels, which a vector of elements fills, where it would be mostly empty with channels alone.
/// Runs after movements are composed, so that the views that it leaves are in nobody's way.
void joinChannels(mlir::func::FuncOp function);

} // namespace ingot
