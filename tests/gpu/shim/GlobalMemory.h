// Who touched which bytes of global memory in a launch, and whether there are any: blocks cannot
// wait for each other, and threads of one block only by barriers, so that what one writes no other
// may touch without.
//
// Kept by words of four bytes. Where threads share a word, what the last of them did is known
// alone: some conflicts are missed, none is made up.
#pragma once
#include "Ordering.h"
#include "Shim.h"
#include "backends/gpu/prelude/shim_abi.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

namespace ingot::shim {

class GlobalMemory {
public:
  /// For a new launch. Without bounds all memory may be touched.
  void begin(Bounds bounds) {
    ++launch_;
    bounds_ = std::move(bounds);
  }

  /// An access by a thread, whose block's ordering this is: recorded. False if it is a conflict,
  /// or out of bounds, which is `problem` then.
  bool access(ShimThread thread, const Ordering &ordering, const void *address, int64_t bytes,
              bool write);
  const std::string &problem() const { return problem_; }

private:
  static constexpr size_t pageBytes = 4096, maximalPages = 8 << 10;
  static constexpr int32_t several = -1; ///< blocks, or threads of one
  /// Which bytes of the word were touched, by whom, and when.
  struct Act {
    uint32_t launch = 0;
    int32_t block = 0;
    Ordering::Stamp stamp = 0;
    int16_t thread = 0;
    uint8_t bytes = 0;
  };
  struct Word {
    Act written, read;
  };
  struct Page {
    Word words[pageBytes / 4];
  };
  Page &page(uintptr_t number);
  bool check(const Act &act, uint8_t bytes, ShimThread thread, const Ordering &ordering);
  void describe(const Act &act, const void *address, bool write, bool wrote);

  Bounds bounds_;
  uint32_t launch_ = 0;
  std::unordered_map<uintptr_t, std::unique_ptr<Page>> pages_;
  struct Recent {
    uintptr_t number = 0;
    Page *page = nullptr;
  };
  Recent recent_[64];
  std::string problem_;
};

} // namespace ingot::shim
