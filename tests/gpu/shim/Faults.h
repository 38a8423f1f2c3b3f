// Signals that a kernel raises become errors of its launch.
#pragma once
#include "Fiber.h"

#include <string>

namespace ingot::shim {

/// While it lives, SIGSEGV, SIGBUS, SIGFPE and SIGILL of a kernel's thread end that thread with an
/// error. Elsewhere these signals do what they did before.
class FaultHandler {
public:
  FaultHandler();
  ~FaultHandler();
  FaultHandler(const FaultHandler &) = delete;
  FaultHandler &operator=(const FaultHandler &) = delete;
};

/// What the fiber that has just been left so did.
std::string describeFault(const Fiber &fiber);

} // namespace ingot::shim
