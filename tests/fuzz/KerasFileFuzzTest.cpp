// Damaged files of Keras: whatever the bytes, the readers of both containers answer with values or
// with a FileError, in bounded time and memory. Mutates the fixtures: bytes, and whole numbers of
// HDF5's structures (addresses, lengths, counts). INGOT_FUZZ_RUNS sets how many a file,
// INGOT_FUZZ_FIRST the first seed.
#include "frontends/kerasfile/Hdf5File.h"
#include "frontends/kerasfile/ZipFile.h"

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>
#include <random>

namespace ingot::test {
namespace {

using kerasfile::FileError;
using kerasfile::Hdf5File;
using kerasfile::ZipFile;

int64_t fromEnvironment(const char *name, int64_t otherwise) {
  const char *text = std::getenv(name);
  return text ? std::strtoll(text, nullptr, 10) : otherwise;
}

std::string readFile(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

using Random = std::mt19937_64;
size_t below(Random &random, size_t n) { return n == 0 ? 0 : random() % n; }

/// Offsets of HDF5's signatures, where its structures are: hits there reach deepest.
std::vector<size_t> structuresOf(const std::string &bytes) {
  std::vector<size_t> places = {0};
  for (const char *signature :
       {"TREE", "SNOD", "HEAP", "GCOL", "OHDR", "PK\1\2", "PK\3\4", "PK\5\6"})
    for (size_t at = bytes.find(signature); at != std::string::npos;
         at = bytes.find(signature, at + 1))
      places.push_back(at);
  return places;
}

uint64_t oddNumber(Random &random, size_t fileBytes) {
  const uint64_t numbers[] = {0,
                              1,
                              8,
                              0xff,
                              0xffff,
                              UINT32_MAX,
                              INT64_MAX,
                              UINT64_MAX,
                              fileBytes - 8,
                              fileBytes + 1,
                              uint64_t(1) << 40};
  const size_t which = below(random, std::size(numbers) + 1);
  return which < std::size(numbers) ? numbers[which] : below(random, fileBytes) / 8 * 8;
}

void mutate(std::string &bytes, const std::vector<size_t> &places, Random &random) {
  for (size_t i = 1 + below(random, 6); i > 0 && bytes.size() > 16; --i) {
    const bool isNear = below(random, 3) != 0;
    size_t at = isNear ? places[below(random, places.size())] + below(random, 256)
                       : below(random, bytes.size());
    at = std::min(at, bytes.size() - 9);
    switch (below(random, 6)) {
    case 0:
      bytes[at] = static_cast<char>(random());
      break;
    case 1: {
      const uint64_t number = oddNumber(random, bytes.size());
      std::memcpy(&bytes[at / 8 * 8], &number, below(random, 2) ? 8 : 2);
      break;
    }
    case 2: { // one structure over another
      const size_t from = std::min(places[below(random, places.size())], bytes.size() - 9);
      const size_t count = std::min(bytes.size() - std::max(at, from), below(random, 64));
      std::memmove(&bytes[at], &bytes[from], count);
      break;
    }
    case 3:
      if (below(random, 8) == 0)
        bytes.resize(at);
      break;
    case 4:
      if (below(random, 8) == 0)
        bytes.erase(at, below(random, 64));
      break;
    default:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(random, 8)));
    }
  }
}

/// Reads all that there is; the file is one, however it ends.
void walk(const Hdf5File &file, const std::string &path, int depth, int &objects) {
  if (depth > 12 || ++objects > 400)
    return;
  auto attempt = [](auto work) {
    try {
      work();
    } catch (const FileError &) {
    }
  };
  for (const char *name : {"name", "model_config", "keras_version", "dtype"})
    attempt([&] { file.text(path, name); });
  for (const char *name : {"layer_names", "weight_names"})
    attempt([&] { file.longTexts(path, name); });
  if (file.isDataset(path))
    attempt([&] { file.read(path); });
  if (file.isGroup(path))
    for (const std::string &child : file.children(path))
      attempt([&] { walk(file, path + "/" + child, depth + 1, objects); });
}

void readAll(const std::string &bytes) {
  try {
    if (ZipFile::recognises(bytes)) {
      ZipFile archive(bytes);
      for (const std::string &name : archive.names()) {
        const std::string member = archive.read(name, 64 << 20);
        if (Hdf5File::recognises(member))
          readAll(member);
      }
    } else {
      Hdf5File file(bytes);
      int objects = 0;
      walk(file, "", 0, objects);
    }
  } catch (const FileError &error) {
    ASSERT_FALSE(std::string(error.what()).empty());
  }
}

TEST(KerasFileFuzz, DamagedContainersAreRead) {
  const int64_t runs = fromEnvironment("INGOT_FUZZ_RUNS", 150);
  const int64_t first = fromEnvironment("INGOT_FUZZ_FIRST", 0);
  int64_t total = 0;
  double slowest = 0;
  for (const auto &entry : std::filesystem::directory_iterator(INGOT_KERAS_FIXTURES)) {
    const std::string extension = entry.path().extension();
    if (extension != ".h5" && extension != ".keras")
      continue;
    const std::string original = readFile(entry.path());
    const std::vector<size_t> places = structuresOf(original);
    readAll(original);
    for (int64_t seed = first; seed < first + runs; ++seed) {
      Random random(static_cast<uint64_t>(seed) * 2654435761u);
      std::string bytes = original;
      mutate(bytes, places, random);
      const std::clock_t begin = std::clock(); // processor time: the machine may be busy
      readAll(bytes);
      const double took = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
      slowest = std::max(slowest, took);
      EXPECT_LT(took, 5) << entry.path() << " seed " << seed;
      ++total;
    }
  }
  ASSERT_GT(total, 0) << "there are no fixtures in " << INGOT_KERAS_FIXTURES;
  std::cout << total << " damaged files, the slowest read in " << slowest << " s\n";
}

} // namespace
} // namespace ingot::test
