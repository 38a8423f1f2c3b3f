// What the subcommands of `ingot` share: exit codes, messages, and how a subcommand is added.
//
// Data goes to stdout, messages to stderr, coloured only on a terminal without NO_COLOR. A
// subcommand fails by throwing Failure; main() prints it and exits with its code.
#pragma once
#include "ingot/Status.h"
#include <CLI/CLI.hpp>
#include <exception>
#include <string>
#include <vector>

namespace ingot::cli {

enum ExitCode { kOk = 0, kUsage = 1, kInput = 2, kMismatch = 3, kInternal = 4 };

/// One error as the user sees it:
///   error: layer `dense_1`: inner dimensions 64 and 128 differ
///     --> model.mlir:12:8
///      = note: …
///      = help: …
struct Message {
  std::string text, where, help;
  std::vector<std::string> notes;
};

class Failure : public std::exception {
public:
  Failure(ExitCode code, std::vector<Message> messages)
      : exitCode(code), messages(std::move(messages)) {}
  Failure(ExitCode code, std::string text, std::string help = "", std::string where = "")
      : Failure(code, {Message{std::move(text), std::move(where), std::move(help), {}}}) {}
  const char *what() const noexcept override { return messages.front().text.c_str(); }

  ExitCode exitCode;
  std::vector<Message> messages; // at least one
};

/// Prints messages to stderr in the form above.
void printErrors(const std::vector<Message> &messages, ExitCode code);
void printWarning(const std::string &text);

/// The value, or a Failure with the status's message: exit code 4 for Internal, else 2.
void check(const Status &status, const std::string &help = "");
template <typename T> T check(Result<T> result, const std::string &help = "") {
  check(result.status(), help);
  return std::move(result).value();
}

/// "did you mean `images`?", or "there are: images, labels" when none is close; empty for no names.
std::string suggest(const std::string &name, const std::vector<std::string> &known);
/// "184.3 KiB"
std::string humanBytes(uint64_t bytes);
/// The file name without directory and extension: a name for what is in it.
std::string stemOf(const std::string &path);
/// "a, b, c"
std::string joined(const std::vector<std::string> &parts);

/// Options that several subcommands have. `instead` replaces the text of both tolerances.
void addTolerances(CLI::App &command, double &rtol, double &atol, const char *instead = nullptr);
void addThreads(CLI::App &command, int &threads);

/// Each adds its subcommand to the application; its callback does the work.
void addCompile(CLI::App &app);
void addRun(CLI::App &app);
void addInspect(CLI::App &app);
void addDump(CLI::App &app);
void addCompare(CLI::App &app);
void addReduce(CLI::App &app);
void addBench(CLI::App &app);
void addProfile(CLI::App &app);
void addServe(CLI::App &app);

} // namespace ingot::cli
