// Versions on disk: written whole or not at all, and recognised when they are damaged.
#include "runtime/serve/repository/Publish.h"
#include "runtime/serve/repository/Manifest.h"
#include "tests/unit/runtime/model/TestFiles.h"

#include <sys/resource.h>
#include <thread>

using namespace ingot;
using namespace ingot::serve;
namespace fs = std::filesystem;

namespace {

class PublishTest : public FileTest {
protected:
  /// A version of two files.
  Result<int64_t> publish(int64_t version = 0) {
    return publishVersion(path("model"), version,
                          {{"model.so", write("artifact", "code")},
                           {"assets/labels.txt", write("labels", "cat\ndog\n")}},
                          "ingot 1.2", {"x86-64-v3"});
  }
  /// Published files are read-only: another one takes the place.
  void replace(const std::string &name, const std::string &text) {
    fs::remove(path(name));
    write(name, text);
  }
  size_t entriesOf(const std::string &name) {
    return size_t(std::distance(fs::directory_iterator(path(name)), {}));
  }
};

TEST_F(PublishTest, WritesTheFilesAndAManifestThatDescribesThem) {
  auto version = publish();
  ASSERT_OK(version.status());
  EXPECT_EQ(*version, 1);
  EXPECT_EQ(read(path("model/1/model.so")), "code");
  EXPECT_EQ(read(path("model/1/assets/labels.txt")), "cat\ndog\n");
  EXPECT_EQ(entriesOf("model"), 1u); // nothing temporary is left
  auto manifest = readManifest(path("model/1"));
  ASSERT_OK(manifest.status());
  EXPECT_EQ(manifest->compiler, "ingot 1.2");
  EXPECT_EQ(manifest->targets, std::vector<std::string>{"x86-64-v3"});
  ASSERT_EQ(manifest->files.size(), 2u);
  EXPECT_EQ(manifest->files["model.so"].bytes, 4u);
  EXPECT_EQ(manifest->files["model.so"].sha256, // sha256sum of "code"
            "5694d08a2e53ffcae0c3103e5ad6f6076abd960eb1f8a56577040bc1028f702b");
  EXPECT_TRUE(checkVersion(path("model/1")).isOk());
}

TEST_F(PublishTest, NumbersGoOnFromTheHighest) {
  ASSERT_OK(publish(7).status());
  fs::create_directories(path("model/0012")); // somebody's, unfinished: its number is taken
  fs::create_directories(path("model/notes"));
  auto version = publish();
  ASSERT_OK(version.status());
  EXPECT_EQ(*version, 13);
}

TEST_F(PublishTest, AVersionThatIsThereIsNotChanged) {
  ASSERT_OK(publish(3).status());
  write("artifact2", "other");
  auto again = publishVersion(path("model"), 3, {{"model.so", path("artifact2")}}, "");
  EXPECT_STATUS(again.status(), InvalidArgument, "model/3' is there already");
  EXPECT_EQ(read(path("model/3/model.so")), "code");
  EXPECT_EQ(entriesOf("model"), 1u);
}

TEST_F(PublishTest, FilesOfAVersionAreReadOnly) {
  ASSERT_OK(publish().status());
  for (const char *name : {"model.so", "assets/labels.txt", "MANIFEST.json"})
    EXPECT_EQ(fs::status(path("model/1/") + name).permissions() & fs::perms(0222), fs::perms::none)
        << name;
}

TEST_F(PublishTest, WritersAtTheSameTimeGetNumbersOfTheirOwn) {
  write("artifact", "code");
  constexpr int count = 8;
  std::vector<int64_t> numbers(count);
  std::vector<std::thread> writers;
  for (int i = 0; i < count; ++i)
    writers.emplace_back([&, i] {
      auto version = publishVersion(path("model"), 0, {{"model.so", path("artifact")}}, "");
      numbers[size_t(i)] = version.isOk() ? *version : -1;
    });
  for (std::thread &writer : writers)
    writer.join();
  std::sort(numbers.begin(), numbers.end());
  EXPECT_EQ(numbers, (std::vector<int64_t>{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(entriesOf("model"), size_t(count));
}

TEST_F(PublishTest, RefusesNamesThatLeaveTheVersion) {
  write("artifact", "code");
  for (const char *name : {"", "/etc/passwd", "../model.so", "a//b", "a/./b", "MANIFEST.json"})
    EXPECT_STATUS(publishVersion(path("model"), 0,
                                 {{"model.so", path("artifact")}, {name, path("artifact")}}, "")
                      .status(),
                  InvalidArgument, std::string("'") + name + "'");
  EXPECT_STATUS(publishVersion(path("model"), 0, {{"weights", path("artifact")}}, "").status(),
                InvalidArgument, "needs a file 'model.so'");
  EXPECT_STATUS(publishVersion(path("model"), -1, {{"model.so", path("artifact")}}, "").status(),
                InvalidArgument, "versions count from 1");
  EXPECT_FALSE(fs::exists(path("model")));
}

TEST_F(PublishTest, WhatCannotBeReadOrWrittenLeavesNothing) {
  EXPECT_STATUS(publishVersion(path("model"), 0, {{"model.so", path("absent")}}, "").status(),
                NotFound, "absent");
  EXPECT_EQ(entriesOf("model"), 0u);
  write("artifact", std::string(1 << 20, 'x'));
  const rlimit small = {1 << 16, RLIM_INFINITY};
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  auto version = publishVersion(path("model"), 0, {{"model.so", path("artifact")}}, "");
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_STATUS(version.status(), IoError, "model.so");
  EXPECT_EQ(entriesOf("model"), 0u);
}

TEST_F(PublishTest, DamageIsFoundAndNamed) {
  ASSERT_OK(publish().status());
  const std::string so = path("model/1/model.so");
  replace("model/1/model.so", "cod");
  EXPECT_STATUS(checkVersion(path("model/1")), DataLoss,
                "model.so' has 3 bytes, and should have 4");
  replace("model/1/model.so", "cade");
  EXPECT_STATUS(checkVersion(path("model/1")), DataLoss, "model.so' has other contents");
  fs::remove(so);
  EXPECT_STATUS(checkVersion(path("model/1")), DataLoss, "model.so' is missing");
  write("model/1/model.so", "code");
  write("model/1/more.txt", "not in the manifest: nobody's business");
  EXPECT_TRUE(checkVersion(path("model/1")).isOk());
}

TEST_F(PublishTest, WhatIsNoManifestIsRefused) {
  fs::create_directories(path("1"));
  EXPECT_STATUS(checkVersion(path("1")), NotFound, "MANIFEST.json");
  const std::string digest(64, '0');
  const std::string head = R"({"format": "ingot-version", "format_version": 1, "files": )";
  for (const auto &[text, fragment] : std::vector<std::pair<std::string, std::string>>{
           {"", "not a JSON object"},
           {"[1]", "not a JSON object"},
           {"{}", "'format'"},
           {R"({"format": "ingot-version", "format_version": 2})", "'format_version' is not 1"},
           {std::string(1 << 20, '['), "not a JSON object"},
           {head + "3}", "'files' is not an object"},
           {head + "{}}", "lists no model.so"},
           {head + R"({"../x": {"bytes": 1, "sha256": ")" + digest + "\"}}}", "'../x'"},
           {head + R"({"model.so": {"bytes": -1, "sha256": ")" + digest + "\"}}}", "'model.so'"},
           {head + R"({"model.so": {"bytes": 1, "sha256": "abc"}}})", "'model.so'"},
           {head + R"({"model.so": 4}})", "'model.so'"}}) {
    write("1/MANIFEST.json", text);
    EXPECT_STATUS(checkVersion(path("1")), InvalidArgument, fragment);
  }
}

TEST(ParseVersionTest, TakesDecimalDigitsAlone) {
  EXPECT_EQ(parseVersion("12"), 12);
  EXPECT_EQ(parseVersion("0012"), 12);
  EXPECT_EQ(parseVersion("9223372036854775807"), INT64_MAX);
  for (const char *name : {"", "-1", "+1", "1a", " 1", "1.0", "9223372036854775808", ".1"})
    EXPECT_FALSE(parseVersion(name)) << name;
}

} // namespace
