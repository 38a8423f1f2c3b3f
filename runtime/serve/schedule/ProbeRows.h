// ProbeRows: are the rows of a function independent of each other? A signature does not tell: one
// that normalises over its first dimension, or counts along it, has the same as one that does not,
// and joining its requests would answer each with something of the others.
#ifndef INGOT_RUNTIME_SERVE_SCHEDULE_PROBEROWS_H
#define INGOT_RUNTIME_SERVE_SCHEDULE_PROBEROWS_H

#include "runtime/serve/schedule/Joining.h"

#include <functional>

namespace ingot::serve {

/// Runs a few rows of arbitrary values, together and each by itself, on the calling thread. True:
/// each had the same bits both times. False also where no values were found that it can be run on.
/// `goOn`, where there is one, is asked before each kernel; what it says against it is returned.
Result<bool> areRowsIndependent(const std::shared_ptr<const Artifact> &artifact, State &state,
                                const ingot_function &function, const Joining &joining,
                                const std::function<Status()> &goOn);

} // namespace ingot::serve

#endif
