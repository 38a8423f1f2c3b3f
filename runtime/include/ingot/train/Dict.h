// Dict: values by name in the order in which the names came, as a Python dict keeps them: what
// Keras prints, logs and records follows from that order.
//
// Invariant: no name is there twice. Few entries: finding one looks at all.
#ifndef INGOT_TRAIN_DICT_H
#define INGOT_TRAIN_DICT_H

#include <algorithm>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ingot::train {

template <typename T> class Dict {
public:
  using value_type = std::pair<std::string, T>;
  using iterator = typename std::vector<value_type>::iterator;
  using const_iterator = typename std::vector<value_type>::const_iterator;

  Dict() = default;
  Dict(std::initializer_list<value_type> entries) {
    for (const value_type &entry : entries)
      (*this)[entry.first] = entry.second;
  }

  bool empty() const { return entries.empty(); }
  size_t size() const { return entries.size(); }
  iterator begin() { return entries.begin(); }
  iterator end() { return entries.end(); }
  const_iterator begin() const { return entries.begin(); }
  const_iterator end() const { return entries.end(); }

  iterator find(std::string_view name) {
    return std::find_if(begin(), end(),
                        [&](const value_type &entry) { return entry.first == name; });
  }
  const_iterator find(std::string_view name) const { return const_cast<Dict *>(this)->find(name); }
  size_t count(std::string_view name) const { return find(name) == end() ? 0 : 1; }

  /// The value of `name`, which is appended when it is new.
  T &operator[](std::string_view name) {
    if (iterator found = find(name); found != end())
      return found->second;
    entries.emplace_back(name, T());
    return entries.back().second;
  }
  /// std::out_of_range when there is none of that name.
  const T &at(std::string_view name) const {
    const_iterator found = find(name);
    if (found == end())
      throw std::out_of_range("no entry '" + std::string(name) + "'");
    return found->second;
  }
  T &at(std::string_view name) { return const_cast<T &>(std::as_const(*this).at(name)); }

  void clear() { entries.clear(); }
  void erase(iterator entry) { entries.erase(entry); }
  /// Orders the entries by name, byte by byte.
  void sort() {
    std::sort(begin(), end(),
              [](const value_type &a, const value_type &b) { return a.first < b.first; });
  }

  /// The same entries in the same order.
  friend bool operator==(const Dict &a, const Dict &b) { return a.entries == b.entries; }
  friend bool operator!=(const Dict &a, const Dict &b) { return a.entries != b.entries; }

private:
  std::vector<value_type> entries;
};

/// Metric name -> value.
using Logs = Dict<double>;

} // namespace ingot::train

#endif
