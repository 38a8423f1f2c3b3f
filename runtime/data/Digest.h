// SHA-256 and MD5 (FIPS 180-4, RFC 1321) of bytes that come piece by piece: whether a file is the
// one that was meant. MD5 only because some of Keras's files are known by it. Used by GetFile.cpp.
#ifndef INGOT_RUNTIME_DATA_DIGEST_H
#define INGOT_RUNTIME_DATA_DIGEST_H

#include "ingot/Status.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace ingot::data {

class Digest {
public:
  /// By the number of hexadecimal digits of what is expected: 64 is SHA-256, 32 MD5.
  static bool knows(size_t digits) { return digits == 64 || digits == 32; }
  /// Requires knows(digits).
  explicit Digest(size_t digits);

  void update(const void *data, size_t size);
  /// Lower-case hexadecimal; call it once, last.
  std::string finish();

private:
  void block(const uint8_t *bytes);
  void sha256(const uint32_t *words);
  void md5(const uint32_t *words);

  bool isSha;
  uint32_t state[8];
  uint8_t pending[64];
  uint64_t total = 0;
};

/// Of a whole file. NotFound, IoError.
Result<std::string> digestOfFile(const std::string &path, size_t digits);

} // namespace ingot::data

#endif
