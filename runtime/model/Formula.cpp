// Evaluates the dimension formulas an artifact carries as text. See evaluateFormula in Model.h.
//
//   sum    = term { ("+" | "-") term }
//   term   = factor { ("*" | "floordiv" | "ceildiv" | "mod") factor }
//   factor = number | symbol | "(" sum ")" | ("min" | "max" | "floordiv" | "ceildiv") "(" sum ","
//   sum ")"
#include "ingot/Model.h"

#include <algorithm>
#include <cctype>

namespace ingot {

namespace {
constexpr int maxDepth = 200;

class Evaluator {
public:
  Evaluator(std::string_view text, const ingot_function &function, const int64_t *symbols)
      : text_(text), function_(function), symbols_(symbols) {}

  Result<int64_t> evaluate() {
    int64_t value = 0;
    if (sum(value, 0) && (skipSpace(), at_ == text_.size()))
      return value;
    std::string where = "formula '" + std::string(text_) + "' of function '" + function_.name + "'";
    return Status(StatusCode::InvalidArgument, where + ": " +
                                                   (problem_.empty() ? "bad syntax" : problem_) +
                                                   " at character " + std::to_string(at_));
  }

private:
  void skipSpace() {
    while (at_ < text_.size() && text_[at_] == ' ')
      ++at_;
  }

  bool take(char c) {
    skipSpace();
    if (at_ == text_.size() || text_[at_] != c)
      return false;
    ++at_;
    return true;
  }

  static bool isWordCharacter(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '/';
  }

  /// The name or keyword here, without taking it.
  std::string_view peekWord() {
    skipSpace();
    size_t end = at_;
    while (end < text_.size() && isWordCharacter(text_[end]))
      ++end;
    return text_.substr(at_, end - at_);
  }

  bool fail(const char *problem) {
    problem_ = problem;
    return false;
  }

  bool divide(int64_t a, int64_t b, bool up, int64_t &out) {
    if (b <= 0)
      return fail("division by a number that is not positive");
    int64_t quotient = a / b, remainder = a % b;
    out = quotient + (up ? remainder > 0 : -(remainder < 0));
    return true;
  }

  bool apply(std::string_view op, int64_t a, int64_t b, int64_t &out) {
    if (op == "min" || op == "max") {
      out = op == "min" ? std::min(a, b) : std::max(a, b);
      return true;
    }
    if (op == "floordiv" || op == "ceildiv")
      return divide(a, b, op == "ceildiv", out);
    int64_t quotient;
    if (op == "mod") {
      if (!divide(a, b, false, quotient))
        return false;
      out = a - quotient * b;
      return true;
    }
    bool overflow = op == "*"   ? __builtin_mul_overflow(a, b, &out)
                    : op == "+" ? __builtin_add_overflow(a, b, &out)
                                : __builtin_sub_overflow(a, b, &out);
    return !overflow || fail("overflow");
  }

  bool sum(int64_t &value, int depth) {
    if (!term(value, depth))
      return false;
    for (;;) {
      std::string_view op = take('+') ? "+" : take('-') ? "-" : "";
      int64_t right;
      if (op.empty())
        return true;
      if (!term(right, depth) || !apply(op, value, right, value))
        return false;
    }
  }

  bool term(int64_t &value, int depth) {
    if (!factor(value, depth))
      return false;
    for (;;) {
      std::string_view op = take('*') ? "*" : peekWord();
      if (op != "*") {
        if (op != "floordiv" && op != "ceildiv" && op != "mod")
          return true;
        at_ += op.size();
      }
      int64_t right;
      if (!factor(right, depth) || !apply(op, value, right, value))
        return false;
    }
  }

  bool factor(int64_t &value, int depth) {
    if (depth == maxDepth)
      return fail("too deeply nested");
    if (take('('))
      return sum(value, depth + 1) && take(')');
    if (take('-')) {
      int64_t operand;
      return factor(operand, depth + 1) && apply("-", 0, operand, value);
    }
    std::string_view word = peekWord();
    if (word.empty())
      return false;
    at_ += word.size();
    if (std::isdigit(static_cast<unsigned char>(word[0])))
      return number(word, value);
    bool call = word == "min" || word == "max" || word == "floordiv" || word == "ceildiv";
    if (call && take('(')) {
      int64_t a, b;
      return sum(a, depth + 1) && take(',') && sum(b, depth + 1) && take(')') &&
             apply(word, a, b, value);
    }
    for (int64_t i = 0; i < function_.symbol_count; ++i)
      if (word == function_.symbols[i]) {
        value = symbols_[i];
        return true;
      }
    return fail("unknown symbol");
  }

  bool number(std::string_view word, int64_t &value) {
    value = 0;
    for (char digit : word)
      if (!std::isdigit(static_cast<unsigned char>(digit)))
        return fail("bad number");
      else if (__builtin_mul_overflow(value, int64_t{10}, &value) ||
               __builtin_add_overflow(value, int64_t{digit - '0'}, &value))
        return fail("overflow");
    return true;
  }

  std::string_view text_;
  const ingot_function &function_;
  const int64_t *symbols_;
  size_t at_ = 0;
  std::string problem_;
};
} // namespace

Result<int64_t> evaluateFormula(const char *text, const ingot_function &function,
                                const int64_t *symbols) {
  return Evaluator(text ? text : "", function, symbols).evaluate();
}

} // namespace ingot
