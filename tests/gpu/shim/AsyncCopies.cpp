// cp.async: a thread's copies to shared memory, which are there when it has waited for their group.
// The model copies as late as it may, and the bytes are NaN until then.
#include "Block.h"

#include <cstring>

namespace ingot::shim {

void Block::cpAsync(void *to, const void *from, int32_t bytes, bool valid) {
  const uintptr_t alignment = static_cast<uintptr_t>(bytes);
  if (reinterpret_cast<uintptr_t>(to) % alignment != 0 ||
      (valid && reinterpret_cast<uintptr_t>(from) % alignment != 0))
    failThread("cp.async between addresses that are not aligned to its size");
  std::string problem = shared_.checkBounds(to, bytes);
  if (problem.empty())
    problem = shared_.beginCopy(currentThread->number.thread, to, bytes);
  if (!problem.empty())
    failThread("cp.async: " + problem);
  currentThread->copies.push_back({to, from, bytes, valid, currentThread->committed});
}

void Block::cpAsyncCommit() { ++currentThread->committed; }

void Block::cpAsyncWait(int32_t groups) {
  Thread &thread = *currentThread;
  size_t left = 0;
  for (const AsyncCopy &copy : thread.copies) {
    if (copy.group >= thread.committed - groups) {
      thread.copies[left++] = copy;
      continue;
    }
    if (copy.valid)
      std::memcpy(copy.to, copy.from, static_cast<size_t>(copy.bytes));
    else
      std::memset(copy.to, 0, static_cast<size_t>(copy.bytes));
    shared_.arrive(thread.number.thread, copy.to, copy.bytes);
  }
  thread.copies.resize(left);
}

} // namespace ingot::shim
