// Messages and small text helpers of the command line. See Cli.h.
#include "tools/ingot/Cli.h"
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

namespace ingot::cli {
namespace {

bool isColoured() {
  const char *noColor = std::getenv("NO_COLOR");
  return isatty(STDERR_FILENO) && (!noColor || !*noColor);
}

void printHead(const char *word, const char *colour, const std::string &text) {
  if (isColoured())
    fmt::print(stderr, "\033[1;{}m{}:\033[0m {}\n", colour, word, text);
  else
    fmt::print(stderr, "{}: {}\n", word, text);
}

/// Levenshtein distance.
size_t editDistance(const std::string &a, const std::string &b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

} // namespace

void printErrors(const std::vector<Message> &messages, ExitCode code) {
  for (const Message &message : messages) {
    std::string text = message.text;
    const std::string mark = "internal error: ";
    if (size_t at = text.find(mark); at != std::string::npos)
      text.erase(at, mark.size()); // said by the head
    printHead(code == kInternal ? "internal error" : "error", "31", text);
    if (!message.where.empty())
      fmt::print(stderr, "  --> {}\n", message.where);
    for (const std::string &note : message.notes)
      fmt::print(stderr, "   = note: {}\n", note);
    if (!message.help.empty())
      fmt::print(stderr, "   = help: {}\n", message.help);
  }
  if (messages.size() > 1)
    fmt::print(stderr, "{} errors\n", messages.size());
}

void printWarning(const std::string &text) { printHead("warning", "33", text); }

void check(const Status &status, const std::string &help) {
  if (!status.isOk())
    throw Failure(status.code() == StatusCode::Internal ? kInternal : kInput, status.message(),
                  help);
}

std::string suggest(const std::string &name, const std::vector<std::string> &known) {
  const std::string *best = nullptr;
  size_t bestDistance = name.size() / 2 + 1;
  for (const std::string &candidate : known)
    if (size_t distance = editDistance(name, candidate); distance < bestDistance) {
      bestDistance = distance;
      best = &candidate;
    }
  if (best)
    return fmt::format("did you mean `{}`?", *best);
  return known.empty() ? "" : "there are: " + joined(known);
}

std::string humanBytes(uint64_t bytes) {
  const char *units[] = {"bytes", "KiB", "MiB", "GiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  for (; value >= 1024 && unit < 3; ++unit)
    value /= 1024;
  return unit == 0 ? fmt::format("{} bytes", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string stemOf(const std::string &path) {
  std::filesystem::path p(path);
  if (!p.has_filename())
    p = p.parent_path();
  return p.stem().string();
}

std::string joined(const std::vector<std::string> &parts) {
  return fmt::format("{}", fmt::join(parts, ", "));
}

void addTolerances(CLI::App &command, double &rtol, double &atol, const char *instead) {
  command
      .add_option("--rtol", rtol, instead ? instead : "Allowed difference over the largest value")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--atol", atol, instead ? instead : "Allowed absolute difference")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

void addThreads(CLI::App &command, int &threads) {
  command.add_option("--threads", threads, "Threads; 0 takes all CPUs of this process")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
}

} // namespace ingot::cli
