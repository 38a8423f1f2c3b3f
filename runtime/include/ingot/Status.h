// Status and Result: how every public function of the runtime reports failure.
//
// Invariant: a Status is ok exactly when its code is StatusCode::Ok, and then its message is empty;
// an ok Status allocates nothing. Messages are lower case, name the layer, file or tensor
// concerned, what was expected and what was seen. No function of the runtime throws.
#ifndef INGOT_STATUS_H
#define INGOT_STATUS_H

#include <string>
#include <utility>
#include <variant>

namespace ingot {

/// Why a call failed. The numbers are those of `ingot_code` in ingot.h and never change meaning.
enum class StatusCode : int {
  Ok = 0,
  InvalidArgument = 1,    ///< the caller passed something that cannot be right (shape, dtype, name)
  NotFound = 2,           ///< a file, symbol, function or variable of that name does not exist
  FailedPrecondition = 3, ///< right call, wrong moment: the state is in use, nothing is bound yet
  OutOfRange = 4,         ///< an index tensor held a value outside its axis
  Cancelled = 5,          ///< a callback asked to stop
  ResourceExhausted = 6,  ///< memory could not be had
  Unsupported = 7,        ///< wrong ABI version, no variant for this CPU, a format not read here
  DataLoss = 8,           ///< a file is truncated or corrupt
  IoError = 9,            ///< the operating system refused; the message carries its words
  Internal = 10,          ///< a broken invariant of ours
  DeadlineExceeded = 11,  ///< the time that the caller gave was over before the result was there
  Unavailable = 12        ///< not now: loading, draining, stopped; trying again may help
};

/// "invalid argument", "not found", …
const char *toString(StatusCode code);

class [[nodiscard]] Status {
public:
  Status() = default;
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}
  static Status ok() { return Status(); }

  bool isOk() const { return code_ == StatusCode::Ok; }
  StatusCode code() const { return code_; }
  const std::string &message() const { return message_; }

  /// This status with `context` and ": " before its message; an ok status stays as it is.
  Status withContext(const std::string &context) const {
    return isOk() ? *this : Status(code_, context + ": " + message_);
  }

private:
  StatusCode code_ = StatusCode::Ok;
  std::string message_;
};

/// A value, or the Status that says why there is none.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : content_(std::in_place_index<1>, std::move(value)) {}
  /// An ok status here is a mistake of ours, and becomes an Internal one.
  Result(Status status)
      : content_(std::in_place_index<0>,
                 status.isOk() ? Status(StatusCode::Internal, "a result without a value")
                               : std::move(status)) {}

  bool isOk() const { return content_.index() == 1; }
  /// Ok when there is a value.
  Status status() const { return isOk() ? Status() : *std::get_if<0>(&content_); }

  /// Precondition of the four below: isOk().
  T &value() & { return *std::get_if<1>(&content_); }
  const T &value() const & { return *std::get_if<1>(&content_); }
  T &&value() && { return std::move(*std::get_if<1>(&content_)); }
  T &operator*() & { return value(); }
  const T &operator*() const & { return value(); }
  T &&operator*() && { return std::move(*this).value(); }
  T *operator->() { return &value(); }
  const T *operator->() const { return &value(); }

private:
  std::variant<Status, T> content_;
};

} // namespace ingot

#define INGOT_CONCAT_(a, b) a##b
#define INGOT_CONCAT(a, b) INGOT_CONCAT_(a, b)

/// Returns from the enclosing function with the Status of `expression` when that is not ok.
#define INGOT_RETURN_IF_ERROR(expression)                                                          \
  do {                                                                                             \
    ::ingot::Status ingotStatus = (expression);                                                    \
    if (!ingotStatus.isOk())                                                                       \
      return ingotStatus;                                                                          \
  } while (false)

#define INGOT_ASSIGN_OR_RETURN_(result, target, expression)                                        \
  auto result = (expression);                                                                      \
  if (!result.isOk())                                                                              \
    return result.status();                                                                        \
  target = std::move(result).value()

/// `INGOT_ASSIGN_OR_RETURN(auto x, f())`: the value of the Result f() returns, or return its
/// Status.
#define INGOT_ASSIGN_OR_RETURN(target, expression)                                                 \
  INGOT_ASSIGN_OR_RETURN_(INGOT_CONCAT(ingotResult, __LINE__), target, expression)

#endif // INGOT_STATUS_H
