// Recordings of whole runs: a bounded cache, least recently used out first. A run is recorded when
// it comes for the second time, since most sizes that come once do not come again.
#ifndef INGOT_RUNTIME_DEVICE_RECORDINGS_H
#define INGOT_RUNTIME_DEVICE_RECORDINGS_H

#include "runtime/device/Driver.h"

#include <algorithm>
#include <cstdint>
#include <list>
#include <memory>
#include <vector>

namespace ingot {

class Recordings {
public:
  static constexpr size_t most = 32;

  /// What a run is the same by: the sizes, and where everything lies.
  struct Key {
    std::vector<int64_t> symbols;
    std::vector<const void *> addresses;
    bool operator==(const Key &other) const {
      return symbols == other.symbols && addresses == other.addresses;
    }
  };
  struct Entry {
    Key key;
    bool isNew = true;                    // this is the first time that it was asked for
    std::unique_ptr<Recording> recording; // NULL: not recorded yet
    std::vector<int64_t> extents;         // that the recorded run computed
  };

  /// The entry of a run; it stays until `find` is called again. Calls `settle()` before another
  /// recording goes, which may be under way.
  template <typename Settle> Entry &find(const Key &key, const Settle &settle) {
    auto found = std::find_if(entries_.begin(), entries_.end(),
                              [&](const Entry &entry) { return entry.key == key; });
    if (found != entries_.end()) {
      entries_.splice(entries_.begin(), entries_, found);
      found->isNew = false;
      return *found;
    }
    if (entries_.size() == most) {
      if (entries_.back().recording)
        settle();
      entries_.pop_back();
    }
    entries_.emplace_front();
    entries_.front().key = key;
    return entries_.front();
  }
  void clear() { entries_.clear(); }

private:
  std::list<Entry> entries_; // the one that was used last in front
};

} // namespace ingot

#endif // INGOT_RUNTIME_DEVICE_RECORDINGS_H
