// The process's malloc is replaced by one that counts (glibc's own does the work), so nothing
// hides: not operator new, not aligned_alloc, not the threads. Sanitizers bring a malloc of their
// own and call a hook from it. See CountAllocations.h.
#include "tests/support/CountAllocations.h"
#include <atomic>
#include <cerrno>
#include <cstddef>
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#include <sanitizer/allocator_interface.h>
#endif

extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier): glibc's names
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
// NOLINTEND(bugprone-reserved-identifier)
}

namespace {
std::atomic<int64_t> allocations{0};
void count() { allocations.fetch_add(1, std::memory_order_relaxed); }
} // namespace

int64_t ingot::tests::allocationCount() { return allocations; }

#ifdef SANITIZED
[[maybe_unused]] static const int installed = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void *, size_t) { count(); }, [](const volatile void *) {});
#else
extern "C" {
void *malloc(size_t size) {
  count();
  return __libc_malloc(size);
}
void *calloc(size_t number, size_t size) {
  count();
  return __libc_calloc(number, size);
}
void *realloc(void *block, size_t size) {
  count();
  return __libc_realloc(block, size);
}
void *memalign(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void **out, size_t alignment, size_t size) {
  *out = memalign(alignment, size);
  return *out ? 0 : ENOMEM;
}
}
#endif
