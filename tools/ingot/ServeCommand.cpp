// `ingot serve`: starts `ingot-serve`, the server's own program (which needs no compiler), in this
// process's place.
#include "runtime/core/ThisProgram.h"
#include "tools/ingot/Cli.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace ingot::cli {

void addServe(CLI::App &app) {
  CLI::App *command =
      app.add_subcommand("serve", "Serve models over REST and gRPC; see `ingot serve --help`");
  command->set_help_flag(); // the server has its own
  command->prefix_command();
  command->callback([command] {
    std::string program = besideThisProgram("ingot-serve");
    if (::access(program.c_str(), X_OK) != 0)
      program = "ingot-serve"; // in PATH
    std::vector<std::string> arguments = command->remaining();
    std::vector<char *> argv = {program.data()};
    for (std::string &argument : arguments)
      argv.push_back(argument.data());
    argv.push_back(nullptr);
    ::execvp(program.c_str(), argv.data());
    throw Failure(kInput, "cannot start 'ingot-serve': " + std::string(std::strerror(errno)),
                  "it stands beside `ingot` where both were built or installed (package "
                  "ingot-runtime); or add its directory to PATH");
  });
}

} // namespace ingot::cli
