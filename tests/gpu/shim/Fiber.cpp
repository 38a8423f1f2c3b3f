#include "Fiber.h"

#include <cstdint>
#include <new>
#include <sys/mman.h>

#ifndef __has_feature // GCC has a macro for each instead
#define __has_feature(feature) 0
#endif
#if __has_feature(address_sanitizer) || defined(__SANITIZE_ADDRESS__)
#define SHIM_ADDRESS_SANITIZER 1
#endif
#if __has_feature(thread_sanitizer) || defined(__SANITIZE_THREAD__)
#define SHIM_THREAD_SANITIZER 1
#include <sanitizer/tsan_interface.h>
#endif
#ifdef SHIM_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#ifndef __x86_64__
#error "the switch of stacks below is written for x86-64"
#endif

// Saves what a call must keep, changes stacks and takes it from there.
extern "C" void ingot_shim_switch(void **save, void *to);
asm(R"(
.text
.globl ingot_shim_switch
.hidden ingot_shim_switch
.type ingot_shim_switch, @function
ingot_shim_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size ingot_shim_switch, . - ingot_shim_switch
)");

namespace ingot::shim {
namespace {

constexpr size_t guardBytes = 4096;
#ifdef SHIM_ADDRESS_SANITIZER
constexpr size_t stackBytes = 256 << 10; // red zones
#else
constexpr size_t stackBytes = 64 << 10;
#endif

// Who entered the fiber that runs now: one at a time, so that one place is enough.
struct Outside {
  void *stackPointer = nullptr;
  void *fakeStack = nullptr;
  const void *stack = nullptr;
  size_t bytes = 0;
  void *sanitizerFiber = nullptr;
};
Outside outside;

void (*firstFunction)();

// Each fiber has a stack of calls in the thread sanitizer. Nothing may be called between the two
// switches.
#ifdef SHIM_THREAD_SANITIZER
void renew(void *&fiber) {
  if (fiber)
    __tsan_destroy_fiber(fiber);
  fiber = __tsan_create_fiber(0);
}
void destroy(void *fiber) { __tsan_destroy_fiber(fiber); }
#define CURRENT_SANITIZER_FIBER() __tsan_get_current_fiber()
#define SWITCH_SANITIZER(to) __tsan_switch_to_fiber(to, 0)
#else
void renew(void *&) {}
void destroy(void *) {}
#define CURRENT_SANITIZER_FIBER() nullptr
#define SWITCH_SANITIZER(to)
#endif

#ifdef SHIM_ADDRESS_SANITIZER
void willSwitch(void **fakeStack, const void *stack, size_t bytes) {
  __sanitizer_start_switch_fiber(fakeStack, stack, bytes);
}
void haveSwitched(void *fakeStack, const void **stack, size_t *bytes) {
  __sanitizer_finish_switch_fiber(fakeStack, stack, bytes);
}
void forgetFrames(void *stack, size_t bytes) { __asan_unpoison_memory_region(stack, bytes); }
#else
void willSwitch(void **, const void *, size_t) {}
void haveSwitched(void *, const void **, size_t *) {}
void forgetFrames(void *, size_t) {}
#endif

void first() {
  haveSwitched(nullptr, &outside.stack, &outside.bytes);
  firstFunction();
  __builtin_trap(); // the function must leave for good
}

} // namespace

Fiber::Fiber() {
  void *mapping = mmap(nullptr, guardBytes + stackBytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED)
    throw std::bad_alloc();
  mprotect(mapping, guardBytes, PROT_NONE);
  mapping_ = static_cast<char *>(mapping);
  stackEnd_ = mapping_ + guardBytes + stackBytes;
}

Fiber::~Fiber() {
  if (sanitizerFiber_)
    destroy(sanitizerFiber_);
  munmap(mapping_, guardBytes + stackBytes);
}

void Fiber::start(void (*function)()) {
  forgetFrames(mapping_ + guardBytes, stackBytes);
  firstFunction = function;
  // What ingot_shim_switch takes: six registers and where to return to, so that `first` starts with
  // the stack that a call leaves: 16-aligned but for the return address.
  void **top = static_cast<void **>(freshStack());
  *top = nullptr;
  *--top = reinterpret_cast<void *>(&first);
  for (int i = 0; i < 6; ++i)
    *--top = nullptr;
  stackPointer_ = top;
  fakeStack_ = nullptr;
  renew(sanitizerFiber_);
}

void Fiber::enter() {
  willSwitch(&outside.fakeStack, mapping_ + guardBytes, stackBytes);
  outside.sanitizerFiber = CURRENT_SANITIZER_FIBER();
  SWITCH_SANITIZER(sanitizerFiber_);
  ingot_shim_switch(&outside.stackPointer, stackPointer_);
  haveSwitched(outside.fakeStack, nullptr, nullptr);
}

void Fiber::leave() {
  willSwitch(&fakeStack_, outside.stack, outside.bytes);
  SWITCH_SANITIZER(outside.sanitizerFiber);
  ingot_shim_switch(&stackPointer_, outside.stackPointer);
  haveSwitched(fakeStack_, &outside.stack, &outside.bytes);
}

void Fiber::leaveForGood() {
  willSwitch(nullptr, outside.stack, outside.bytes);
  SWITCH_SANITIZER(outside.sanitizerFiber);
  ingot_shim_switch(&stackPointer_, outside.stackPointer);
  __builtin_unreachable();
}

void *Fiber::freshStack() const { return mapping_ + guardBytes + stackBytes - 64 - sizeof(void *); }

bool Fiber::isOverflow(const void *address) const {
  return address >= mapping_ && address < mapping_ + guardBytes;
}

} // namespace ingot::shim
