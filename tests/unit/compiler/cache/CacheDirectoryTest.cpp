// The compile cache on disk: what is stored is found whole or not at all, and it stays within its
// bounds, whatever else happens in the directory.
#include "compiler/cache/CacheDirectory.h"
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <thread>

namespace ingot {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class CacheDirectoryTest : public testing::Test {
protected:
  CacheDirectoryTest() {
    char name[] = "/tmp/ingot-cache-XXXXXX";
    root = mkdtemp(name);
    options.directory = root / "cache";
  }
  ~CacheDirectoryTest() override { fs::remove_all(root); }
  static std::string key(const std::string &of) { return CacheKey().add(of).digest(); }
  size_t files() const {
    return std::distance(fs::directory_iterator(options.directory), fs::directory_iterator());
  }

  fs::path root;
  CompileCache options;
};

TEST_F(CacheDirectoryTest, PartsOfAKeyDoNotRunIntoOneAnother) {
  EXPECT_EQ(CacheKey().add("ab").add("c").digest(), CacheKey().add("ab").add("c").digest());
  EXPECT_NE(CacheKey().add("ab").add("c").digest(), CacheKey().add("a").add("bc").digest());
  EXPECT_NE(CacheKey().add("ab").digest(), CacheKey().add("ab").add("").digest());
  EXPECT_EQ(key("x").size(), 64u);
}

TEST_F(CacheDirectoryTest, TheCompilerIsKnownByItsBuildAlone) {
  const std::string &identity = compilerIdentity();
  EXPECT_GE(identity.size(), 40u) << "at least this program's build id";
  EXPECT_EQ(identity, compilerIdentity());
}

TEST_F(CacheDirectoryTest, WhatIsStoredIsFound) {
  CacheDirectory cache(options);
  EXPECT_FALSE(cache.find(key("a")));
  std::string bytes("code\0with zeros", 15);
  EXPECT_EQ(cache.store(key("a"), bytes), "");
  EXPECT_EQ(cache.find(key("a")), bytes);
  EXPECT_FALSE(cache.find(key("b")));
  EXPECT_EQ(cache.store(key("b"), ""), "");
  EXPECT_EQ(cache.find(key("b")), "");
  struct stat status = {};
  ASSERT_EQ(stat(options.directory.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u) << "its code is run: nobody else writes it";
}

TEST_F(CacheDirectoryTest, ADamagedEntryIsMissingAndGoes) {
  CacheDirectory cache(options);
  const std::string bytes(1000, 'x');
  fs::path path = fs::path(options.directory) / key("a");
  auto damage = [&](auto change) {
    ASSERT_EQ(cache.store(key("a"), bytes), "");
    change();
    EXPECT_FALSE(cache.find(key("a")));
    EXPECT_FALSE(fs::exists(path));
  };
  for (std::streamoff at : {0, 20, 500, 1044})
    damage([&] {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(at);
      file.put('y');
    });
  for (size_t size : {0, 5, 13, 40, 1000})
    damage([&] { fs::resize_file(path, size); });
  // An entry under another one's name.
  ASSERT_EQ(cache.store(key("a"), bytes), "");
  fs::rename(path, fs::path(options.directory) / key("b"));
  EXPECT_FALSE(cache.find(key("b")));
}

TEST_F(CacheDirectoryTest, WhatWasNotUsedForLongestGoesFirst) {
  options.mostBytes = 3500;
  CacheDirectory cache(options);
  const std::string bytes(1000, 'x');
  auto aged = [&](const std::string &name, int minutes) {
    fs::last_write_time(fs::path(options.directory) / key(name),
                        fs::file_time_type::clock::now() - std::chrono::minutes(minutes));
  };
  for (const char *name : {"a", "b", "c"})
    ASSERT_EQ(cache.store(key(name), bytes), "");
  aged("a", 30);
  aged("b", 20);
  aged("c", 10);
  EXPECT_TRUE(cache.find(key("a"))); // used now
  ASSERT_EQ(cache.store(key("d"), bytes), "");
  EXPECT_EQ(files(), 3u);
  EXPECT_FALSE(cache.find(key("b")));
  for (const char *name : {"a", "c", "d"})
    EXPECT_TRUE(cache.find(key(name))) << name;
  // What is larger than all may be is not kept, and takes nothing else's place.
  EXPECT_EQ(cache.store(key("e"), std::string(4000, 'x')), "");
  EXPECT_FALSE(cache.find(key("e")));
  EXPECT_EQ(files(), 3u);
}

TEST_F(CacheDirectoryTest, OtherFilesAreLeftAlone) {
  options.mostBytes = 1200;
  CacheDirectory cache(options);
  ASSERT_EQ(cache.store(key("a"), std::string(1000, 'x')), "");
  fs::path others[] = {fs::path(options.directory) / "notes.txt",
                       fs::path(options.directory) / (key("t") + ".tmp-1-2"),
                       fs::path(options.directory) / (key("u") + ".tmp-1-3")};
  for (const fs::path &path : others)
    std::ofstream(path) << std::string(5000, 'y');
  fs::last_write_time(others[2], fs::file_time_type::clock::now() - std::chrono::hours(2));
  ASSERT_EQ(cache.store(key("b"), std::string(1000, 'x')), "");
  EXPECT_TRUE(fs::exists(others[0]));
  EXPECT_TRUE(fs::exists(others[1])) << "someone may be writing it";
  EXPECT_FALSE(fs::exists(others[2])) << "its writer is long gone";
}

TEST_F(CacheDirectoryTest, WhatCannotBeWrittenIsSaid) {
  std::ofstream(root / "file") << "no directory";
  options.directory = (root / "file").string();
  EXPECT_THAT(CacheDirectory(options).store(key("a"), "x"), HasSubstr("cannot"));
  options.directory = (root / "file" / "below").string();
  EXPECT_THAT(CacheDirectory(options).store(key("a"), "x"), HasSubstr("cannot make"));
}

TEST_F(CacheDirectoryTest, ManyWritersAndReadersAtOnce) {
  options.mostBytes = 20000; // so that entries go while others are read
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      CacheDirectory cache(options);
      for (int i = 0; i < 60; ++i) {
        std::string name = std::to_string((i * 7 + t) % 30);
        std::string bytes = std::string(1000, static_cast<char>('a' + (i * 7 + t) % 30));
        if (auto found = cache.find(key(name)))
          EXPECT_EQ(*found, bytes);
        EXPECT_EQ(cache.store(key(name), bytes), "");
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_LE(files(), 20u);
}

} // namespace
} // namespace ingot
