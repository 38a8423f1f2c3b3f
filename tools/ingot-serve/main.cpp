// `ingot-serve`, which `ingot serve` starts: a program of its own, so that a machine that serves
// needs no compiler and no LLVM.
#include "runtime/serve/server/Server.h"

int main(int argc, char **argv) { return ingot::serve::serveMain(argc, argv, INGOT_VERSION); }
