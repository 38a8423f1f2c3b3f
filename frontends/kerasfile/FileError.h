// The one exception of this directory: thrown by whatever cannot read or write a file as asked.
// Called by all of it; frontends/keras turns it into keras::Error with the file's name.
#pragma once
#include "ingot/Status.h"

#include <stdexcept>
#include <string>

namespace ingot::kerasfile {

class FileError : public std::runtime_error {
public:
  explicit FileError(const std::string &message, StatusCode code = StatusCode::DataLoss)
      : std::runtime_error(message), statusCode(code) {}
  StatusCode code() const { return statusCode; }

private:
  StatusCode statusCode;
};

} // namespace ingot::kerasfile
