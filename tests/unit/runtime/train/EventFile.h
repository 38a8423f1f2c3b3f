// Reads event files back, by the format alone, for tests.
#ifndef INGOT_TESTS_RUNTIME_TRAIN_EVENTFILE_H
#define INGOT_TESTS_RUNTIME_TRAIN_EVENTFILE_H

#include "ingot/train/SummaryWriter.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <vector>

namespace ingot::test {

/// A protobuf message: the values of each field, numbers as their bits.
struct Message {
  std::map<int, std::vector<uint64_t>> numbers;
  std::map<int, std::vector<std::string>> bytes;

  explicit Message(const std::string &data) {
    for (size_t at = 0; at < data.size();) {
      const uint64_t tag = varint(data, at);
      const int field = int(tag >> 3);
      if ((tag & 7) == 0) {
        numbers[field].push_back(varint(data, at));
      } else if ((tag & 7) == 2) {
        const uint64_t size = varint(data, at);
        bytes[field].push_back(data.substr(at, size));
        at += size;
      } else {
        const size_t size = (tag & 7) == 1 ? 8 : 4;
        uint64_t bits = 0;
        std::memcpy(&bits, data.data() + at, size);
        numbers[field].push_back(bits);
        at += size;
      }
    }
  }

  std::string text(int field) const { return bytes.count(field) ? bytes.at(field)[0] : ""; }
  Message message(int field) const { return Message(text(field)); }
  int64_t number(int field) const {
    return numbers.count(field) ? int64_t(numbers.at(field)[0]) : 0;
  }
  template <typename T> T real(int field) const {
    T value;
    std::memcpy(&value, &numbers.at(field)[0], sizeof value);
    return value;
  }
  std::vector<double> doubles(int field) const {
    const std::string packed = text(field);
    std::vector<double> values(packed.size() / sizeof(double));
    std::memcpy(values.data(), packed.data(), packed.size());
    return values;
  }

  static uint64_t varint(const std::string &data, size_t &at) {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = uint8_t(data.at(at++));
      value |= uint64_t(byte & 0x7F) << shift;
      if (byte < 0x80)
        return value;
    }
  }
};

/// The events of a file, whose checksums must be right.
inline std::vector<Message> readEvents(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  const std::string data(std::istreambuf_iterator<char>(file), {});
  std::vector<Message> events;
  for (size_t at = 0; at < data.size();) {
    uint64_t size = 0;
    uint32_t sums[2];
    std::memcpy(&size, data.data() + at, 8);
    std::memcpy(&sums[0], data.data() + at + 8, 4);
    EXPECT_EQ(sums[0], train::maskedCrc32c(data.substr(at, 8)));
    const std::string event = data.substr(at + 12, size);
    std::memcpy(&sums[1], data.data() + at + 12 + size, 4);
    EXPECT_EQ(sums[1], train::maskedCrc32c(event));
    events.emplace_back(event);
    at += 16 + size;
  }
  return events;
}

/// The one event file of a directory.
inline std::vector<Message> readDirectory(const std::string &directory) {
  std::vector<Message> events;
  int files = 0;
  for (const auto &entry : std::filesystem::directory_iterator(directory)) {
    events = readEvents(entry.path().string());
    ++files;
  }
  EXPECT_EQ(files, 1);
  return events;
}

} // namespace ingot::test

#endif
