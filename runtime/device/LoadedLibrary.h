// Libraries of devices, which a process loads when it first asks for them.
#ifndef INGOT_RUNTIME_DEVICE_LOADEDLIBRARY_H
#define INGOT_RUNTIME_DEVICE_LOADEDLIBRARY_H

#include "ingot/Status.h"

namespace ingot {

/// What `open` fills, once in a process, for as long as that lives; or why it could not, each time.
/// Thread-safe.
template <typename Library, Status (*open)(Library &)> Result<const Library *> loadedLibrary() {
  static Library loaded;
  static const Status status = open(loaded);
  if (!status.isOk())
    return status;
  return &loaded;
}

} // namespace ingot

#endif // INGOT_RUNTIME_DEVICE_LOADEDLIBRARY_H
