// Other programs, and Ingot itself where it may crash: run to their end or to a time limit. Used by
// compare (onnxruntime) and reduce (every candidate).
#pragma once
#include "tools/ingot/Cli.h"

namespace ingot::cli {

struct ChildResult {
  int code = 0;          ///< exit code, or the negative number of the signal that ended it
  bool timedOut = false; ///< it was killed, with all that it had started, after the time limit
  std::string out, err;  ///< what it printed, up to 1 MiB each
};

/// Runs argv[0], looked for in PATH, with `environment` ("NAME=value") on top of this process's.
/// Throws Failure when it cannot be started. `seconds` 0: no limit.
ChildResult runChild(const std::vector<std::string> &argv, double seconds = 0,
                     const std::vector<std::string> &environment = {});

/// A directory of its own, gone with the object.
class TemporaryDirectory {
public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory &) = delete;
  TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;
  const std::string &path() const { return directory; }
  std::string file(const std::string &name) const { return directory + "/" + name; }

private:
  std::string directory;
};

} // namespace ingot::cli
