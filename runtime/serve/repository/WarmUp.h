// WarmUp: what the first request of a version would wait for, done before it serves.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_WARMUP_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_WARMUP_H

#include "ingot/Model.h"
#include "runtime/serve/repository/Manifest.h"
#include "runtime/serve/repository/ModelVersion.h"

#include <memory>

namespace ingot::serve {

/// Brings the weights that the artifact carries into this process's memory, piece by piece.
Status touchWeights(const Artifact &artifact, const Progress &progress);

/// Runs the function once on the calling thread: one row of zeros, other free extents as small as
/// they may be. What zeros cannot be for this function (an index that is out of range) is no error.
/// ResourceExhausted, Internal, Cancelled.
Status warmUp(const std::shared_ptr<const Artifact> &artifact, State &state,
              const ServedFunction &served, const Progress &progress);

} // namespace ingot::serve

#endif
