// Bytes: a growing block that is not cleared when it grows. Bodies of requests and replies are
// written into it once; std::string would write them twice.
#ifndef INGOT_RUNTIME_SERVE_REST_BYTES_H
#define INGOT_RUNTIME_SERVE_REST_BYTES_H

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <utility>

namespace ingot::serve::rest {

/// Throws std::bad_alloc where memory ends; the server answers 503 then (Connection.cpp).
class Bytes {
public:
  Bytes() = default;
  Bytes(Bytes &&other) noexcept
      : block_(std::move(other.block_)), size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Bytes &operator=(Bytes &&other) noexcept {
    block_ = std::move(other.block_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }

  char *data() { return block_.get(); }
  const char *data() const { return block_.get(); }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {block_.get(), size_}; }

  void clear() { size_ = 0; }
  /// Room for `more` bytes behind the last, to be written and then counted by `advance`.
  char *room(size_t more) {
    if (capacity_ - size_ < more)
      grow(more);
    return block_.get() + size_;
  }
  void advance(size_t written) { size_ += written; }
  void resize(size_t size) {
    if (size > size_)
      room(size - size_);
    size_ = size;
  }

  void append(std::string_view text) {
    if (text.empty())
      return;
    std::memcpy(room(text.size()), text.data(), text.size());
    size_ += text.size();
  }
  void append(char byte) {
    *room(1) = byte;
    ++size_;
  }
  Bytes &operator+=(std::string_view text) {
    append(text);
    return *this;
  }
  Bytes &operator+=(char byte) {
    append(byte);
    return *this;
  }

private:
  struct Free {
    void operator()(char *block) const { std::free(block); }
  };

  void grow(size_t more) {
    size_t wanted = size_ + more;
    if (wanted < size_)
      throw std::bad_alloc();
    size_t least = capacity_ + capacity_ / 2;
    size_t capacity = wanted < least ? least : wanted;
    capacity = capacity < 256 ? 256 : capacity;
    void *block = std::realloc(block_.get(), capacity);
    if (!block)
      throw std::bad_alloc();
    (void)block_.release();
    block_.reset(static_cast<char *>(block));
    capacity_ = capacity;
  }

  std::unique_ptr<char, Free> block_;
  size_t size_ = 0, capacity_ = 0;
};

} // namespace ingot::serve::rest

#endif
