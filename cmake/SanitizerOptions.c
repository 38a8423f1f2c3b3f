// Linked into every program that uses LLVM and is built with a sanitizer, whose runtime asks it at
// start-up for its defaults (cmake/IngotLibrary.cmake). LLVM's libraries are not instrumented, so the
// sanitizers do not see all that they do.
const char *__asan_default_options(void);
const char *__tsan_default_suppressions(void);

// LLVM's allocators poison what they have not given out, in code of theirs that is compiled here; the
// libraries give out from the same memory without unpoisoning it. And LLVM gives a thread a signal
// stack of its own, which the sanitizer would unmap as if it were the one that it gave.
const char *__asan_default_options(void) { return "allow_user_poisoning=0:use_sigaltstack=0"; }

// The libraries' own synchronisation by atomics is not seen. Suppressed is a race with them on one of
// its stacks; compiled models and the runtime run without them.
const char *__tsan_default_suppressions(void) { return "race:libMLIR.so\nrace:libLLVM.so\n"; }
