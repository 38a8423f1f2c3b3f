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

SharedMemory::SharedMemory(const Ordering &ordering)
    : ordering_(ordering), owners_(windowBytes), cells_(windowBytes), isSplit_(windowBytes / 4) {
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

void SharedMemory::reset(int64_t dynamicBytes, bool forget) {
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
  if (forget)
    std::fill(cells_.begin(), cells_.end(), Cell());
}

void SharedMemory::addArray(const void *key, const char *name, int64_t offset, int64_t bytes) {
  arrays_.push_back({key, name, offset, bytes});
  std::memset(base_ + offset, poison, static_cast<size_t>(bytes));
  std::fill_n(owners_.begin() + offset, bytes, static_cast<uint8_t>(arrays_.size()));
}

void *SharedMemory::array(const void *key, const char *name, int64_t bytes, int64_t alignment) {
  for (const Array &array : arrays_)
    if (array.key == key)
      return base_ + array.offset;
  staticBytes_ = alignTo(staticBytes_, alignment) + bytes;
  const int64_t offset = alignTo(staticEnd_, alignment);
  const int64_t end = offset + bytes + zoneBytes;
  if (staticBytes_ > maximalStatic || end > static_cast<int64_t>(staticWindow))
    return nullptr;
  addArray(key, name, offset, bytes);
  staticEnd_ = end;
  return base_ + offset;
}

bool SharedMemory::checkBounds(const void *address, int64_t bytes) {
  const size_t first = offsetOf(address), last = first + static_cast<size_t>(bytes) - 1;
  if (first < windowBytes && last < windowBytes && owners_[first] &&
      owners_[first] == owners_[last])
    return true;
  problem_ = std::to_string(bytes) + " bytes outside of shared memory's arrays" + describe(first);
  return false;
}

std::string SharedMemory::describe(size_t offset) const {
  const int64_t at = static_cast<int64_t>(offset);
  const Array *nearest = nullptr;
  for (const Array &array : arrays_)
    if (array.offset <= at && (!nearest || array.offset > nearest->offset))
      nearest = &array;
  if (!nearest || offset >= windowBytes)
    return "";
  return " at byte " + std::to_string(at - nearest->offset) + " of " + nearest->name + " (" +
         std::to_string(nearest->bytes) + " bytes)";
}

// Calls visit(offset, cell) for what has been touched in one piece until now and is now.
template <typename F>
bool SharedMemory::forEachCell(const void *address, int64_t bytes, F &&visit) {
  if (!checkBounds(address, bytes))
    return false;
  const size_t end = offsetOf(address) + static_cast<size_t>(bytes);
  for (size_t i = offsetOf(address); i < end;) {
    const size_t word = i / 4;
    if (!isSplit_[word]) {
      if (i % 4 == 0 && i + 4 <= end) {
        if (!visit(i, cells_[i]))
          return false;
        i += 4;
        continue;
      }
      std::fill_n(cells_.begin() + static_cast<long>(word * 4 + 1), 3, cells_[word * 4]);
      isSplit_[word] = 1;
    }
    if (!visit(i, cells_[i]))
      return false;
    ++i;
  }
  return true;
}

bool SharedMemory::isWriteOrdered(const Cell &cell, int thread) const {
  return cell.writer == hardware ? ordering_.isHardwareOrdered(cell.written, thread)
                                 : ordering_.isOrdered(cell.writer, cell.written, thread);
}

bool SharedMemory::isReadOrdered(const Cell &cell, int thread) const {
  if (cell.read < ordering_.lastBarrier())
    return true;
  if (cell.reader < severalOfWarp)
    return ordering_.isOrdered(cell.reader, cell.read, thread);
  // Who exactly has read is not known: one of them must have been seen.
  if (cell.reader == several)
    return ordering_.isAnyOrdered(0, SIZE_MAX, cell.read, thread);
  const int warp = cell.reader - severalOfWarp;
  const size_t first = static_cast<size_t>(warp) * 32;
  return ordering_.isOrderedInWarp(warp, cell.read, thread) ||
         ordering_.isAnyOrdered(first, first + 32, cell.read, thread);
}

bool SharedMemory::conflict(const char *what, size_t offset, uint16_t other,
                            const char *otherDoes) {
  std::string by = "another thread";
  if (other < severalOfWarp)
    by = "thread " + std::to_string(other);
  else if (other == hardware)
    by = "a copy";
  else if (other != several)
    by = "another lane of warp " + std::to_string(other - severalOfWarp);
  problem_ =
      what + describe(offset) + ", which " + by + otherDoes + " without a barrier in between";
  return false;
}

bool SharedMemory::readCell(int thread, size_t offset, Cell &cell) {
  if (cell.written >= ordering_.blockStart()) {
    if (cell.writer == copying) {
      problem_ = "a read of what an asynchronous copy has yet to write," + describe(offset);
      return false;
    }
    if (!isWriteOrdered(cell, thread))
      return conflict("a read", offset, cell.writer, " writes");
  }
  // Who else has read it since the last barrier?
  const uint16_t self = static_cast<uint16_t>(thread);
  if (cell.read < ordering_.lastBarrier() || cell.reader == self)
    cell.reader = self;
  else if (cell.reader < severalOfWarp ? cell.reader / 32 == thread / 32
                                       : cell.reader == severalOfWarp + thread / 32)
    cell.reader = static_cast<uint16_t>(severalOfWarp + thread / 32);
  else
    cell.reader = several;
  cell.read = ordering_.now();
  return true;
}

bool SharedMemory::read(int thread, const void *address, int64_t bytes) {
  return forEachCell(address, bytes,
                     [&](size_t offset, Cell &cell) { return readCell(thread, offset, cell); });
}

bool SharedMemory::readByUnit(int thread, const void *address, int64_t bytes) {
  return forEachCell(address, bytes, [&](size_t offset, Cell &cell) {
    if (cell.written >= ordering_.blockStart() && cell.writer < severalOfWarp &&
        !ordering_.isFenced(cell.writer, cell.written)) {
      problem_ = "a read" + describe(offset) + ", which thread " + std::to_string(cell.writer) +
                 " has written and not fenced (k_async_fence)";
      return false;
    }
    return readCell(thread, offset, cell);
  });
}

bool SharedMemory::claimCell(int thread, size_t offset, Cell &cell, uint16_t writer) {
  const uint32_t start = ordering_.blockStart();
  if (cell.written >= start && cell.writer == copying) {
    problem_ = "a write to what an asynchronous copy has yet to write," + describe(offset);
    return false;
  }
  if (cell.written >= start && !isWriteOrdered(cell, thread))
    return conflict("a write", offset, cell.writer, " writes");
  if (cell.read >= start && !isReadOrdered(cell, thread))
    return conflict("a write", offset, cell.reader, " reads");
  cell = {ordering_.now(), 0, writer, 0};
  return true;
}

bool SharedMemory::claim(int thread, const void *address, int64_t bytes, uint16_t writer) {
  const bool done = forEachCell(address, bytes, [&](size_t offset, Cell &cell) {
    return claimCell(thread, offset, cell, writer);
  });
  // Whole words are of one piece again.
  const size_t first = (offsetOf(address) + 3) / 4;
  const size_t end = (offsetOf(address) + static_cast<size_t>(bytes)) / 4;
  if (done && first < end)
    std::fill(isSplit_.begin() + static_cast<long>(first),
              isSplit_.begin() + static_cast<long>(end), 0);
  return done;
}

bool SharedMemory::write(int thread, const void *address, int64_t bytes) {
  return claim(thread, address, bytes, static_cast<uint16_t>(thread));
}

bool SharedMemory::beginCopy(int thread, void *address, int64_t bytes) {
  if (!claim(thread, address, bytes, copying))
    return false;
  std::memset(address, poison, static_cast<size_t>(bytes));
  return true;
}

void SharedMemory::arrive(int thread, void *address, int64_t bytes) {
  const uint16_t writer = thread < 0 ? hardware : static_cast<uint16_t>(thread);
  forEachCell(address, bytes, [&](size_t, Cell &cell) {
    cell = {ordering_.now(), 0, writer, 0};
    return true;
  });
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
