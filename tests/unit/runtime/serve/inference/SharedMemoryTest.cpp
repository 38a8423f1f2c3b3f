// Regions of shared memory, and clients that lie about them.
#include "runtime/serve/inference/SharedMemory.h"
#include "tests/unit/runtime/model/TestFiles.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

using ingot::serve::SharedMemory;

/// A client's object, gone with the test.
class Object {
public:
  explicit Object(const std::string &bytes)
      : key("/ingot-test-" + std::to_string(getpid())),
        file(shm_open(key.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600)) {
    EXPECT_EQ(write(file, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  ~Object() {
    close(file);
    shm_unlink(key.c_str());
  }
  std::string contents() const {
    std::string text(static_cast<size_t>(lseek(file, 0, SEEK_END)), '\0');
    EXPECT_EQ(pread(file, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    return text;
  }
  std::string key;
  int file;
};

TEST(SharedMemoryTest, ReadsAndWritesWithinARegion) {
  Object object("0123456789");
  SharedMemory memory;
  ASSERT_OK(memory.add("region", object.key, 2, 6)); // "234567"
  auto region = memory.find("region");
  ASSERT_OK(region.status());
  char out[3];
  ASSERT_OK((*region)->read(3, out, 3));
  EXPECT_EQ(std::string(out, 3), "567");
  ASSERT_OK((*region)->write(0, "ab", 2));
  EXPECT_EQ(object.contents(), "01ab456789");
}

TEST(SharedMemoryTest, NothingBeyondARegionIsTouched) {
  Object object("0123456789");
  SharedMemory memory;
  ASSERT_OK(memory.add("region", object.key, 2, 6));
  auto region = memory.find("region");
  char out[8];
  EXPECT_STATUS((*region)->read(4, out, 3), InvalidArgument, "beyond its 6 bytes");
  EXPECT_STATUS((*region)->write(7, out, 0), InvalidArgument, "beyond its 6 bytes");
  EXPECT_STATUS((*region)->write(1, out, UINT64_MAX), InvalidArgument, "beyond");
  EXPECT_EQ(object.contents(), "0123456789");
}

TEST(SharedMemoryTest, AnObjectThatShrinksIsAnErrorAndNoCrash) {
  Object object(std::string(100000, 'x'));
  SharedMemory memory;
  ASSERT_OK(memory.add("region", object.key, 0, 100000));
  auto region = memory.find("region");
  ASSERT_EQ(ftruncate(object.file, 10), 0);
  std::string out(100000, ' ');
  EXPECT_STATUS((*region)->read(0, out.data(), out.size()), InvalidArgument, "which has 10 bytes");
  EXPECT_STATUS((*region)->write(0, out.data(), out.size()), InvalidArgument, "which has 10 bytes");
  EXPECT_EQ(object.contents().size(), 10u);
}

TEST(SharedMemoryTest, RegistrationIsChecked) {
  Object object("0123456789");
  SharedMemory memory;
  EXPECT_STATUS(memory.add("", object.key, 0, 1), InvalidArgument, "needs a name");
  EXPECT_STATUS(memory.add("r", object.key, 0, 0), InvalidArgument, "at least 1");
  EXPECT_STATUS(memory.add("r", object.key, 5, 6), InvalidArgument, "which has 10 bytes");
  EXPECT_STATUS(memory.add("r", object.key, UINT64_MAX, 1), InvalidArgument, "at most");
  EXPECT_STATUS(memory.add("r", object.key, 11, UINT64_MAX / 4), InvalidArgument, "which has 10");
  EXPECT_STATUS(memory.add("r", "/ingot-absent", 0, 1), NotFound, "/ingot-absent");
  EXPECT_STATUS(memory.add("r", "/../etc/passwd", 0, 1), InvalidArgument, "is no name");
  EXPECT_STATUS(memory.add("r", "", 0, 1), InvalidArgument, "is no name");
  ASSERT_OK(memory.add("r", object.key, 0, 1));
  EXPECT_STATUS(memory.add("r", object.key, 0, 1), InvalidArgument, "unregister it first");
}

TEST(SharedMemoryTest, ThereAreAsManyRegionsAsFilesMayBeOpen) {
  Object object("0123456789");
  SharedMemory memory;
  for (size_t i = 0; i < SharedMemory::mostRegions; ++i) {
    const auto status = memory.add("r" + std::to_string(i), object.key, 0, 1);
    if (i > 256 && status.code() == ingot::StatusCode::IoError)
      GTEST_SKIP() << "few files may be open here: " << status.message();
    ASSERT_OK(status);
  }
  EXPECT_STATUS(memory.add("more", object.key, 0, 1), ResourceExhausted, "unregister");
  memory.remove("r7");
  ASSERT_OK(memory.add("more", object.key, 0, 1));
}

TEST(SharedMemoryTest, RegionsAreListedAndRemovedButStayWithTheirUsers) {
  Object object("0123456789");
  SharedMemory memory;
  ASSERT_OK(memory.add("a", object.key, 0, 1));
  ASSERT_OK(memory.add("b", object.key, 1, 2));
  EXPECT_EQ(memory.list("")->size(), 2u);
  EXPECT_EQ(memory.list("b")->front()->offset, 1u);
  auto used = *memory.find("b");
  memory.remove("b");
  memory.remove("absent");
  EXPECT_STATUS(memory.list("b").status(), NotFound, "'b'");
  char out;
  ASSERT_OK(used->read(1, &out, 1));
  EXPECT_EQ(out, '2');
  memory.remove("");
  EXPECT_TRUE(memory.list("")->empty());
}

} // namespace
