// The handler runs on a stack of its own, as the kernel's may be full. It cannot throw; it sends
// the thread to `leaveAfterFault` instead, on the fiber's stack from the top: nothing there is
// wanted any more.
#include "Faults.h"
#include "Block.h"

#include <csignal>
#include <cstdio>
#include <memory>
#include <pthread.h>
#include <ucontext.h>

namespace ingot::shim {
namespace {

constexpr int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
constexpr size_t handlerStack = 64 << 10;

struct sigaction before[4];
stack_t stackBefore;
pthread_t launcher;
struct {
  int signal;
  void *address;
} fault;

// Nothing else is safe here: the fault may have been anywhere. Block::runLanes says what it was.
[[noreturn]] void leaveAfterFault() {
  currentThread->state = Thread::Faulted;
  currentThread->fiber->leaveForGood();
}

// Not a kernel's: as if this handler were not there.
void passOn(int signal) {
  for (int i = 0; i < 4; ++i)
    if (faults[i] == signal)
      sigaction(signal, &before[i], nullptr); // and the instruction is tried again
}

void handle(int signal, siginfo_t *information, void *context) {
  if (!pthread_equal(pthread_self(), launcher) || !currentThread)
    return passOn(signal);
  fault = {signal, information->si_addr};
  auto &registers = static_cast<ucontext_t *>(context)->uc_mcontext.gregs;
  registers[REG_RIP] = reinterpret_cast<greg_t>(&leaveAfterFault);
  registers[REG_RSP] = reinterpret_cast<greg_t>(currentThread->fiber->freshStack());
}

} // namespace

std::string describeFault(const Fiber &fiber) {
  const char *what = fault.signal == SIGFPE   ? "an integer division by zero"
                     : fault.signal == SIGILL ? "an illegal instruction"
                     : fiber.isOverflow(fault.address)
                         ? "too large local variables: the stack is full"
                         : "an access to memory that is not there";
  char text[160];
  std::snprintf(text, sizeof(text), "%s (address %p)", what, fault.address);
  return text;
}

FaultHandler::FaultHandler() {
  static const auto memory = std::make_unique<char[]>(handlerStack);
  launcher = pthread_self();
  stack_t stack = {};
  stack.ss_sp = memory.get();
  stack.ss_size = handlerStack;
  sigaltstack(&stack, &stackBefore);
  struct sigaction action = {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (int i = 0; i < 4; ++i)
    sigaction(faults[i], &action, &before[i]);
}

FaultHandler::~FaultHandler() {
  for (int i = 0; i < 4; ++i)
    sigaction(faults[i], &before[i], nullptr);
  sigaltstack(&stackBefore, nullptr);
}

} // namespace ingot::shim
