// PrivateCopy: a file's bytes in memory of our own, which nobody else can change: what is checked
// is what is run. An artifact that is mapped from where it lies would change under those who run it
// when somebody writes into the file, and end the process (SIGBUS) when somebody cuts it off.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_PRIVATECOPY_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_PRIVATECOPY_H

#include "ingot/Status.h"

#include <cstddef>
#include <string>

namespace ingot::serve {

class PrivateCopy {
public:
  /// `name` is for /proc/self/maps. ResourceExhausted, IoError.
  static Result<PrivateCopy> create(const std::string &name);
  PrivateCopy(PrivateCopy &&other) noexcept;
  PrivateCopy &operator=(PrivateCopy &&) = delete;
  /// What maps it keeps it.
  ~PrivateCopy();

  Status append(const char *data, size_t bytes);
  /// From now on nobody changes it, we neither. Call it once, last.
  Status seal();
  /// To be opened as a file, as long as this object is there.
  std::string path() const;

private:
  explicit PrivateCopy(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

} // namespace ingot::serve

#endif
