#include "GlobalMemory.h"

#include <algorithm>
#include <cstdio>

namespace ingot::shim {

GlobalMemory::Page &GlobalMemory::page(uintptr_t number) {
  auto &entry = recent_[number % 64];
  if (entry.page && entry.number == number)
    return *entry.page;
  if (pages_.size() == maximalPages) { // what is forgotten is not found any more
    pages_.clear();
    std::fill(std::begin(recent_), std::end(recent_), Recent());
  }
  std::unique_ptr<Page> &page = pages_[number];
  if (!page)
    page = std::make_unique<Page>();
  entry = {number, page.get()};
  return *page;
}

// Whether what was done to these bytes comes before what the thread does now.
bool GlobalMemory::check(const Act &act, uint8_t bytes, ShimThread thread,
                         const Ordering &ordering) {
  if (act.launch != launch_ || (act.bytes & bytes) == 0)
    return true;
  if (act.block != thread.block)
    return false;
  return act.thread == several ? act.stamp < ordering.lastBarrier()
                               : ordering.isOrdered(act.thread, act.stamp, thread.thread);
}

bool GlobalMemory::access(ShimThread thread, const Ordering &ordering, const void *address,
                          int64_t bytes, bool write) {
  if (bounds_ && !bounds_(address, bytes)) {
    char text[96];
    std::snprintf(text, sizeof(text),
                  "an access to %lld bytes at %p, outside of its block of memory",
                  static_cast<long long>(bytes), address);
    problem_ = text;
    return false;
  }
  const uintptr_t first = reinterpret_cast<uintptr_t>(address);
  const uintptr_t end = first + static_cast<uintptr_t>(bytes);
  for (uintptr_t at = first; at < end; at = at / 4 * 4 + 4) {
    const uintptr_t word = at / 4 * 4;
    // Bits for the bytes of the word from `at` to the end.
    const uint8_t touched = static_cast<uint8_t>((0xf << (at - word)) &
                                                 (0xf >> (4 - std::min<uintptr_t>(end - word, 4))));
    Word &cell = page(word / pageBytes).words[word % pageBytes / 4];
    const bool fine = check(cell.written, touched, thread, ordering) &&
                      (!write || check(cell.read, touched, thread, ordering));
    if (!fine) {
      const bool wrote = !check(cell.written, touched, thread, ordering);
      describe(wrote ? cell.written : cell.read, address, write, wrote);
      return false;
    }
    const Act act = {launch_, thread.block, ordering.now(), static_cast<int16_t>(thread.thread),
                     touched};
    if (write) {
      cell.written = act;
      continue;
    }
    Act &read = cell.read;
    const bool others = read.launch == launch_ && (read.bytes & touched) != 0;
    if (others && read.block != thread.block) {
      read.block = several;
      read.bytes |= touched;
    } else if (others && read.thread != thread.thread) {
      read = act;
      read.thread = several;
    } else {
      read = act;
    }
  }
  return true;
}

void GlobalMemory::describe(const Act &act, const void *address, bool write, bool wrote) {
  std::string other = "block " + std::to_string(act.block);
  if (act.block == several)
    other = "other blocks";
  else if (act.thread == several)
    other += ", another thread,";
  else
    other += ", thread " + std::to_string(act.thread) + ",";
  char place[32];
  std::snprintf(place, sizeof(place), "%p", address);
  problem_ = std::string(write ? "a write" : "a read") + " of global memory at " + place +
             ", which " + other + (wrote ? " writes" : " reads") +
             " without a barrier in between that both meet";
}

} // namespace ingot::shim
