// A block's shared memory: arrays in pages between pages without access, and who touched which byte
// last, so that an access without a barrier in between is seen.
#pragma once
#include "Ordering.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ingot::shim {

class SharedMemory {
public:
  /// Static arrays together, and the dynamic one: what the largest GPUs have.
  static constexpr int64_t maximalStatic = 48 << 10, maximalDynamic = 227 << 10;

  /// What comes before what is asked of `ordering`, which must outlive this.
  explicit SharedMemory(const Ordering &ordering);
  ~SharedMemory();
  SharedMemory(const SharedMemory &) = delete;
  SharedMemory &operator=(const SharedMemory &) = delete;

  /// For a new block: no static arrays, NaN everywhere. `forget`: stamps start anew.
  void reset(int64_t dynamicBytes, bool forget);

  void *dynamic() const { return base_ + dynamicOffset_; }
  /// The array of this key; null where there is no room.
  void *array(const void *key, const char *name, int64_t bytes, int64_t alignment);

  bool contains(const void *address) const { return offsetOf(address) < windowBytes; }

  /// An access by a thread to bytes that must lie in one array: recorded. False if something is
  /// wrong with it, which is `problem` then.
  bool read(int thread, const void *address, int64_t bytes);
  bool write(int thread, const void *address, int64_t bytes);
  /// A read by wgmma: what threads wrote must also have been fenced.
  bool readByUnit(int thread, const void *address, int64_t bytes);
  /// A copy begins that writes the bytes some time from now on: NaN until it does. Then `arrive`
  /// says that they are there: for `thread` who has waited, or, if it is -1, for all who wait for
  /// hardware.
  bool beginCopy(int thread, void *address, int64_t bytes);
  void arrive(int thread, void *address, int64_t bytes);
  const std::string &problem() const { return problem_; }

  /// Bytes between arrays that have been overwritten: what and where, or empty.
  std::string checkZones() const;

private:
  static constexpr size_t staticWindow = 64 << 10, page = 4096;
  static constexpr size_t dynamicWindow = 256 << 10;
  static constexpr size_t windowBytes = staticWindow + page + dynamicWindow;
  static constexpr uint16_t copying = 0xffff, hardware = 0xfffe, several = 0xfffd,
                            severalOfWarp = 0x8000; ///< + the warp
  /// Who was last at a byte, and when. A write makes earlier reads forgotten: it comes after them.
  struct Cell {
    uint32_t written = 0, read = 0; ///< stamps
    uint16_t writer = 0, reader = 0;
  };
  struct Array {
    const void *key;
    const char *name;
    int64_t offset, bytes;
  };
  size_t offsetOf(const void *address) const {
    return static_cast<size_t>(static_cast<const char *>(address) - base_);
  }
  void addArray(const void *key, const char *name, int64_t offset, int64_t bytes);
  bool checkBounds(const void *address, int64_t bytes);
  std::string describe(size_t offset) const;
  template <typename F> bool forEachCell(const void *address, int64_t bytes, F &&visit);
  bool isWriteOrdered(const Cell &cell, int thread) const;
  bool isReadOrdered(const Cell &cell, int thread) const;
  bool readCell(int thread, size_t offset, Cell &cell);
  bool claimCell(int thread, size_t offset, Cell &cell, uint16_t writer);
  bool claim(int thread, const void *address, int64_t bytes, uint16_t writer);
  bool conflict(const char *what, size_t offset, uint16_t other, const char *otherDoes);

  const Ordering &ordering_;
  char *mapping_ = nullptr, *base_ = nullptr;
  int64_t dynamicOffset_ = 0;
  int64_t staticEnd_ = 0, staticBytes_ = 0;
  std::vector<Array> arrays_;
  std::vector<uint8_t> owners_; ///< of each byte: number of its array, from 1 on; 0: none
  std::vector<Cell>
      cells_; ///< of each byte; of a word that is not split, the first is for all four
  std::vector<uint8_t> isSplit_; ///< of each word
  std::string problem_;
};

} // namespace ingot::shim
