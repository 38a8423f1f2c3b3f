// A block's shared memory: arrays in pages between pages without access, and who touched which byte
// last, so that an access without a barrier in between is seen.
//
// Order. `now` counts what orders threads: a barrier of the block, of a warp, a wait for an
// asynchronous copy. An access is stamped with it. It came before what a thread does now if it was
// the thread's own, or is older than the block's last barrier, than the last barrier of both
// threads' warp, than what the thread has acquired by waiting for an mbarrier that the other
// arrived at, or, where a copy by hardware made it, than the thread's last wait for one.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ingot::shim {

class SharedMemory {
public:
  /// Static arrays together, and the dynamic one: what the largest GPUs have.
  static constexpr int64_t maximalStatic = 48 << 10, maximalDynamic = 227 << 10;

  SharedMemory();
  ~SharedMemory();
  SharedMemory(const SharedMemory &) = delete;
  SharedMemory &operator=(const SharedMemory &) = delete;

  /// For a new block of so many threads: no static arrays, NaN everywhere.
  void reset(int threads, int64_t dynamicBytes);

  void *dynamic() const { return base_ + dynamicOffset_; }
  /// The array of this key; null and `problem` where there is no room.
  void *array(const void *key, const char *name, int64_t bytes, int64_t alignment,
              std::string &problem);

  bool contains(const void *address) const {
    return static_cast<size_t>(static_cast<const char *>(address) - base_) < windowBytes;
  }
  /// What is wrong with bytes that must lie in one array; empty if nothing is.
  std::string checkBounds(const void *address, int64_t bytes) const;
  /// "red[3]" as far as it is known: the array's name and the offset in bytes.
  std::string describe(const void *address) const;

  /// An access by a thread: recorded, and what is wrong with it. `checkBounds` has passed.
  std::string read(int thread, const void *address, int64_t bytes);
  std::string write(int thread, const void *address, int64_t bytes);
  /// A read by wgmma: what threads wrote must also have been fenced (asyncFence).
  std::string readByUnit(int thread, const void *address, int64_t bytes);
  void asyncFence(int thread) { asyncFence_[static_cast<size_t>(thread)] = ++now_; }
  /// A copy begins that writes the bytes some time from now on: NaN until it does. Then
  /// `arrive` says that they are there: for `thread` who has waited, or, if it is -1, for all who
  /// wait (waitedForHardware).
  std::string beginCopy(int thread, void *address, int64_t bytes);
  void arrive(int thread, void *address, int64_t bytes);

  void orderBlock() { blockFloor_ = ++now_; }
  void orderWarp(int warp);
  void waitedForHardware(int thread) { hardwareFloor_[static_cast<size_t>(thread)] = ++now_; }
  /// What an mbarrier knows of each thread: what it did before this point in time has been seen.
  using Clock = std::vector<uint32_t>;
  void release(int thread, Clock &clock);
  void acquire(int thread, const Clock &clock);
  /// Of a point in time got from `now`: whether a thread's act then came before this thread's now.
  bool isOrdered(int by, uint32_t stamp, int thread) const;
  uint32_t now() const { return now_; }

  /// Bytes between arrays that have been overwritten: what and where, or empty.
  std::string checkZones() const;

private:
  static constexpr size_t staticWindow = 64 << 10, page = 4096;
  static constexpr size_t dynamicWindow = 256 << 10;
  static constexpr size_t windowBytes = staticWindow + page + dynamicWindow;
  static constexpr uint16_t copying = 0xffff, hardware = 0xfffe, several = 0xfffd,
                            severalOfWarp = 0x8000; ///< + the warp
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
  std::string conflict(const char *what, int thread, size_t offset, const Cell &cell,
                       bool withReader) const;
  bool hasAcquired(int thread, uint32_t stamp, size_t firstBy, size_t endBy) const;
  bool isReadOrdered(const Cell &cell, int thread) const;
  std::string claim(int thread, size_t offset, uint16_t writer);

  char *mapping_ = nullptr, *base_ = nullptr;
  int64_t dynamicOffset_ = 0;
  int64_t staticEnd_ = 0, staticBytes_ = 0;
  std::vector<Array> arrays_;
  std::vector<uint8_t> owners_; ///< of each byte: number of its array, from 1 on; 0: none
  std::vector<Cell> cells_;     ///< of each byte
  uint32_t now_ = 1, blockStart_ = 1, blockFloor_ = 1;
  std::vector<uint32_t> warpFloor_, hardwareFloor_, asyncFence_;
  std::vector<Clock> acquired_; ///< of each thread; none while no mbarrier was waited for
};

} // namespace ingot::shim
