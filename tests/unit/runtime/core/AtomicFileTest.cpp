// Files appear complete or not at all.
#include "runtime/core/AtomicFile.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace ingot;
namespace fs = std::filesystem;

namespace {

class AtomicFileTest : public testing::Test {
protected:
  void SetUp() override {
    directory = fs::temp_directory_path() / ("ingot-atomicfile-" + std::to_string(getpid()));
    fs::create_directories(directory);
  }
  void TearDown() override { fs::remove_all(directory); }

  std::string read(const fs::path &path) {
    std::ifstream in(path);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  size_t filesInDirectory() {
    return static_cast<size_t>(std::distance(fs::directory_iterator(directory), {}));
  }

  fs::path directory;
};

TEST_F(AtomicFileTest, CommitReplacesTheOldFile) {
  fs::path path = directory / "f";
  std::ofstream(path) << "old";
  auto file = AtomicFile::create(path);
  ASSERT_TRUE(file.isOk());
  ASSERT_TRUE(file->write("new", 3).isOk());
  EXPECT_EQ(read(path), "old");
  ASSERT_TRUE(file->commit().isOk());
  EXPECT_EQ(read(path), "new");
  EXPECT_EQ(filesInDirectory(), 1u);
}

TEST_F(AtomicFileTest, WithoutCommitNothingHappens) {
  fs::path path = directory / "f";
  std::ofstream(path) << "old";
  {
    auto file = AtomicFile::create(path);
    ASSERT_TRUE(file.isOk());
    ASSERT_TRUE(file->write("new", 3).isOk());
  }
  EXPECT_EQ(read(path), "old");
  EXPECT_EQ(filesInDirectory(), 1u);
}

TEST_F(AtomicFileTest, SaysWhatTheSystemSaid) {
  auto file = AtomicFile::create(directory / "absent" / "f");
  EXPECT_EQ(file.status().code(), StatusCode::NotFound);
  EXPECT_NE(file.status().message().find("No such file or directory"), std::string::npos);
}

TEST_F(AtomicFileTest, FailedCommitLeavesNoTemporary) {
  fs::create_directories(directory / "taken" / "inside");
  auto file = AtomicFile::create(directory / "taken");
  ASSERT_TRUE(file.isOk());
  EXPECT_FALSE(file->commit().isOk()); // a directory that is not empty cannot be replaced
  {
    AtomicFile dropped = std::move(file).value();
  }
  EXPECT_EQ(filesInDirectory(), 1u);
}

} // namespace
