// Protobuf's wire format, as far as small messages of fixed form need it: fields are appended to a
// string. Used for event files and the graphs in them.
#ifndef INGOT_RUNTIME_CORE_PROTOWRITER_H
#define INGOT_RUNTIME_CORE_PROTOWRITER_H

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::proto {

enum Wire { Varint = 0, Fixed64 = 1, Length = 2, Fixed32 = 5 };

inline void putVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out += char(value | 0x80);
  out += char(value);
}

template <typename T> void putFixed(std::string &out, T value) {
  char bytes[sizeof(T)]; // little-endian machines only, as all of Ingot
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

inline void putTag(std::string &out, int field, Wire wire) {
  putVarint(out, uint64_t(field) << 3 | uint64_t(wire));
}

inline void putNumber(std::string &out, int field, int64_t value) {
  putTag(out, field, Varint);
  putVarint(out, uint64_t(value));
}

inline void putFloat(std::string &out, int field, float value) {
  putTag(out, field, Fixed32);
  putFixed(out, value);
}

inline void putDouble(std::string &out, int field, double value) {
  putTag(out, field, Fixed64);
  putFixed(out, value);
}

/// A string, bytes or a message.
inline void putBytes(std::string &out, int field, std::string_view bytes) {
  putTag(out, field, Length);
  putVarint(out, bytes.size());
  out += bytes;
}

inline void putDoubles(std::string &out, int field, const std::vector<double> &values) {
  putTag(out, field, Length);
  putVarint(out, values.size() * sizeof(double));
  for (const double value : values)
    putFixed(out, value);
}

} // namespace ingot::proto

#endif // INGOT_RUNTIME_CORE_PROTOWRITER_H
