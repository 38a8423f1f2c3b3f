// UniqueKeys: the keys that an object may have once. Of two values one would count and the other be
// believed checked, so a body that repeats a key which matters is refused.
#ifndef INGOT_RUNTIME_SERVE_REST_UNIQUEKEYS_H
#define INGOT_RUNTIME_SERVE_REST_UNIQUEKEYS_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace ingot::serve::rest {

class UniqueKeys {
public:
  UniqueKeys(std::initializer_list<std::string_view> keys) : count_(std::min(keys.size(), most)) {
    std::copy_n(keys.begin(), count_, keys_);
  }

  /// Whether `key` is one of them and came before.
  bool repeats(std::string_view key) {
    const size_t which = static_cast<size_t>(std::find(keys_, keys_ + count_, key) - keys_);
    const uint32_t bit = which < count_ ? uint32_t{1} << which : 0;
    const bool isSeen = (seen_ & bit) != 0;
    seen_ |= bit;
    return isSeen;
  }

private:
  static constexpr size_t most = 16;
  std::string_view keys_[most];
  size_t count_;
  uint32_t seen_ = 0;
};

} // namespace ingot::serve::rest

#endif
