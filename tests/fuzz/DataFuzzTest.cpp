// Damaged pictures, archives and pickles: whatever the bytes, the readers of runtime/data answer
// with a value or a message, in bounded time and memory. Mutates the fixtures of
// tests/fixtures/keras/data; where a format guards its parts by checksums, these are mended in half
// of the runs, which gets behind them. INGOT_FUZZ_RUNS sets how many a case, INGOT_FUZZ_FIRST the
// first seed.
#include "../unit/runtime/data/Helpers.h"
#include "ingot/data/Npy.h"
#include "ingot/data/Picture.h"
#include "runtime/data/NpyFormat.h"
#include "runtime/data/Pickle.h"
#include "runtime/data/Tar.h"

#include <cstring>
#include <zlib.h>

using namespace ingot;
using namespace ingot::data;
using namespace ingot::test;

namespace {

uint64_t fromEnvironment(const char *name, uint64_t otherwise) {
  const char *text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::string fixture(const std::string &archive, const std::string &name) {
  const NamedTensors arrays = readNpz(INGOT_FIXTURES "/" + archive, {name}).value();
  const Tensor &bytes = arrays[0].second;
  return {static_cast<const char *>(bytes.rawData()), bytes.byteSize()};
}

/// Calls `parse` with mutations of each seed; `mend` sees every other one before. Both outcomes
/// must occur, else the mutations miss their aim.
template <typename Mend, typename Parse>
void run(const std::vector<std::string> &seeds, const Mend &mend, const Parse &parse) {
  const uint64_t runs = fromEnvironment("INGOT_FUZZ_RUNS", 300);
  const uint64_t first = fromEnvironment("INGOT_FUZZ_FIRST", 0);
  uint64_t good = 0, bad = 0;
  for (uint64_t i = first; i < first + runs; ++i) {
    std::mt19937_64 random(i);
    std::string mutated = mutate(seeds[random() % seeds.size()], random);
    if (random() & 1)
      mend(mutated);
    // A heap block of the exact size lets sanitizers see the first byte beyond it.
    const std::vector<uint8_t> bytes(mutated.begin(), mutated.end());
    const Status status = parse(bytes.data(), bytes.size());
    ++(status.isOk() ? good : bad);
    if (!status.isOk())
      ASSERT_FALSE(status.message().empty()) << "seed " << i;
    ASSERT_NE(status.code(), StatusCode::Internal) << "seed " << i << ": " << status.message();
  }
  EXPECT_GT(bad, 0u);
  if (runs >= 300)
    EXPECT_GT(good, 0u);
}

void leave(std::string &) {}

uint32_t big32(const std::string &bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i)
    value = value << 8 | uint8_t(bytes[at + i]);
  return value;
}

/// Gives the chunks of a PNG their checksums.
void mendPng(std::string &bytes) {
  for (size_t at = 8; at + 12 <= bytes.size();) {
    const size_t length = big32(bytes, at);
    if (length > bytes.size() - at - 12)
      return;
    const uLong crc = crc32(0, reinterpret_cast<const Bytef *>(&bytes[at + 4]), uInt(length + 4));
    for (size_t i = 0; i < 4; ++i)
      bytes[at + 8 + length + i] = char(crc >> (24 - 8 * i));
    at += 12 + length;
  }
}

/// Gives the first header of a tar archive its checksum.
void mendTar(std::string &bytes) {
  if (bytes.size() < 512)
    return;
  bytes.replace(148, 8, "        ");
  unsigned sum = 0;
  for (size_t i = 0; i < 512; ++i)
    sum += uint8_t(bytes[i]);
  char text[8];
  std::snprintf(text, sizeof text, "%06o", sum & 0777777);
  bytes.replace(148, 7, text, 7);
}

Status parsePicture(const uint8_t *data, size_t size) {
  unsigned sum = 0;
  Status last;
  for (const Decoder decoder : {Decoder::Pillow, Decoder::TensorFlow}) {
    const Result<Tensor> picture =
        decodePicture(data, size, "fuzzed",
                      decoder == Decoder::Pillow ? std::optional<ColorMode>()
                                                 : std::optional(ColorMode::Grayscale),
                      decoder);
    if (picture.isOk())
      sum += touch(*picture);
    last = picture.status();
  }
  volatile unsigned kept = sum;
  (void)kept;
  return last;
}

TEST(DataFuzzTest, PngPictures) {
  std::vector<std::string> seeds;
  for (const char *name : {"gray1.png", "gray_alpha.png", "rgb.png", "rgba.png", "palette.png",
                           "palette_alpha.png", "interlaced.png"})
    seeds.push_back(fixture("pictures.npz", std::string("file/") + name));
  run(seeds, mendPng, parsePicture);
}

TEST(DataFuzzTest, JpegPictures) {
  std::vector<std::string> seeds;
  for (const char *name :
       {"gray.jpg", "420.jpg", "444.jpg", "422.jpg", "progressive.jpg", "inks.jpg"})
    seeds.push_back(fixture("pictures.npz", std::string("file/") + name));
  run(seeds, leave, parsePicture);
}

TEST(DataFuzzTest, SimplePictures) {
  std::vector<std::string> seeds;
  for (const char *name :
       {"rgb.bmp", "palette.bmp", "rgb.ppm", "gray.pgm", "palette.gif", "interlaced.gif"})
    seeds.push_back(fixture("pictures.npz", std::string("file/") + name));
  run(seeds, leave, parsePicture);
}

Status parseTar(ByteSource &source) {
  TarReader reader(source);
  for (int entries = 0; entries < 1000; ++entries) {
    INGOT_ASSIGN_OR_RETURN(const std::optional<TarEntry> entry, reader.next());
    if (!entry)
      return Status();
    if (entry->isFile && entries % 2 == 0)
      INGOT_RETURN_IF_ERROR(reader.contents().status());
  }
  return Status();
}

/// The unpacked bytes of a gzip file.
std::string unpacked(const std::string &bytes) {
  const std::unique_ptr<ByteSource> source = openGzip(bytes.data(), bytes.size()).value();
  std::string all(1 << 20, '\0');
  all.resize(source->readSome(all.data(), all.size()).value());
  return all;
}

TEST(DataFuzzTest, TarArchives) {
  const std::string gzip = fixture("datasets.npz", "file/cifar10.tar.gz");
  run({unpacked(gzip)}, mendTar, [](const uint8_t *data, size_t size) {
    MemorySource source(data, size);
    return parseTar(source);
  });
  run({gzip}, leave, [](const uint8_t *data, size_t size) {
    INGOT_ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> source, openGzip(data, size));
    return parseTar(*source);
  });
}

/// Takes what a data set takes of a pickle.
Status parsePickle(const uint8_t *data, size_t size) {
  INGOT_ASSIGN_OR_RETURN(const Pickle pickle, Pickle::parse(data, size));
  using Kind = PickleValue::Kind;
  const auto look = [&](const PickleValue &value) -> Status {
    if (value.kind == Kind::Text)
      return pickle.text(value).size() <= size ? Status()
                                               : Status(StatusCode::Internal, "a text is too long");
    if (value.kind != Kind::Array || pickle.objects(value))
      return Status();
    INGOT_ASSIGN_OR_RETURN(const Tensor tensor, pickle.tensor(value));
    touch(tensor);
    return Status();
  };
  INGOT_RETURN_IF_ERROR(look(pickle.root()));
  const Pickle::Values *values = nullptr;
  if (pickle.root().kind == Kind::Dict)
    values = &pickle.dict(pickle.root());
  else if (pickle.root().kind == Kind::Array)
    values = pickle.objects(pickle.root());
  for (size_t i = 0; values && i < values->size(); ++i)
    INGOT_RETURN_IF_ERROR(look((*values)[i]));
  return Status();
}

/// The first file of a tar archive of CIFAR.
std::string firstBatch() {
  const std::string tar = unpacked(fixture("datasets.npz", "file/cifar10.tar.gz"));
  MemorySource source(tar.data(), tar.size());
  TarReader reader(source);
  for (;;) {
    const std::optional<TarEntry> entry = reader.next().value();
    if (!entry || !entry->isFile)
      continue;
    const std::vector<uint8_t> bytes = reader.contents().value();
    return {bytes.begin(), bytes.end()};
  }
}

TEST(DataFuzzTest, Pickles) {
  TemporaryDirectory directory;
  writeFile(directory.path("imdb.npz"), fixture("datasets.npz", "file/imdb.npz"));
  const std::vector<uint8_t> member = readNpzMember(directory.path("imdb.npz"), "x_train").value();
  const std::string whole(member.begin(), member.end());
  const std::string objects = whole.substr(findPickle(whole.data(), whole.size()).value());
  // Mutations of a whole batch of CIFAR mostly hit its pixels.
  std::string batch = firstBatch();
  const size_t pixels = batch.find(std::string("T\0\x18", 3));
  ASSERT_NE(pixels, std::string::npos);
  run({objects, batch, batch.substr(0, pixels) + std::string("T\4\0\0\0abcdtb", 11) + "u."}, leave,
      parsePickle);
}

TEST(DataFuzzTest, ObjectArraysOfNpz) {
  TemporaryDirectory directory;
  const std::string path = directory.path("fuzzed.npz");
  run({fixture("datasets.npz", "file/imdb.npz")}, leave, [&](const uint8_t *data, size_t size) {
    writeFile(path, {reinterpret_cast<const char *>(data), size});
    Status last;
    for (const char *name : {"x_train", "y_train"}) {
      const Result<std::vector<uint8_t>> member = readNpzMember(path, name);
      if (!member.isOk())
        return member.status();
      const Result<size_t> begin = findPickle(member->data(), member->size());
      last = begin.isOk() ? parsePickle(member->data() + *begin, member->size() - *begin)
                          : begin.status();
    }
    return last.code() == StatusCode::Unsupported ? Status() : last; // y_train has numbers
  });
}

} // namespace
