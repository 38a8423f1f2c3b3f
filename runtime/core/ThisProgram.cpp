#include "runtime/core/ThisProgram.h"

#include <climits>
#include <unistd.h>

namespace ingot {

std::string besideThisProgram(const std::string &name) {
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self);
  if (length <= 0)
    return name;
  std::string path(self, static_cast<size_t>(length));
  path.resize(path.rfind('/') + 1);
  return path + name;
}

} // namespace ingot
