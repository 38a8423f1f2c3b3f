// The subcommand `quantize`; see Cli.h for how subcommands are added.
#pragma once
#include "tools/ingot/Cli.h"

namespace ingot::cli {

void addQuantize(CLI::App &app);

} // namespace ingot::cli
