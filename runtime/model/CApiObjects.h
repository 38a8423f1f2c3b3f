// What stands behind the pointers of the C interface (ingot.h, serve.h), how arguments are checked
// and results reported, and a guard that lets no exception cross.
#ifndef INGOT_RUNTIME_MODEL_CAPIOBJECTS_H
#define INGOT_RUNTIME_MODEL_CAPIOBJECTS_H

#include "ingot/Model.h"
#include "ingot/ingot.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <vector>

struct ingot_model {
  std::shared_ptr<const ingot::Artifact> artifact;
};
struct ingot_pool {
  ingot::ThreadPool pool;
};
struct ingot_state {
  std::shared_ptr<ingot::State> state;
};
struct ingot_session {
  ingot::Session session;
  ingot::SessionOptions options;
  std::vector<ingot::TensorView> inputs; // kept, so that a run allocates nothing
};

namespace ingot::capi {

inline ingot_code report(const Status &status, ingot_error *error) {
  auto code = static_cast<ingot_code>(status.code());
  if (error) {
    error->code = code;
    size_t length = std::min(status.message().size(), sizeof(error->message) - 1);
    std::memcpy(error->message, status.message().data(), length);
    error->message[length] = '\0';
  }
  return code;
}

/// Runs `body`, which returns a Status, and reports it; the C++ library's own exceptions (memory
/// for a name or a container) become statuses.
template <typename Body> ingot_code guarded(ingot_error *error, Body body) {
  try {
    return report(body(), error);
  } catch (const std::bad_alloc &) {
    return report(Status(StatusCode::ResourceExhausted, "out of memory"), error);
  } catch (const std::exception &exception) {
    return report(Status(StatusCode::Internal, exception.what()), error);
  }
}

inline Status required(const char *what, const void *pointer) {
  return pointer ? Status::ok()
                 : Status(StatusCode::InvalidArgument, std::string(what) + " is NULL");
}

inline TensorView toView(const ingot_tensor &tensor) {
  return {static_cast<DType>(tensor.dtype), tensor.rank, tensor.dims, tensor.data};
}

inline ingot_tensor fromTensor(const Tensor &tensor) {
  return {static_cast<int32_t>(tensor.dtype()), static_cast<int32_t>(tensor.rank()),
          tensor.shape().data(), tensor.rawData()};
}

inline Status checkTensor(const ingot_tensor *tensor) {
  INGOT_RETURN_IF_ERROR(required("the tensor", tensor));
  if (tensor->rank < 0)
    return Status(StatusCode::InvalidArgument, "a tensor has rank " + std::to_string(tensor->rank));
  return tensor->rank == 0 ? Status::ok() : required("a tensor's dims", tensor->dims);
}

inline Status toViews(const ingot_tensor *inputs, size_t count, std::vector<TensorView> &views) {
  if (count != 0)
    INGOT_RETURN_IF_ERROR(required("inputs", inputs));
  views.resize(count);
  for (size_t i = 0; i < count; ++i) {
    INGOT_RETURN_IF_ERROR(checkTensor(&inputs[i]));
    views[i] = toView(inputs[i]);
  }
  return Status::ok();
}

} // namespace ingot::capi

#endif // INGOT_RUNTIME_MODEL_CAPIOBJECTS_H
