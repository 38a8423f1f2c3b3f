// Copies to shared memory that go on while threads do. The model makes them as late as it may, or
// some time before by the schedule, and the bytes are NaN until then.
//
// cp.async: a thread's own copies, which are there when it has waited for their group. TMA: boxes
// of a tensor, which are there for who has waited for their mbarrier.
#include "Block.h"

#include <cstring>

namespace ingot::shim {

void Block::cpAsync(void *to, const void *from, int32_t bytes, bool valid) {
  const uintptr_t alignment = static_cast<uintptr_t>(bytes);
  if (reinterpret_cast<uintptr_t>(to) % alignment != 0 ||
      (valid && reinterpret_cast<uintptr_t>(from) % alignment != 0))
    failThread("cp.async between addresses that are not aligned to its size");
  if (!shared_.beginCopy(currentThread->number.thread, to, bytes))
    failThread("cp.async: " + shared_.problem());
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
    if (copy.valid &&
        !launch_->global.access(thread.number, ordering_, copy.from, copy.bytes, false))
      failThread("cp.async: " + launch_->global.problem());
    if (copy.valid)
      std::memcpy(copy.to, copy.from, static_cast<size_t>(copy.bytes));
    else
      std::memset(copy.to, 0, static_cast<size_t>(copy.bytes));
    shared_.arrive(thread.number.thread, copy.to, copy.bytes);
  }
  thread.copies.resize(left);
}

// ---- mbarriers
// -----------------------------------------------------------------------------------
//
// What one is stands in `mbars_`; its place in shared memory holds a word that is not to be
// touched.

constexpr k_u64 mbarWord = 0x6d6261726d626172;

void Block::mbarInit(k_u64 *address, int32_t arrivals) {
  const int thread = currentThread->number.thread;
  if (reinterpret_cast<uintptr_t>(address) % 8 != 0)
    failThread("an mbarrier at an address that is not aligned to 8 bytes");
  if (!shared_.write(thread, address, 8))
    failThread("k_mbar_init: " + shared_.problem());
  if (arrivals < 1)
    failThread("an mbarrier of no arrivals");
  *address = mbarWord;
  mbars_[address] = {arrivals, arrivals, 0, 0, thread, ordering_.now(), {}};
}

Mbar &Block::mbar(k_u64 *address) {
  auto found = mbars_.find(address);
  if (found == mbars_.end())
    failThread("an mbarrier that has not been initialized");
  if (*address != mbarWord)
    failThread("an mbarrier that has been written over");
  Mbar &bar = found->second;
  if (!ordering_.isOrdered(bar.initializer, bar.initialized, currentThread->number.thread))
    failThread("an mbarrier that thread " + std::to_string(bar.initializer) +
               " initializes without a barrier in between");
  return bar;
}

void Block::mbarArrive(k_u64 *address, int32_t bytes) {
  Mbar &bar = mbar(address);
  if (bar.pending == 0)
    failThread("more arrivals at an mbarrier than its phase has");
  ordering_.release(currentThread->number.thread, bar.clock);
  --bar.pending;
  bar.bytes += bytes;
  completeIfDone(bar);
}

void Block::completeIfDone(Mbar &bar) {
  if (bar.pending != 0)
    return;
  if (bar.bytes < 0)
    launch_->error = "block " + std::to_string(threads_[0].number.block) + ": " +
                     std::to_string(-bar.bytes) + " more bytes arrive at an mbarrier than expected";
  if (bar.bytes != 0)
    return;
  for (Thread &thread : threads_) // all who wait, wait for this phase: others would not have waited
    if (thread.state == Thread::AtMbar && thread.bar == &bar)
      thread.state = Thread::Ready;
  bar.parity ^= 1;
  bar.pending = bar.arrivals;
}

void Block::mbarWait(k_u64 *address, int32_t parity, ShimPlace place) {
  Mbar &bar = mbar(address);
  if (bar.parity == (parity & 1)) {
    currentThread->bar = &bar;
    waitAs(Thread::AtMbar, place);
  }
  const int thread = currentThread->number.thread;
  ordering_.waitedForHardware(thread);
  ordering_.acquire(thread, bar.clock);
}

// ---- TMA ---------------------------------------------------------------------------------------

namespace {

int64_t rowBytes(const ShimTensorMap &map) {
  return static_cast<int64_t>(map.box[0]) * map.elementBytes;
}

// What cuTensorMapEncodeTiled would not take, and where the box may go.
const char *problemOf(const ShimTensorMap &map, const void *to) {
  const uintptr_t alignment = map.swizzle == 128 ? 1024 : 128;
  if (map.swizzle != 0 && map.swizzle != 128)
    return "a tensor map with a swizzle that is not modelled";
  if (map.elementBytes < 1 || map.box[0] < 1 || map.box[0] > 256 || map.box[1] < 1 ||
      map.box[1] > 256)
    return "a tensor map whose box has no side of 1 to 256 elements";
  if (reinterpret_cast<uintptr_t>(map.base) % 16 != 0 || map.stride % 16 != 0 ||
      rowBytes(map) % 16 != 0)
    return "a tensor map whose base, stride or row is not a multiple of 16 bytes";
  if (map.swizzle == 128 && rowBytes(map) != 128)
    return "a tensor map whose rows are not 128 bytes, as their swizzle is";
  if (reinterpret_cast<uintptr_t>(to) % alignment != 0)
    return map.swizzle ? "a swizzled box at an address that is not aligned to 1024 bytes"
                       : "a box at an address that is not aligned to 128 bytes";
  return nullptr;
}

} // namespace

void Block::tmaLoad(void *to, const ShimTensorMap &map, int32_t x, int32_t y, k_u64 *address) {
  Mbar &bar = mbar(address);
  if (const char *problem = problemOf(map, to))
    failThread(std::string("k_tma_load_2d: ") + problem);
  const int64_t bytes = rowBytes(map) * map.box[1];
  if (!shared_.beginCopy(currentThread->number.thread, to, bytes))
    failThread("k_tma_load_2d: " + shared_.problem());
  const bool late = launch_->schedule.order <= Schedule::Reverse;
  const int64_t after = late ? INT32_MAX : static_cast<int64_t>(launch_->random() % 32);
  tmaCopies_.push_back({static_cast<char *>(to), map, x, y, &bar, steps_ + after});
}

// Those that are due arrive, or `anyway` the first; false if none does.
bool Block::deliver(bool anyway) {
  bool any = false;
  for (size_t i = 0; i < tmaCopies_.size();) {
    if (tmaCopies_[i].due > steps_ && !(anyway && !any)) {
      ++i;
      continue;
    }
    const TmaCopy copy = tmaCopies_[i];
    tmaCopies_.erase(tmaCopies_.begin() + static_cast<long>(i));
    deliver(copy);
    any = true;
  }
  return any;
}

void Block::deliver(const TmaCopy &copy) {
  const ShimTensorMap &map = copy.map;
  const size_t element = static_cast<size_t>(map.elementBytes);
  for (int64_t row = 0; row < map.box[1]; ++row)
    for (int64_t column = 0; column < map.box[0]; ++column) {
      uintptr_t to = reinterpret_cast<uintptr_t>(copy.to) +
                     static_cast<uintptr_t>(row * rowBytes(map)) +
                     static_cast<uintptr_t>(column) * element;
      if (map.swizzle) // 16 bytes each change places within groups of 8 rows
        to ^= (to >> 7 & 7) << 4;
      const int64_t x = copy.x + column, y = copy.y + row;
      if (x >= 0 && x < map.extents[0] && y >= 0 && y < map.extents[1])
        std::memcpy(reinterpret_cast<void *>(to), map.base + y * map.stride + x * map.elementBytes,
                    element);
      else
        std::memset(reinterpret_cast<void *>(to), 0, element);
    }
  const int64_t bytes = rowBytes(map) * map.box[1];
  shared_.arrive(-1, copy.to, bytes);
  copy.bar->bytes -= bytes;
  completeIfDone(*copy.bar);
}

} // namespace ingot::shim
