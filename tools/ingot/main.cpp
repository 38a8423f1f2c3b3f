// `ingot`: compile, run, inspect and dump models. Each subcommand lives in a file of its own.
//
// Exit codes: 0 done, 1 wrong usage, 2 something is wrong with a model or an input, 3 results
// differ from the expected ones, 4 a bug in Ingot. No signal, no uncaught exception.
#include "tools/ingot/Cli.h"
#include "tools/ingot/QuantizeCommand.h"
#include <cstdio>
#include <fmt/format.h>

using namespace ingot::cli;

namespace {

int run(int argc, char **argv) {
  CLI::App app("Ingot compiles neural networks ahead of time.", "ingot");
  app.set_version_flag("--version", "ingot " INGOT_VERSION);
  app.require_subcommand(1);
  app.footer("Start with:\n"
             "  ingot compile classifier -o classifier.so\n"
             "  ingot inspect classifier.so\n"
             "  ingot run classifier.so --input x=@images.npy --output y=@scores.npy\n"
             "`ingot COMMAND --help` tells more and gives examples.\n"
             "Exit codes: 0 done, 1 usage, 2 model or input error, 3 mismatch, 4 internal error.");
  addCompile(app);
  addRun(app);
  addInspect(app);
  addDump(app);
  addCompare(app);
  addReduce(app);
  addBench(app);
  addProfile(app);
  addQuantize(app);
  addServe(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    if (error.get_exit_code() == 0)
      return app.exit(error); // --help and --version
    std::string help = "see `ingot --help`";
    for (CLI::App *command : app.get_subcommands())
      help = "see `ingot " + command->get_name() + " --help`";
    throw Failure(kUsage, error.what(), help);
  }
  if (std::fflush(stdout) != 0)
    throw Failure(kInput, "cannot write to standard output");
  return kOk;
}

} // namespace

int main(int argc, char **argv) {
  try {
    return run(argc, argv);
  } catch (const Failure &failure) {
    printErrors(failure.messages, failure.exitCode);
    return failure.exitCode;
  } catch (const std::bad_alloc &) {
    printErrors({{"out of memory", "", "", {}}}, kInput);
    return kInput;
  } catch (const std::exception &error) {
    printErrors({{error.what(), "", "please report this with the command line", {}}}, kInternal);
    return kInternal;
  }
}
