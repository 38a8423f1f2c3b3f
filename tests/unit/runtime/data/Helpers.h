// Shared by the tests of runtime/data: temporary files, and deterministic mutations of good input.
#ifndef INGOT_TESTS_RUNTIME_DATA_HELPERS_H
#define INGOT_TESTS_RUNTIME_DATA_HELPERS_H

#include "ingot/Tensor.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <random>
#include <string>
#include <vector>

namespace ingot::test {

/// A directory of its own, removed with everything in it.
class TemporaryDirectory {
public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ingot-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    root = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(root, ignored);
  }
  std::string path(const std::string &name) const { return root + "/" + name; }

private:
  std::string root;
};

inline void writeFile(const std::string &path, const std::string &bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <typename T> std::vector<T> valuesOf(const Tensor &tensor) {
  const T *data = tensor.data<T>();
  EXPECT_NE(data, nullptr) << describe(tensor);
  return data ? std::vector<T>(data, data + tensor.elementCount()) : std::vector<T>();
}

/// One to eight random edits: a byte changed, a bit flipped, bytes cut out, doubled or appended,
/// or an interesting number written over a field.
inline std::string mutate(std::string bytes, std::mt19937_64 &random) {
  const auto below = [&](size_t n) { return size_t(random() % (n ? n : 1)); };
  for (size_t edits = 1 + below(8); edits-- > 0 && !bytes.empty();) {
    const size_t at = below(bytes.size());
    static constexpr unsigned char extremes[] = {0, 1, 0x7f, 0x80, 0xff, ',', '(', '9', '\'', '{'};
    switch (below(7)) {
    case 0:
      bytes[at] = char(random());
      break;
    case 1:
      bytes[at] = char(bytes[at] ^ (1 << below(8)));
      break;
    case 2:
      bytes.erase(at, 1 + below(16));
      break;
    case 3:
      bytes.insert(at, bytes.substr(below(bytes.size()), 1 + below(16)));
      break;
    case 4:
      bytes.resize(at);
      break;
    case 5:
      bytes.replace(at, 1 + below(8), std::string(1 + below(8), char(extremes[below(10)])));
      break;
    default:
      bytes[at] = char(extremes[below(10)]);
    }
  }
  return bytes;
}

/// Feeds `count` mutations of each seed to `parse`, which must give a Status or a usable tensor.
/// Both outcomes must occur, else the mutations miss their aim.
template <typename Parse>
void fuzz(const std::vector<std::string> &seeds, int count, const Parse &parse) {
  std::mt19937_64 random(20240229);
  int good = 0, bad = 0;
  for (const std::string &seed : seeds) {
    ASSERT_TRUE(parse(seed).isOk()) << parse(seed).message();
    for (int i = 0; i < count; ++i) {
      // A heap block of the exact size lets sanitizers see the first byte beyond it.
      const std::string mutated = mutate(seed, random);
      const Status status = parse(mutated);
      ++(status.isOk() ? good : bad);
      if (!status.isOk())
        ASSERT_NE(status.message().find("'fuzzed'"), std::string::npos) << status.message();
    }
  }
  EXPECT_GT(good, 0);
  EXPECT_GT(bad, count);
}

/// Reads every byte, so that a tensor with less memory than it claims is seen by a sanitizer.
inline unsigned touch(const Tensor &tensor) {
  unsigned sum = 0;
  const auto *bytes = static_cast<const unsigned char *>(tensor.rawData());
  for (size_t i = 0; i < tensor.byteSize(); ++i)
    sum = sum * 31 + bytes[i];
  return sum;
}

} // namespace ingot::test

#endif
