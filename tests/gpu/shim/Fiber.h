// A stack of its own for each thread of a kernel, and how control goes there and back.
//
// Fibers are entered and left on one thread of the system. A fiber that is left for good keeps its
// stack, and can be started again.
#pragma once
#include <cstddef>

namespace ingot::shim {

class Fiber {
public:
  Fiber();
  ~Fiber();
  Fiber(const Fiber &) = delete;
  Fiber &operator=(const Fiber &) = delete;

  /// The next `enter` calls the function, which must not return but leave for good.
  void start(void (*function)());
  /// Returns when the fiber leaves.
  void enter();
  /// Called in the fiber: goes back to who entered it, and returns when it is entered again.
  void leave();
  [[noreturn]] void leaveForGood();

  /// Where a function called in the fiber from outside (by a handler of signals) can have its
  /// stack.
  void *freshStack() const;
  bool isStack(const void *address) const { return address >= mapping_ && address < stackEnd_; }
  /// Whether it is in the page that lies below the stack.
  bool isOverflow(const void *address) const;

private:
  char *mapping_ = nullptr; ///< a page without access, then the stack
  const char *stackEnd_ = nullptr;
  void *stackPointer_ = nullptr;
  void *fakeStack_ = nullptr;      ///< the address sanitizer's
  void *sanitizerFiber_ = nullptr; ///< the thread sanitizer's
};

} // namespace ingot::shim
