// Both work on blocks of 64 bytes and end with the number of bits; their words' byte order differs.
#include "runtime/data/Digest.h"
#include "runtime/data/ByteSource.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace ingot::data {

namespace {

constexpr uint32_t shaStart[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
constexpr uint32_t md5Start[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};

constexpr uint32_t shaConstants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// The integer part of 2^32 |sin(i + 1)|.
uint32_t md5Constant(unsigned i) { return uint32_t(std::abs(std::sin(double(i + 1))) * 0x1p32); }

uint32_t rotateLeft(uint32_t x, unsigned by) { return x << by | x >> (32 - by); }
uint32_t rotateRight(uint32_t x, unsigned by) { return x >> by | x << (32 - by); }

} // namespace

Digest::Digest(size_t digits) : isSha(digits == 64) {
  std::copy_n(shaStart, 8, state);
  if (!isSha)
    std::copy_n(md5Start, 4, state);
}

void Digest::update(const void *data, size_t size) {
  const auto *bytes = static_cast<const uint8_t *>(data);
  while (size > 0) {
    const size_t held = total % 64, take = std::min(size, 64 - held);
    if (take == 64) {
      block(bytes);
    } else {
      std::memcpy(pending + held, bytes, take);
      if (held + take == 64)
        block(pending);
    }
    bytes += take, size -= take, total += take;
  }
}

std::string Digest::finish() {
  const uint64_t bits = total * 8;
  const uint8_t one = 0x80, zero = 0;
  update(&one, 1);
  while (total % 64 != 56)
    update(&zero, 1);
  uint8_t length[8];
  for (unsigned i = 0; i < 8; ++i)
    length[i] = uint8_t(bits >> (isSha ? 56 - 8 * i : 8 * i));
  update(length, 8);
  std::string text;
  for (unsigned i = 0; i < (isSha ? 32u : 16u); ++i) {
    const unsigned shift = isSha ? 24 - i % 4 * 8 : i % 4 * 8;
    const uint8_t byte = uint8_t(state[i / 4] >> shift);
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

void Digest::block(const uint8_t *bytes) {
  uint32_t words[16];
  for (unsigned i = 0; i < 16; ++i) {
    words[i] = 0;
    for (unsigned k = 0; k < 4; ++k)
      words[i] |= uint32_t(bytes[i * 4 + k]) << (isSha ? 24 - 8 * k : 8 * k);
  }
  if (isSha)
    sha256(words);
  else
    md5(words);
}

void Digest::sha256(const uint32_t *words) {
  uint32_t w[64], s[8];
  std::copy_n(words, 16, w);
  std::copy_n(state, 8, s);
  for (unsigned i = 16; i < 64; ++i) {
    const uint32_t low = rotateRight(w[i - 15], 7) ^ rotateRight(w[i - 15], 18) ^ w[i - 15] >> 3;
    const uint32_t high = rotateRight(w[i - 2], 17) ^ rotateRight(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + low + w[i - 7] + high;
  }
  for (unsigned i = 0; i < 64; ++i) {
    const uint32_t e = s[4], a = s[0];
    const uint32_t t1 = s[7] + (rotateRight(e, 6) ^ rotateRight(e, 11) ^ rotateRight(e, 25)) +
                        ((e & s[5]) ^ (~e & s[6])) + shaConstants[i] + w[i];
    const uint32_t t2 = (rotateRight(a, 2) ^ rotateRight(a, 13) ^ rotateRight(a, 22)) +
                        ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
    std::copy_backward(s, s + 7, s + 8);
    s[4] += t1;
    s[0] = t1 + t2;
  }
  for (unsigned i = 0; i < 8; ++i)
    state[i] += s[i];
}

void Digest::md5(const uint32_t *words) {
  static constexpr unsigned turns[4][4] = {
      {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  for (unsigned i = 0; i < 64; ++i) {
    uint32_t f;
    unsigned k;
    if (i < 16)
      f = (b & c) | (~b & d), k = i;
    else if (i < 32)
      f = (d & b) | (~d & c), k = (5 * i + 1) % 16;
    else if (i < 48)
      f = b ^ c ^ d, k = (3 * i + 5) % 16;
    else
      f = c ^ (b | ~d), k = 7 * i % 16;
    const uint32_t sum = a + f + md5Constant(i) + words[k];
    a = d, d = c, c = b;
    b += rotateLeft(sum, turns[i / 16][i % 4]);
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
}

Result<std::string> digestOfFile(const std::string &path, size_t digits) {
  INGOT_ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> file, openFile(path));
  Digest digest(digits);
  std::vector<uint8_t> piece(1 << 16);
  for (;;) {
    Result<size_t> got = file->readSome(piece.data(), piece.size());
    if (!got.isOk())
      return got.status().withContext("'" + path + "'");
    if (*got == 0)
      return digest.finish();
    digest.update(piece.data(), *got);
  }
}

} // namespace ingot::data
