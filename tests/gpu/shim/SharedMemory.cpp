#include "SharedMemory.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <sys/mman.h>

namespace ingot::shim {
namespace {

// NaN as f16, bf16, f32 and f64.
constexpr int poison = 0xff;
// Between arrays and at their ends, where no page without access can be.
constexpr int zonePattern = 0xa5;
constexpr int64_t zoneBytes = 256;

int64_t alignTo(int64_t value, int64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

} // namespace

SharedMemory::SharedMemory() : owners_(windowBytes), cells_(windowBytes) {
  // The window starts at a multiple of 1024, as the hardware's does.
  void *mapping = mmap(nullptr, windowBytes + 2 * page, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED)
    throw std::bad_alloc();
  mapping_ = static_cast<char *>(mapping);
  base_ = mapping_ + page;
  mprotect(base_, staticWindow, PROT_READ | PROT_WRITE);
  mprotect(base_ + staticWindow + page, dynamicWindow, PROT_READ | PROT_WRITE);
  std::memset(base_, zonePattern, staticWindow);
}

SharedMemory::~SharedMemory() { munmap(mapping_, windowBytes + 2 * page); }

void SharedMemory::reset(int threads, int64_t dynamicBytes) {
  // Static arrays come again as the block's threads name them.
  std::memset(base_, zonePattern, static_cast<size_t>(staticEnd_));
  std::fill(owners_.begin(), owners_.begin() + staticEnd_, 0);
  std::fill(owners_.begin() + dynamicOffset_, owners_.end(), 0);
  arrays_.clear();
  staticEnd_ = staticBytes_ = 0;
  // It ends where its pages do, as exactly as its alignment allows.
  const int64_t room = alignTo(dynamicBytes, 1024);
  dynamicOffset_ = static_cast<int64_t>(windowBytes) - room;
  addArray(nullptr, "dynamic shared memory", dynamicOffset_, dynamicBytes);
  std::memset(base_ + dynamicOffset_ + dynamicBytes, zonePattern,
              static_cast<size_t>(room - dynamicBytes));
  if (now_ > 0x7fffffff) {
    std::fill(cells_.begin(), cells_.end(), Cell());
    now_ = 1;
  }
  blockStart_ = blockFloor_ = ++now_;
  warpFloor_.assign(static_cast<size_t>(threads + 31) / 32, 0);
  hardwareFloor_.assign(static_cast<size_t>(threads), 0);
  asyncFence_.assign(static_cast<size_t>(threads), 0);
  acquired_.clear();
}

void SharedMemory::addArray(const void *key, const char *name, int64_t offset, int64_t bytes) {
  arrays_.push_back({key, name, offset, bytes});
  std::memset(base_ + offset, poison, static_cast<size_t>(bytes));
  std::fill_n(owners_.begin() + offset, bytes, static_cast<uint8_t>(arrays_.size()));
}

void *SharedMemory::array(const void *key, const char *name, int64_t bytes, int64_t alignment,
                          std::string &problem) {
  for (const Array &array : arrays_)
    if (array.key == key)
      return base_ + array.offset;
  staticBytes_ = alignTo(staticBytes_, alignment) + bytes;
  const int64_t offset = alignTo(staticEnd_, alignment);
  if (staticBytes_ > maximalStatic || arrays_.size() >= 60) {
    problem = std::string("static shared memory is full at ") + name;
    return nullptr;
  }
  addArray(key, name, offset, bytes);
  staticEnd_ = offset + bytes + zoneBytes;
  return base_ + offset;
}

std::string SharedMemory::checkBounds(const void *address, int64_t bytes) const {
  const size_t first = offsetOf(address), last = first + static_cast<size_t>(bytes) - 1;
  if (last < windowBytes && first <= last && owners_[first] && owners_[first] == owners_[last])
    return {};
  return std::to_string(bytes) + " bytes outside of shared memory's arrays, " + describe(address);
}

std::string SharedMemory::describe(const void *address) const {
  const int64_t offset = static_cast<const char *>(address) - base_;
  const Array *nearest = nullptr;
  for (const Array &array : arrays_)
    if (array.offset <= offset && (!nearest || array.offset > nearest->offset))
      nearest = &array;
  if (!nearest)
    return "before all of them";
  return std::string("at byte ") + std::to_string(offset - nearest->offset) + " of " +
         nearest->name + " (" + std::to_string(nearest->bytes) + " bytes)";
}

bool SharedMemory::isOrdered(int by, uint32_t stamp, int thread) const {
  if (by == thread || stamp < blockFloor_)
    return true;
  if (by / 32 == thread / 32 && stamp < warpFloor_[static_cast<size_t>(thread / 32)])
    return true;
  return hasAcquired(thread, stamp, static_cast<size_t>(by), static_cast<size_t>(by) + 1);
}

// Whether what one of these threads did then came before what the thread does now.
bool SharedMemory::hasAcquired(int thread, uint32_t stamp, size_t firstBy, size_t endBy) const {
  if (acquired_.empty())
    return false;
  const Clock &clock = acquired_[static_cast<size_t>(thread)];
  return std::any_of(clock.begin() + static_cast<long>(firstBy),
                     clock.begin() + static_cast<long>(std::min(endBy, clock.size())),
                     [&](uint32_t seen) { return stamp < seen; });
}

void SharedMemory::release(int thread, Clock &clock) {
  const size_t count = hardwareFloor_.size();
  clock.resize(count);
  if (!acquired_.empty())
    for (size_t i = 0; i < count; ++i)
      clock[i] = std::max(clock[i], acquired_[static_cast<size_t>(thread)][i]);
  const size_t warp = static_cast<size_t>(thread) / 32;
  for (size_t i = warp * 32; i < std::min(warp * 32 + 32, count); ++i)
    clock[i] = std::max(clock[i], warpFloor_[warp]);
  clock[static_cast<size_t>(thread)] = ++now_;
}

void SharedMemory::acquire(int thread, const Clock &clock) {
  const size_t count = hardwareFloor_.size();
  if (acquired_.empty())
    acquired_.assign(count, Clock(count));
  for (size_t i = 0; i < clock.size(); ++i)
    acquired_[static_cast<size_t>(thread)][i] =
        std::max(acquired_[static_cast<size_t>(thread)][i], clock[i]);
}

bool SharedMemory::isReadOrdered(const Cell &cell, int thread) const {
  if (cell.read < blockFloor_)
    return true;
  // Who exactly has read is not known: one of them must have been seen.
  if (cell.reader == several)
    return hasAcquired(thread, cell.read, 0, hardwareFloor_.size());
  if (cell.reader >= severalOfWarp) {
    const size_t warp = cell.reader - severalOfWarp;
    return (static_cast<int>(warp) == thread / 32 && cell.read < warpFloor_[warp]) ||
           hasAcquired(thread, cell.read, warp * 32, warp * 32 + 32);
  }
  return isOrdered(cell.reader, cell.read, thread);
}

std::string SharedMemory::conflict(const char *what, int thread, size_t offset, const Cell &cell,
                                   bool withReader) const {
  std::string other = "another thread";
  const uint16_t by = withReader ? cell.reader : cell.writer;
  if (by < severalOfWarp)
    other = "thread " + std::to_string(by);
  else if (by == hardware)
    other = "a copy";
  else if (by != several)
    other = "another lane of warp " + std::to_string(by - severalOfWarp);
  return std::string(what) + describe(base_ + offset) + ", which " + other +
         (withReader ? " reads" : " writes") + " without a barrier in between";
}

std::string SharedMemory::read(int thread, const void *address, int64_t bytes) {
  for (size_t i = offsetOf(address), end = i + static_cast<size_t>(bytes); i < end; ++i) {
    Cell &cell = cells_[i];
    if (cell.written >= blockStart_) {
      if (cell.writer == copying)
        return "a read of what an asynchronous copy has yet to write, " + describe(base_ + i);
      const bool ordered =
          cell.writer == hardware
              ? cell.written < std::max(blockFloor_, hardwareFloor_[static_cast<size_t>(thread)])
              : isOrdered(cell.writer, cell.written, thread);
      if (!ordered)
        return conflict("a read ", thread, i, cell, false);
    }
    // Who else has read it since the last barrier?
    const uint16_t self = static_cast<uint16_t>(thread);
    if (cell.read < blockFloor_ || cell.reader == self)
      cell.reader = self;
    else if (cell.reader < severalOfWarp ? cell.reader / 32 == thread / 32
                                         : cell.reader == severalOfWarp + thread / 32)
      cell.reader = static_cast<uint16_t>(severalOfWarp + thread / 32);
    else
      cell.reader = several;
    cell.read = now_;
  }
  return {};
}

std::string SharedMemory::readByUnit(int thread, const void *address, int64_t bytes) {
  for (size_t i = offsetOf(address), end = i + static_cast<size_t>(bytes); i < end; ++i) {
    const Cell &cell = cells_[i];
    if (cell.written >= blockStart_ && cell.writer < severalOfWarp &&
        asyncFence_[cell.writer] <= cell.written)
      return "a read by wgmma " + describe(base_ + i) + ", which thread " +
             std::to_string(cell.writer) + " has written and not fenced (k_async_fence)";
  }
  return read(thread, address, bytes);
}

std::string SharedMemory::claim(int thread, size_t offset, uint16_t writer) {
  Cell &cell = cells_[offset];
  if (cell.written >= blockStart_) {
    if (cell.writer == copying)
      return "a write to what an asynchronous copy has yet to write, " + describe(base_ + offset);
    if (cell.writer != hardware
            ? !isOrdered(cell.writer, cell.written, thread)
            : cell.written >= std::max(blockFloor_, hardwareFloor_[static_cast<size_t>(thread)]))
      return conflict("a write ", thread, offset, cell, false);
  }
  if (cell.read >= blockStart_ && !isReadOrdered(cell, thread))
    return conflict("a write ", thread, offset, cell, true);
  cell.writer = writer;
  cell.written = now_;
  return {};
}

std::string SharedMemory::write(int thread, const void *address, int64_t bytes) {
  for (size_t i = offsetOf(address), end = i + static_cast<size_t>(bytes); i < end; ++i)
    if (std::string problem = claim(thread, i, static_cast<uint16_t>(thread)); !problem.empty())
      return problem;
  return {};
}

std::string SharedMemory::beginCopy(int thread, void *address, int64_t bytes) {
  for (size_t i = offsetOf(address), end = i + static_cast<size_t>(bytes); i < end; ++i)
    if (std::string problem = claim(thread, i, copying); !problem.empty())
      return problem;
  std::memset(address, poison, static_cast<size_t>(bytes));
  return {};
}

void SharedMemory::arrive(int thread, void *address, int64_t bytes) {
  for (size_t i = offsetOf(address), end = i + static_cast<size_t>(bytes); i < end; ++i) {
    cells_[i].writer = thread < 0 ? hardware : static_cast<uint16_t>(thread);
    cells_[i].written = now_;
  }
}

void SharedMemory::orderWarp(int warp) {
  warpFloor_[static_cast<size_t>(warp)] = ++now_;
  // What one lane has waited for, all may read.
  const size_t first = static_cast<size_t>(warp) * 32;
  const size_t end = std::min(first + 32, hardwareFloor_.size());
  uint32_t latest = 0;
  for (size_t i = first; i < end; ++i)
    latest = std::max(latest, hardwareFloor_[i]);
  for (size_t i = first; i < end; ++i)
    hardwareFloor_[i] = latest;
  if (acquired_.empty())
    return;
  Clock all;
  for (size_t i = first; i < end; ++i)
    release(static_cast<int>(i), all);
  for (size_t i = first; i < end; ++i)
    acquire(static_cast<int>(i), all);
}

std::string SharedMemory::checkZones() const {
  auto isClean = [&](int64_t from, int64_t to) {
    return std::all_of(base_ + from, base_ + to,
                       [](char byte) { return byte == static_cast<char>(zonePattern); });
  };
  for (const Array &array : arrays_) {
    const int64_t end = array.offset + array.bytes;
    const int64_t zoneEnd = array.key ? end + zoneBytes : static_cast<int64_t>(windowBytes);
    if (!isClean(end, zoneEnd))
      return std::string("a write behind the end of ") + array.name;
  }
  return {};
}

} // namespace ingot::shim
