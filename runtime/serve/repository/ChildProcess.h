// ChildProcess: runs a program to its end, within bounds.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_CHILDPROCESS_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_CHILDPROCESS_H

#include "ingot/Status.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ingot::serve {

struct ChildOptions {
  uint64_t memoryBytes = 0;             ///< of address space; 0: no bound
  std::chrono::milliseconds timeout{0}; ///< 0: none
  std::function<Status()> shouldGoOn;   ///< asked several times a second; may be empty
};

struct ChildResult {
  int exitCode = 0; ///< or the negative number of the signal that ended it
  bool isTimedOut = false;
  std::string output; ///< both streams, the first 64 KiB
};

/// argv[0] is a path. The program has no input, none of our files, a process group of its own, and
/// is gone when this returns, with all that it started. IoError (it cannot be started), and what
/// shouldGoOn says.
Result<ChildResult> runProgram(const std::vector<std::string> &argv, const ChildOptions &options);

} // namespace ingot::serve

#endif
