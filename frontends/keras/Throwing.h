// The runtime answers with a Status or a Result; Keras's API throws keras::Error instead. Used
// wherever this API calls the runtime.
#pragma once
#include "frontends/keras/Layer.h"

#include <utility>

namespace ingot::keras::detail {

inline void check(const Status &status) {
  if (!status.isOk())
    throw Error(status);
}

template <typename T> T valueOf(Result<T> result) {
  check(result.status());
  return std::move(result).value();
}

} // namespace ingot::keras::detail
