// A stream of bytes that a parser reads from front to back: memory, a file, a gzip stream or a
// member of a zip archive.
// Invariant: `bound()` is never less than what the source can still give, so a parser that compares
// a size claimed by a header with it never allocates more than the input can fill.
#ifndef INGOT_RUNTIME_DATA_BYTESOURCE_H
#define INGOT_RUNTIME_DATA_BYTESOURCE_H

#include "ingot/Status.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ingot::data {

/// Deflate cannot expand a byte to more than this many.
constexpr uint64_t maxDeflateRatio = 1032;

class ByteSource {
public:
  virtual ~ByteSource() = default;

  /// Reads up to `size` bytes; fewer only at the end. DataLoss when the stream is corrupt.
  virtual Result<size_t> readSome(void *to, size_t size) = 0;

  /// No more than this many bytes can follow.
  virtual uint64_t bound() const = 0;

  /// Reads exactly `size` bytes of what the message calls `what`. DataLoss when there are fewer.
  Status read(void *to, size_t size, const char *what);

  /// DataLoss when anything follows.
  Status expectEnd();
};

/// Bytes that outlive the source.
class MemorySource : public ByteSource {
public:
  MemorySource(const void *data, size_t size)
      : next(static_cast<const uint8_t *>(data)), left(size) {}
  Result<size_t> readSome(void *to, size_t size) override;
  uint64_t bound() const override { return left; }

private:
  const uint8_t *next;
  size_t left;
};

/// NotFound or IoError with the system's words; directories and devices are refused.
Result<std::unique_ptr<ByteSource>> openFile(const std::string &path);

/// The decompressed bytes of one or more gzip members in memory that outlives the source.
Result<std::unique_ptr<ByteSource>> openGzip(const void *data, size_t size);

bool looksLikeGzip(const void *data, size_t size);

/// A whole regular file. NotFound, IoError, ResourceExhausted.
Result<std::vector<uint8_t>> readWholeFile(const std::string &path);

} // namespace ingot::data

#endif
