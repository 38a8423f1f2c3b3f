// formatPath: Python's str.format, as far as paths of checkpoints need it. See Callbacks.h.
#include "ingot/train/Callbacks.h"
#include "runtime/train/PythonText.h"

#include <cstdio>
#include <cstring>
#include <string_view>

namespace ingot::train {

namespace {

/// One placeholder of a path: `{name}` or `{name:spec}`, where spec is what Python's format takes
/// of [0][width][.precision][type], type one of d (epoch and batch alone), e, f, g, E, G.
struct Placeholder {
  std::string text, name, flagsAndWidth, precision; // precision with its point
  char type = 0;

  bool isCount() const { return name == "epoch" || name == "batch"; }
  static Result<Placeholder> parse(std::string_view text);
  std::string format(double value) const;
};

/// Takes the digits that `text` begins with.
std::string takeDigits(std::string_view &text) {
  size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9')
    ++count;
  std::string digits(text.substr(0, count));
  text.remove_prefix(count);
  return digits;
}

/// `text` is what stands between the braces.
Result<Placeholder> Placeholder::parse(std::string_view text) {
  Placeholder result;
  result.text = "{" + std::string(text) + "}";
  const size_t colon = text.find(':');
  result.name = text.substr(0, colon);
  std::string_view spec = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  result.flagsAndWidth = takeDigits(spec);
  bool valid = !result.name.empty() && result.flagsAndWidth.size() <= 3;
  if (!spec.empty() && spec.front() == '.') {
    spec.remove_prefix(1);
    const std::string digits = takeDigits(spec);
    valid &= !digits.empty() && digits.size() <= 2;
    result.precision = "." + digits;
  }
  if (!spec.empty() && std::strchr("defgEG", spec.front())) {
    result.type = spec.front();
    spec.remove_prefix(1);
  }
  const bool integral = result.type == 'd' || (result.isCount() && !result.type);
  valid &= spec.empty() && !(integral && !result.precision.empty());
  valid &= result.isCount() || result.type != 'd'; // a metric is no integer
  if (!valid)
    return Status(StatusCode::InvalidArgument,
                  "placeholder '" + result.text +
                      "' has a format that is not known; use for example {epoch:02d} or "
                      "{val_loss:.4f}");
  return result;
}

std::string Placeholder::format(double value) const {
  char buffer[1024]; // a width below 1000; else 309 digits, the point and a precision below 100
  const std::string head = "%" + flagsAndWidth + precision;
  if (!isCount() && head == "%" && !type)
    return pythonRepr(value);
  if (isCount() && (!type || type == 'd'))
    std::snprintf(buffer, sizeof buffer, ("%" + flagsAndWidth + "lld").c_str(),
                  static_cast<long long>(value));
  else
    std::snprintf(buffer, sizeof buffer, (head + (type ? type : 'g')).c_str(), value);
  return buffer;
}

/// Calls `literal` and `placeholder` with the parts of a path in order. "{{" and "}}" are braces,
/// as in Python.
template <typename Literal, typename Hole>
Status walkPath(const std::string &path, Literal literal, Hole placeholder) {
  for (size_t at = 0; at < path.size(); ++at) {
    const char c = path[at];
    if (c != '{' && c != '}') {
      literal(c);
      continue;
    }
    if (at + 1 < path.size() && path[at + 1] == c) {
      literal(c);
      ++at;
      continue;
    }
    const size_t close = c == '{' ? path.find('}', at) : std::string::npos;
    if (close == std::string::npos)
      return Status(StatusCode::InvalidArgument,
                    "brace '" + std::string(1, c) + "' without its partner at character " +
                        std::to_string(at + 1) + "; write '" + std::string(2, c) + "' for a brace");
    INGOT_ASSIGN_OR_RETURN(const Placeholder hole, Placeholder::parse(std::string_view(path).substr(
                                                       at + 1, close - at - 1)));
    INGOT_RETURN_IF_ERROR(placeholder(hole));
    at = close;
  }
  return Status();
}

std::string contextOf(const std::string &path) { return "checkpoint path '" + path + "'"; }

} // namespace

Result<std::string> formatPath(const std::string &text, int64_t epochFromOne, const Logs &logs,
                               const std::optional<int64_t> &batchFromOne) {
  std::string result;
  const auto literal = [&](char c) { result += c; };
  const auto placeholder = [&](const Placeholder &hole) {
    std::optional<double> value;
    if (hole.name == "epoch")
      value = double(epochFromOne);
    else if (hole.name == "batch" && batchFromOne)
      value = double(*batchFromOne);
    else if (const auto found = logs.find(hole.name); found != logs.end())
      value = found->second;
    if (!value) {
      std::string known = batchFromOne ? "epoch, batch" : "epoch";
      for (const auto &[name, number] : logs)
        known += ", " + name;
      return Status(StatusCode::InvalidArgument, "placeholder '" + hole.text +
                                                     "' names no metric of this training; there "
                                                     "are: " +
                                                     known);
    }
    result += hole.format(*value);
    return Status();
  };
  INGOT_RETURN_IF_ERROR(walkPath(text, literal, placeholder).withContext(contextOf(text)));
  return result;
}

Status checkPath(const std::string &text) {
  const auto ignore = [](char) {};
  const auto accept = [](const Placeholder &) { return Status(); };
  return walkPath(text, ignore, accept).withContext(contextOf(text));
}

} // namespace ingot::train
