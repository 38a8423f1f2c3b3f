// Data sets: small files of the real forms load as in Keras (tests/fixtures/keras/data), the real
// ones have Keras's shapes, the cache and its messages; pickles run no code.
#include "ingot/data/Datasets.h"
#include "Helpers.h"
#include "HttpServer.h"
#include "ingot/data/GetFile.h"
#include "ingot/data/Npy.h"
#include "runtime/data/Digest.h"
#include "runtime/data/Pickle.h"
#include "runtime/data/Tar.h"

#include <cstring>

using namespace ingot;
using namespace ingot::data;
using namespace ingot::test;

namespace {

const NamedTensors &fixtures() {
  static const NamedTensors arrays = readNpz(INGOT_FIXTURES "/datasets.npz").value();
  return arrays;
}

const Tensor &fixture(const std::string &name) {
  const Tensor *tensor = findTensor(fixtures(), name);
  EXPECT_NE(tensor, nullptr) << name;
  return *tensor;
}

/// The fixtures' files, and a cache of its own.
class Files {
public:
  Files() {
    for (const auto &[key, bytes] : fixtures())
      if (key.compare(0, 5, "file/") == 0)
        writeFile(path(key.substr(5)),
                  {static_cast<const char *>(bytes.rawData()), bytes.byteSize()});
    setenv("KERAS_HOME", path("cache").c_str(), 1);
    setenv("no_proxy", "127.0.0.1", 1);
  }
  ~Files() { unsetenv("KERAS_HOME"); }
  std::string path(const std::string &name) const { return directory.path(name); }

private:
  TemporaryDirectory directory;
};

void expectEqual(const Tensor &got, const std::string &name) {
  const Tensor &want = fixture(name);
  EXPECT_EQ(describe(got), describe(want)) << name;
  ASSERT_EQ(got.byteSize(), want.byteSize());
  EXPECT_EQ(std::memcmp(got.rawData(), want.rawData(), want.byteSize()), 0) << name;
}

void expectSet(const Result<ArrayDataset> &set, const std::string &name) {
  ASSERT_TRUE(set.isOk()) << set.status().message();
  expectEqual(set->xTrain, name + "/x_train");
  expectEqual(set->yTrain, name + "/y_train");
  expectEqual(set->xTest, name + "/x_test");
  expectEqual(set->yTest, name + "/y_test");
}

void expectSequences(const Sequences &sequences, const Tensor &labels, const std::string &name) {
  std::vector<int32_t> words, lengths;
  for (const std::vector<int32_t> &each : sequences) {
    words.insert(words.end(), each.begin(), each.end());
    lengths.push_back(int32_t(each.size()));
  }
  EXPECT_EQ(words, valuesOf<int32_t>(fixture(name + "/words"))) << name;
  EXPECT_EQ(lengths, valuesOf<int32_t>(fixture(name + "/lengths"))) << name;
  expectEqual(labels, name + "/y");
}

void expectTexts(const Result<TextDataset> &set, const std::string &name) {
  ASSERT_TRUE(set.isOk()) << set.status().message();
  expectSequences(set->xTrain, set->yTrain, name + "/train");
  expectSequences(set->xTest, set->yTest, name + "/test");
}

TEST(DatasetsTest, CifarIsReadFromTheArchiveAndFromADirectory) {
  const Files files;
  expectSet(loadCifar10({.path = files.path("cifar10.tar.gz")}), "cifar10");
  expectSet(loadCifar100("fine", {.path = files.path("cifar100.tar.gz")}), "cifar100");
  const Result<std::string> unpacked = getFile({.fname = "cifar-10-batches-py-target",
                                                .origin = "file://" + files.path("cifar10.tar.gz"),
                                                .extract = true});
  ASSERT_TRUE(unpacked.isOk()) << unpacked.status().message();
  expectSet(loadCifar10(), "cifar10"); // in the cache now, as Keras unpacks it
  const Status status = loadCifar100("coarse", {.path = files.path("cifar100.tar.gz")}).status();
  EXPECT_NE(status.message().find("the list 'coarse_labels'"), std::string::npos);
  EXPECT_FALSE(loadCifar100("rough").isOk());
}

TEST(DatasetsTest, TextsAndHousesAreOrderedLimitedAndSplitAsInKeras) {
  const Files files;
  const DatasetSource imdb = {.path = files.path("imdb.npz")};
  expectTexts(loadImdb({}, imdb), "imdb");
  expectTexts(loadImdb({.numWords = 200, .skipTop = 10, .maxlen = 20, .seed = 7}, imdb),
              "imdb_limited");
  expectTexts(loadImdb({.numWords = 100, .startChar = {}, .oovChar = {}, .indexFrom = 0}, imdb),
              "imdb_plain");
  expectTexts(
      loadReuters({.numWords = 300, .testSplit = 0.25}, {.path = files.path("reuters.npz")}),
      "reuters");
  expectSet(loadBostonHousing({}, {.path = files.path("boston.npz")}), "boston");
  expectSet(loadCaliforniaHousing("large", {}, {.path = files.path("california.npz")}),
            "california");
  EXPECT_NE(loadImdb({.maxlen = 2}, imdb).status().message().find("increase it"),
            std::string::npos);
}

TEST(DatasetsTest, TheRealSetsHaveKerasShapes) {
  const std::string mnist = INGOT_SHARED "/data/mnist.npz";
  if (!std::filesystem::exists(mnist))
    GTEST_SKIP() << "no MNIST in ../shared";
  const Result<ArrayDataset> set = loadMnist({.path = mnist});
  ASSERT_TRUE(set.isOk()) << set.status().message();
  EXPECT_EQ(describe(set->xTrain), "u8[60000, 28, 28]");
  EXPECT_EQ(describe(set->yTrain), "u8[60000]");
  EXPECT_EQ(describe(set->xTest), "u8[10000, 28, 28]");
  EXPECT_EQ(describe(set->yTest), "u8[10000]");
  EXPECT_EQ(set->yTest.data<uint8_t>()[0], 7);
}

TEST(DatasetsTest, FashionMnistIsDebiansWhereTheCacheHasNone) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist"))
    GTEST_SKIP() << "Debian's package dataset-fashion-mnist is not installed";
  const Files files;
  const Result<ArrayDataset> set = loadFashionMnist();
  ASSERT_TRUE(set.isOk()) << set.status().message();
  EXPECT_EQ(describe(set->xTrain), "u8[60000, 28, 28]");
  EXPECT_EQ(describe(set->yTest), "u8[10000]");
}

TEST(GetFileTest, DownloadsOnceAndChecksTheDigest) {
  const Files files;
  writeFile(files.path("hello.txt"), "hello, world");
  const std::string digest = "09ca7e4eaa6e8ae9c7d261167129184883644d07dfba7cbfbc4c8a2e08360d5b";
  GetFileOptions options;
  options.origin = "file://" + files.path("hello.txt"), options.fileHash = digest;
  int downloads = 0;
  options.report = [&](const std::string &) { ++downloads; };
  const Result<std::string> path = getFile(options);
  ASSERT_TRUE(path.isOk()) << path.status().message();
  EXPECT_EQ(*path, files.path("cache/datasets/hello.txt"));
  EXPECT_EQ(readFile(*path), "hello, world");
  EXPECT_EQ(*getFile(options), *path);
  EXPECT_EQ(downloads, 1);
  writeFile(*path, "hello, wor"); // half of it: fetched again
  EXPECT_TRUE(getFile(options).isOk());
  EXPECT_EQ(readFile(*path), "hello, world");
  EXPECT_EQ(downloads, 2);
  options.fileHash[0] = '1';
  const Status status = getFile(options).status();
  EXPECT_EQ(status.code(), StatusCode::DataLoss);
  EXPECT_NE(status.message().find("its checksum is " + digest), std::string::npos);
  EXPECT_EQ(readFile(*path), "hello, world");            // what was there stays
  options.fileHash = "e4d7f1b4ed2e42d15898f4b27b019da4"; // MD5
  EXPECT_TRUE(getFile(options).isOk());
}

TEST(GetFileTest, WhatCannotBeHadSaysWhereToPutIt) {
  const Files files;
  GetFileOptions options;
  options.origin = "http://127.0.0.1:1/digits.npz"; // nobody listens there
  const Status status = getFile(options).status();
  EXPECT_EQ(status.code(), StatusCode::IoError);
  EXPECT_NE(status.message().find("put it at '" + files.path("cache/datasets/digits.npz") + "'"),
            std::string::npos)
      << status.message();
  options.origin = "file:///does/not/exist.bin";
  EXPECT_FALSE(getFile(options).isOk());
  EXPECT_FALSE(std::filesystem::exists(files.path("cache/datasets/exist.bin")));
  options.origin = "file://" + files.path("imdb.npz"), options.maxBytes = 100;
  EXPECT_NE(getFile(options).status().message().find("cannot download"), std::string::npos);
  options.origin = "ftp://example.com/a.bin";
  EXPECT_NE(getFile(options).status().message().find("rotocol"), std::string::npos);
  options.fname = "../../x";
  EXPECT_NE(getFile(options).status().message().find("is no file name"), std::string::npos);
  for (const auto &entry : std::filesystem::recursive_directory_iterator(files.path("cache")))
    EXPECT_TRUE(entry.is_directory()) << entry.path();
}

TEST(GetFileTest, AnAnswerThatIsCutRefusedOrTooLongLeavesNoFile) {
  const Files files;
  const auto fetch = [&](const std::string &answer, uint64_t maxBytes = 1000) {
    const HttpServer server(answer);
    GetFileOptions options;
    options.origin = server.url("/data/set.bin?version=2"), options.maxBytes = maxBytes;
    const Result<std::string> path = getFile(options);
    EXPECT_EQ(server.requests(), 1);
    return path;
  };
  const Status missing = fetch("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno").status();
  EXPECT_EQ(missing.code(), StatusCode::NotFound);
  EXPECT_NE(missing.message().find("404"), std::string::npos) << missing.message();
  EXPECT_EQ(fetch("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ncut").status().code(),
            StatusCode::IoError);
  const std::string large(5000, 'x'); // with no length said before
  EXPECT_EQ(fetch("HTTP/1.1 200 OK\r\n\r\n" + large).status().code(),
            StatusCode::ResourceExhausted);
  EXPECT_FALSE(fetch("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + large).isOk());
  EXPECT_FALSE(fetch("HTTP/1.1 302 Found\r\nLocation: file:///etc/hostname\r\n\r\n").isOk());
  EXPECT_TRUE(std::filesystem::is_empty(files.path("cache/datasets")));
  const Result<std::string> good = fetch("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
  ASSERT_TRUE(good.isOk()) << good.status().message();
  EXPECT_EQ(*good, files.path("cache/datasets/set.bin"));
  EXPECT_EQ(readFile(*good), "good");
}

std::string tarEntry(const std::string &name, const std::string &contents, char kind = '0') {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  char size[12];
  std::snprintf(size, sizeof size, "%011o", unsigned(contents.size()));
  header.replace(124, 11, size);
  header[156] = kind;
  header.replace(257, 5, "ustar");
  header.replace(148, 8, "        ");
  unsigned sum = 0;
  for (unsigned char byte : header)
    sum += byte;
  std::snprintf(size, sizeof size, "%06o", sum);
  header.replace(148, 6, size);
  header[154] = 0;
  std::string body = contents;
  body.resize((contents.size() + 511) / 512 * 512);
  return header + body;
}

TEST(GetFileTest, ArchivesAreUnpackedWithoutLeavingTheirDirectory) {
  const Files files;
  const auto unpack = [&](const std::string &name, const std::string &archive) {
    writeFile(files.path(name), archive);
    return getFile({.origin = "file://" + files.path(name), .extract = true});
  };
  const Result<std::string> good =
      unpack("good.tar", tarEntry("a/", "", '5') + tarEntry("a/b.txt", "text") +
                             tarEntry("a/link", "", '2') + std::string(1024, '\0'));
  ASSERT_TRUE(good.isOk()) << good.status().message();
  EXPECT_EQ(readFile(*good + "/a/b.txt"), "text");
  EXPECT_FALSE(std::filesystem::exists(*good + "/a/link"));
  for (const char *name : {"../evil", "/evil", "a/../../evil"}) {
    const Status status = unpack("bad.tar", tarEntry(name, "x")).status();
    EXPECT_NE(status.message().find("leads out of its directory"), std::string::npos) << name;
    EXPECT_FALSE(std::filesystem::exists(files.path("cache/datasets/evil")));
  }
  EXPECT_FALSE(unpack("cut.tar", tarEntry("a", std::string(2000, 'x')).substr(0, 900)).isOk());
  EXPECT_NE(unpack("text.tar", "no archive").status().message().find("neither a tar"),
            std::string::npos);
}

void expectRefused(const std::string &pickle, StatusCode code, const std::string &words) {
  const Status status = Pickle::parse(pickle.data(), pickle.size()).status();
  EXPECT_EQ(status.code(), code) << status.message();
  EXPECT_NE(status.message().find(words), std::string::npos) << status.message();
}

TEST(PickleTest, RunsNoCode) {
  expectRefused("cos\nsystem\n(S'id'\ntR.", StatusCode::Unsupported, "'os.system'");
  expectRefused("\x80\x04\x8c\x02os\x8c\x06system\x93.", StatusCode::Unsupported, "'os.system'");
  expectRefused("\x80\x02}\x81.", StatusCode::Unsupported, "instruction 129");
  expectRefused("cnumpy\ndtype\nR.", StatusCode::DataLoss, "not there");
}

TEST(PickleTest, DamageIsNoticed) {
  expectRefused("", StatusCode::DataLoss, "ends early");
  expectRefused(".", StatusCode::DataLoss, "no value");
  expectRefused("\x80\x09N.", StatusCode::Unsupported, "protocol 9");
  expectRefused(std::string("T\xff\xff\xff\x7fx", 6), StatusCode::DataLoss, "claims 2147483647");
  expectRefused("a.", StatusCode::DataLoss, "not there");
  expectRefused("h\x01.", StatusCode::DataLoss, "did not keep");
}

TEST(DigestTest, KnownAnswers) {
  const auto digest = [](size_t digits, const std::string &text) {
    Digest made(digits);
    for (size_t i = 0; i < text.size(); i += 37)
      made.update(text.data() + i, std::min<size_t>(37, text.size() - i));
    return made.finish();
  };
  EXPECT_EQ(digest(64, ""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(digest(64, "abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest(64, std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_EQ(digest(32, ""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(digest(32, "message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
}

} // namespace
