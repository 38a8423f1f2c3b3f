// What lies in a repository, by names and times alone.
#include "runtime/serve/repository/ScanDirectory.h"
#include "tests/unit/runtime/model/TestFiles.h"

using namespace ingot;
using namespace ingot::serve;
namespace fs = std::filesystem;

namespace {

class ScanDirectoryTest : public FileTest {
protected:
  std::string add(const std::string &name, const std::string &text = "x") {
    fs::create_directories(fs::path(path(name)).parent_path());
    return write(name, text);
  }
  using Content = FoundVersion::Content;
};

TEST_F(ScanDirectoryTest, FindsModelsAndTheirVersions) {
  add("a/1/MANIFEST.json");
  add("a/0012/model.onnx");
  add("a/notes/model.onnx");
  add("a/.tmp-3-77-0/MANIFEST.json");
  add("b/config.json");
  add("notes/readme.txt");
  add(".git/1/MANIFEST.json");
  add("file");
  auto models = scanRepository(directory);
  ASSERT_OK(models.status());
  ASSERT_EQ(models->size(), 2u);
  const FoundModel &a = models->at("a");
  ASSERT_EQ(a.versions.size(), 2u);
  EXPECT_EQ(a.versions.at(1).content, Content::Published);
  EXPECT_EQ(a.versions.at(12).content, Content::Source);
  EXPECT_EQ(a.versions.at(12).source, "model.onnx");
  EXPECT_EQ(a.versions.at(12).directory, path("a/0012"));
  EXPECT_TRUE(a.configFingerprint.empty());
  EXPECT_FALSE(models->at("b").configFingerprint.empty());
}

TEST_F(ScanDirectoryTest, AManifestComesBeforeSources) {
  add("m/1/model.json");
  add("m/1/model.so"); // as keras::Model::save leaves it: no version of ours
  EXPECT_EQ(scanVersion(path("m/1"), 1).content, Content::Source);
  add("m/1/MANIFEST.json");
  EXPECT_EQ(scanVersion(path("m/1"), 1).content, Content::Published);
}

TEST_F(ScanDirectoryTest, ABareArtifactIsPassedOverWithTheRemedy) {
  add("m/1/model.so");
  FoundVersion version = scanVersion(path("m/1"), 1);
  EXPECT_EQ(version.content, Content::Nothing);
  EXPECT_STATUS(version.problem, FailedPrecondition, "--publish");
  fs::create_directories(path("m/2"));
  EXPECT_STATUS(scanVersion(path("m/2"), 2).problem, FailedPrecondition, "model.onnx");
}

TEST_F(ScanDirectoryTest, AModelThatIsInNoVersionIsTold) {
  add("m/model.onnx");
  auto models = scanRepository(directory);
  ASSERT_OK(models.status());
  EXPECT_STATUS(models->at("m").problem, FailedPrecondition, "move it to");
}

TEST_F(ScanDirectoryTest, AModelIsNoRepository) {
  add("m/1/MANIFEST.json");
  add("m/1/model.so");
  EXPECT_STATUS(scanRepository(path("m")).status(), InvalidArgument, "holds versions, not models");
}

TEST_F(ScanDirectoryTest, TheFingerprintChangesWithTheFilesAndNotWithoutThem) {
  add("m/1/MANIFEST.json");
  add("m/1/assets/labels.txt", "cat");
  const std::string first = scanVersion(path("m/1"), 1).fingerprint;
  EXPECT_EQ(scanVersion(path("m/1"), 1).fingerprint, first);
  add("m/1/assets/labels.txt", "hound"); // another size: times may be the same
  const std::string second = scanVersion(path("m/1"), 1).fingerprint;
  EXPECT_NE(second, first);
  add("m/1/new", "");
  EXPECT_NE(scanVersion(path("m/1"), 1).fingerprint, second);
}

TEST_F(ScanDirectoryTest, WhatIsNotThereIsAnError) {
  EXPECT_STATUS(scanRepository(path("absent")).status(), NotFound, "absent");
  EXPECT_STATUS(scanModel(path("absent")).status(), NotFound, "absent");
}

} // namespace
