// A directory of its own for each test, gone afterwards, and files as strings.
#ifndef INGOT_TESTS_UNIT_RUNTIME_TESTFILES_H
#define INGOT_TESTS_UNIT_RUNTIME_TESTFILES_H

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

class FileTest : public testing::Test {
protected:
  void SetUp() override {
    directory = std::filesystem::temp_directory_path() /
                ("ingot-test-" + std::to_string(getpid()) + "-" +
                 testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(directory);
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  std::string path(const std::string &name) const { return directory / name; }
  std::string write(const std::string &name, const std::string &bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }
  static std::string read(const std::string &path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }

  std::filesystem::path directory;
};

#define EXPECT_STATUS(status, expectedCode, fragment)                                              \
  do {                                                                                             \
    /* A copy, since it may be part of a temporary.                                                \
     * NOLINTNEXTLINE(performance-unnecessary-copy-initialization) */                              \
    const ingot::Status seen = (status);                                                           \
    EXPECT_EQ(toString(seen.code()), toString(ingot::StatusCode::expectedCode)) << seen.message(); \
    EXPECT_NE(seen.message().find(fragment), std::string::npos) << seen.message();                 \
  } while (false)
#define ASSERT_OK(expression)                                                                      \
  do {                                                                                             \
    /* A copy, since it may be part of a temporary.                                                \
     * NOLINTNEXTLINE(performance-unnecessary-copy-initialization) */                              \
    const ingot::Status seen = (expression);                                                       \
    ASSERT_TRUE(seen.isOk()) << seen.message();                                                    \
  } while (false)

#endif // INGOT_TESTS_UNIT_RUNTIME_TESTFILES_H
