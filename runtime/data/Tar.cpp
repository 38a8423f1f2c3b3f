// Blocks of 512 bytes: a header, then the contents filled up to whole blocks.
#include "runtime/data/Tar.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace ingot::data {

static constexpr size_t blockBytes = 512;

static Status corrupt(const std::string &what) {
  return Status(StatusCode::DataLoss, "the tar archive is damaged: " + what);
}

/// An octal number, or a binary one where the first bit is set (GNU).
static std::optional<uint64_t> numberIn(const uint8_t *field, size_t size) {
  uint64_t value = 0;
  if (field[0] & 0x80) {
    for (size_t i = 1; i < size; ++i) {
      if (value >> 55)
        return std::nullopt;
      value = value << 8 | field[i];
    }
    return value;
  }
  size_t i = 0;
  while (i < size && field[i] == ' ')
    ++i;
  for (; i < size && field[i] >= '0' && field[i] <= '7'; ++i)
    value = value << 3 | uint64_t(field[i] - '0');
  if (i < size && field[i] != ' ' && field[i] != 0)
    return std::nullopt;
  return value;
}

static std::string textIn(const uint8_t *field, size_t size) {
  const auto *text = reinterpret_cast<const char *>(field);
  return {text, strnlen(text, size)};
}

static bool hasChecksum(const uint8_t *header) {
  uint64_t sum = 8 * ' '; // the checksum's own field counts as blanks
  for (size_t i = 0; i < blockBytes; ++i)
    if (i < 148 || i >= 156)
      sum += header[i];
  return numberIn(header + 148, 8) == sum;
}

Status TarReader::skip(uint64_t bytes) {
  uint8_t piece[blockBytes * 16];
  while (bytes > 0) {
    const auto size = size_t(std::min<uint64_t>(bytes, sizeof piece));
    INGOT_RETURN_IF_ERROR(source.read(piece, size, "an entry"));
    bytes -= size;
  }
  return Status();
}

Result<std::optional<TarEntry>> TarReader::next() {
  INGOT_RETURN_IF_ERROR(skip(left));
  INGOT_RETURN_IF_ERROR(skip(padding));
  left = padding = 0;
  uint8_t header[blockBytes];
  INGOT_ASSIGN_OR_RETURN(const size_t got, source.readSome(header, blockBytes));
  const bool isEnd = std::all_of(header, header + got, [](uint8_t byte) { return byte == 0; });
  if (got == 0 || (got == blockBytes && isEnd))
    return std::optional<TarEntry>();
  if (got != blockBytes || !hasChecksum(header))
    return corrupt("a header has a wrong checksum");
  const std::optional<uint64_t> size = numberIn(header + 124, 12);
  if (!size || *size > source.bound())
    return corrupt("an entry claims more bytes than can follow");
  TarEntry entry;
  const std::string prefix =
      std::memcmp(header + 257, "ustar", 6) == 0 ? textIn(header + 345, 155) : "";
  entry.name = (prefix.empty() ? "" : prefix + "/") + textIn(header, 100);
  entry.isFile = header[156] == '0' || header[156] == 0;
  entry.isDirectory = header[156] == '5';
  entry.size = *size;
  left = *size;
  padding = (blockBytes - *size % blockBytes) % blockBytes;
  return std::optional<TarEntry>(std::move(entry));
}

Result<std::vector<uint8_t>> TarReader::contents() {
  std::vector<uint8_t> bytes;
  try {
    // In steps: a compressed source may claim a thousand times what it has.
    while (left > 0) {
      const auto size = size_t(std::min<uint64_t>(left, std::max<size_t>(bytes.size(), 1 << 20)));
      const size_t before = bytes.size();
      bytes.resize(before + size);
      INGOT_RETURN_IF_ERROR(source.read(bytes.data() + before, size, "an entry"));
      left -= size;
    }
  } catch (const std::bad_alloc &) {
    return Status(StatusCode::ResourceExhausted, "an entry of the archive does not fit in memory");
  }
  return bytes;
}

} // namespace ingot::data
