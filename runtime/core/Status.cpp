// The names of the status codes.
#include "ingot/Status.h"

namespace ingot {

const char *toString(StatusCode code) {
  switch (code) {
  case StatusCode::Ok:
    return "ok";
  case StatusCode::InvalidArgument:
    return "invalid argument";
  case StatusCode::NotFound:
    return "not found";
  case StatusCode::FailedPrecondition:
    return "failed precondition";
  case StatusCode::OutOfRange:
    return "out of range";
  case StatusCode::Cancelled:
    return "cancelled";
  case StatusCode::ResourceExhausted:
    return "resource exhausted";
  case StatusCode::Unsupported:
    return "unsupported";
  case StatusCode::DataLoss:
    return "data loss";
  case StatusCode::IoError:
    return "i/o error";
  case StatusCode::Internal:
    return "internal error";
  case StatusCode::DeadlineExceeded:
    return "deadline exceeded";
  case StatusCode::Unavailable:
    return "unavailable";
  }
  return "unknown";
}

} // namespace ingot
