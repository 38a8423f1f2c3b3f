// Which HTTP status a Status is, and its name where TF Serving tells it in JSON; the most common
// one.
#ifndef INGOT_RUNTIME_SERVE_REST_STATUSMAP_H
#define INGOT_RUNTIME_SERVE_REST_STATUSMAP_H

#include "ingot/Status.h"

#include <string>
#include <utility>

namespace ingot::serve::rest {

/// The client's mistake, 400.
inline Status invalid(std::string message) {
  return Status(StatusCode::InvalidArgument, std::move(message));
}

inline int httpStatus(StatusCode code) {
  switch (code) {
  case StatusCode::Ok:
    return 200;
  case StatusCode::InvalidArgument:
  case StatusCode::FailedPrecondition:
  case StatusCode::OutOfRange:
    return 400;
  case StatusCode::NotFound:
    return 404;
  case StatusCode::ResourceExhausted:
    return 429;
  case StatusCode::Cancelled:
    return 499;
  case StatusCode::Unsupported:
    return 501;
  case StatusCode::Unavailable:
    return 503;
  case StatusCode::DeadlineExceeded:
    return 504;
  case StatusCode::DataLoss:
  case StatusCode::IoError:
  case StatusCode::Internal:
    break;
  }
  return 500;
}

inline const char *reasonPhrase(int status) {
  switch (status) {
  case 100:
    return "Continue";
  case 200:
    return "OK";
  case 204:
    return "No Content";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 408:
    return "Request Timeout";
  case 411:
    return "Length Required";
  case 413:
    return "Content Too Large";
  case 415:
    return "Unsupported Media Type";
  case 417:
    return "Expectation Failed";
  case 429:
    return "Too Many Requests";
  case 431:
    return "Request Header Fields Too Large";
  case 499:
    return "Client Closed Request";
  case 501:
    return "Not Implemented";
  case 503:
    return "Service Unavailable";
  case 504:
    return "Gateway Timeout";
  case 505:
    return "HTTP Version Not Supported";
  default:
    return "Internal Server Error";
  }
}

/// The name of google.rpc.Code's number.
inline const char *canonicalName(StatusCode code) {
  switch (code) {
  case StatusCode::Ok:
    return "OK";
  case StatusCode::InvalidArgument:
    return "INVALID_ARGUMENT";
  case StatusCode::NotFound:
    return "NOT_FOUND";
  case StatusCode::FailedPrecondition:
    return "FAILED_PRECONDITION";
  case StatusCode::OutOfRange:
    return "OUT_OF_RANGE";
  case StatusCode::Cancelled:
    return "CANCELLED";
  case StatusCode::ResourceExhausted:
    return "RESOURCE_EXHAUSTED";
  case StatusCode::Unsupported:
    return "UNIMPLEMENTED";
  case StatusCode::DataLoss:
    return "DATA_LOSS";
  case StatusCode::IoError:
  case StatusCode::Internal:
    return "INTERNAL";
  case StatusCode::DeadlineExceeded:
    return "DEADLINE_EXCEEDED";
  case StatusCode::Unavailable:
    return "UNAVAILABLE";
  }
  return "UNKNOWN";
}

} // namespace ingot::serve::rest

#endif
