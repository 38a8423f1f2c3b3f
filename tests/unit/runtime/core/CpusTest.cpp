#include "runtime/core/Cpus.h"
#include "tests/unit/runtime/model/TestFiles.h"

using namespace ingot;

namespace {

class CpusTest : public FileTest {
protected:
  void put(const std::string &name, const std::string &text) {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    write(name, text);
  }
  int limit(const std::string &groups) {
    return cpusOfControlGroup(write("cgroup", groups), path("fs"));
  }
};

TEST_F(CpusTest, TheLeastOfAGroupAndThoseAboveItCounts) {
  put("fs/pods/cpu.max", "300000 100000\n");
  put("fs/pods/one/cpu.max", "150000 100000\n");
  put("fs/pods/two/cpu.max", "max 100000\n");
  EXPECT_EQ(limit("0::/pods/one\n"), 2); // 1.5 CPUs: two threads, one of them half of the time
  EXPECT_EQ(limit("0::/pods/two\n"), 3);
  EXPECT_EQ(limit("0::/pods/two/deeper\n"), 3);
  EXPECT_EQ(limit("0::/\n"), 0);
  put("fs/cpu.max", "100000 100000\n"); // in a container its own group is the root
  EXPECT_EQ(limit("0::/\n"), 1);
}

TEST_F(CpusTest, Version1HasFilesOfItsOwn) {
  put("fs/cpu,cpuacct/docker/cpu.cfs_quota_us", "400000\n");
  put("fs/cpu,cpuacct/docker/cpu.cfs_period_us", "100000\n");
  put("fs/cpu,cpuacct/free/cpu.cfs_quota_us", "-1\n");
  put("fs/cpu,cpuacct/free/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(limit("5:cpuset:/docker\n3:cpu,cpuacct:/docker\n0::/\n"), 4);
  EXPECT_EQ(limit("3:cpu,cpuacct:/free\n"), 0);
}

TEST_F(CpusTest, WhatCannotBeReadIsNoLimit) {
  EXPECT_EQ(limit(""), 0);
  EXPECT_EQ(limit("nonsense"), 0);
  put("fs/odd/cpu.max", "what is this");
  EXPECT_EQ(limit("0::/odd\n"), 0);
  EXPECT_EQ(cpusOfControlGroup(path("absent"), path("fs")), 0);
  EXPECT_GE(availableCpus(), 1);
}

} // namespace
