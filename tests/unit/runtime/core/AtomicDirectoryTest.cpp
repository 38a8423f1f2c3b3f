// Directories appear complete or not at all, whatever happens to the writer.
#include "runtime/core/AtomicDirectory.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace ingot;
namespace fs = std::filesystem;

namespace {

class AtomicDirectoryTest : public testing::Test {
protected:
  void SetUp() override {
    parent = fs::temp_directory_path() / ("ingot-atomicdirectory-" + std::to_string(getpid()));
    fs::create_directories(parent);
    target = parent / "1";
  }
  void TearDown() override { fs::remove_all(parent); }

  static void write(const fs::path &path, const std::string &text) { std::ofstream(path) << text; }
  static std::string read(const fs::path &path) {
    std::ifstream in(path);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  /// Writes files `a` and `b` with this text as the target.
  Status save(const std::string &text) {
    Result<AtomicDirectory> directory = AtomicDirectory::create(target.string());
    INGOT_RETURN_IF_ERROR(directory.status());
    for (const char *name : {"a", "b"})
      write(fs::path(directory->path()) / name, text);
    return directory->commit();
  }
  size_t entries() { return size_t(std::distance(fs::directory_iterator(parent), {})); }

  fs::path parent, target;
};

TEST_F(AtomicDirectoryTest, CommitMakesAndReplacesTheWholeDirectory) {
  target = parent / "not" / "there" / "1";
  ASSERT_TRUE(save("old").isOk());
  write(target / "only in the old one", "");
  ASSERT_TRUE(save("new").isOk());
  EXPECT_EQ(read(target / "a") + read(target / "b"), "newnew");
  EXPECT_FALSE(fs::exists(target / "only in the old one"));
  EXPECT_EQ(std::distance(fs::directory_iterator(target.parent_path()), {}), 1);
}

TEST_F(AtomicDirectoryTest, ANewNameIsTakenOnlyWhereNobodyHasIt) {
  ASSERT_TRUE(save("old").isOk());
  auto directory = AtomicDirectory::create(target.string());
  ASSERT_TRUE(directory.isOk());
  fs::create_directories(fs::path(directory->path()) / "inner");
  write(fs::path(directory->path()) / "inner" / "a", "new");
  auto taken = directory->commitNew(target.string());
  ASSERT_TRUE(taken.isOk());
  EXPECT_FALSE(*taken);
  EXPECT_EQ(read(target / "a"), "old");
  auto free = directory->commitNew((parent / "2").string());
  ASSERT_TRUE(free.isOk());
  EXPECT_TRUE(*free);
  EXPECT_EQ(read(parent / "2" / "inner" / "a"), "new");
  EXPECT_EQ(entries(), 2u);
}

TEST_F(AtomicDirectoryTest, WithoutCommitNothingHappens) {
  ASSERT_TRUE(save("old").isOk());
  {
    auto first = AtomicDirectory::create(target.string());
    auto second = AtomicDirectory::create(target.string());
    ASSERT_TRUE(first.isOk() && second.isOk());
    EXPECT_NE(first->path(), second->path());
    write(fs::path(first->path()) / "a", "new");
    EXPECT_EQ(read(target / "a"), "old");
  }
  EXPECT_EQ(read(target / "a"), "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(AtomicDirectoryTest, WithoutAnExchangeOfNamesTheOldVersionIsPutAsideFirst) {
  ASSERT_TRUE(save("old").isOk());
  auto directory = AtomicDirectory::create(target.string());
  write(fs::path(directory->path()) / "a", "new");
  ASSERT_TRUE(AtomicDirectory::replaceByRenames(directory->path(), target.string()).isOk());
  EXPECT_EQ(read(target / "a"), "new");
  EXPECT_EQ(entries(), 1u);
  // The new version cannot be put in place: the old one comes back.
  EXPECT_FALSE(AtomicDirectory::replaceByRenames(parent / "absent", target.string()).isOk());
  EXPECT_EQ(read(target / "a"), "new");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(AtomicDirectoryTest, AVersionPutAsideByAKilledWriterGoesWhenTheNextIsWhole) {
  ASSERT_TRUE(save("old").isOk());
  fs::rename(target, AtomicDirectory::previousName(target.string()));
  ASSERT_TRUE(save("new").isOk());
  EXPECT_EQ(read(target / "a"), "new");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(AtomicDirectoryTest, AFileThatCannotBeSyncedKeepsTheOldVersion) {
  ASSERT_TRUE(save("old").isOk());
  {
    auto directory = AtomicDirectory::create(target.string());
    fs::create_symlink("nowhere", fs::path(directory->path()) / "a");
    Status status = directory->commit();
    EXPECT_FALSE(status.isOk());
    EXPECT_NE(status.message().find("/a'"), std::string::npos) << status.message();
  }
  EXPECT_EQ(read(target / "a"), "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(AtomicDirectoryTest, AWriterThatIsKilledLeavesOneWholeVersion) {
  ASSERT_TRUE(save("0").isOk());
  for (int round = 0; round < 20; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      for (int i = 0;; ++i)
        if (!save(std::string(100 + i % 50, char('a' + round))).isOk())
          _exit(1);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(500 + 700 * round));
    kill(child, SIGKILL);
    int state = 0;
    waitpid(child, &state, 0);
    ASSERT_TRUE(WIFSIGNALED(state)); // no save failed
    const std::string a = read(target / "a");
    EXPECT_FALSE(a.empty());
    EXPECT_EQ(a, read(target / "b"));
  }
}

TEST_F(AtomicDirectoryTest, WritersOfOneVersionTakeTurns) {
  std::vector<std::thread> writers;
  for (char name : {'x', 'y', 'z'})
    writers.emplace_back([this, name] {
      for (int i = 0; i < 20; ++i)
        EXPECT_TRUE(save(std::string(50, name)).isOk());
    });
  for (std::thread &writer : writers)
    writer.join();
  EXPECT_EQ(read(target / "a"), read(target / "b"));
  EXPECT_EQ(entries(), 1u);
}

} // namespace
