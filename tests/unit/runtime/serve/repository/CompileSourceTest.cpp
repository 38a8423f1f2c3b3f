// Sources are compiled by a program of its own, once; a shell script stands for the compiler here.
#include "runtime/serve/repository/CompileSource.h"
#include "runtime/serve/repository/Publish.h"
#include "tests/unit/runtime/model/TestFiles.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

using namespace ingot;
using namespace ingot::serve;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

class CompileSourceTest : public FileTest {
protected:
  void SetUp() override {
    FileTest::SetUp();
    fs::create_directories(path("m/1"));
    write("m/1/model.onnx", "a graph");
    options.cacheDirectory = path("cache");
    compiler("cp \"$2\" \"$4\"");
  }
  /// A compiler that counts its calls; `$2` is the model, `$4` where the artifact is to be.
  void compiler(const std::string &script) {
    fs::remove(path("ingot")); // another file: another build
    write("ingot", "#!/bin/sh\n[ \"$1\" = --version ] && { echo ingot 9; exit; }\n"
                   "echo \"$@\" >> " +
                       path("calls") + "\n" + script + "\n");
    chmod(path("ingot").c_str(), 0755);
    options.program = path("ingot");
  }
  Result<CompiledSource> compile(const std::string &source = "model.onnx") {
    return compileSource(path("m/1"), source, options, {});
  }
  size_t calls() {
    const std::string text = read(path("calls"));
    return size_t(std::count(text.begin(), text.end(), '\n'));
  }
  CompilerOptions options;
};

TEST_F(CompileSourceTest, CompilesOnceForTheSameSourcesAndCompiler) {
  auto first = compile();
  ASSERT_OK(first.status());
  EXPECT_GT(first->took.count(), 0);
  EXPECT_EQ(read(first->directory + "/model.so"), "a graph");
  EXPECT_TRUE(checkVersion(first->directory).isOk());
  auto second = compile();
  ASSERT_OK(second.status());
  EXPECT_EQ(second->took.count(), 0);
  EXPECT_EQ(second->directory, first->directory);
  EXPECT_EQ(calls(), 1u);
}

TEST_F(CompileSourceTest, OtherSourcesOrAnotherCompilerAreCompiledAnew) {
  ASSERT_OK(compile().status());
  write("m/1/weights.bin", "beside the graph"); // external data count as well
  ASSERT_OK(compile().status());
  EXPECT_EQ(calls(), 2u);
  compiler("cp \"$2\" \"$4\" # better");
  ASSERT_OK(compile().status());
  EXPECT_EQ(calls(), 3u);
}

TEST_F(CompileSourceTest, ASavedModelIsCompiledByItsDirectory) {
  write("m/1/model.json", "{}");
  write("m/1/model.so", "its training artifact, which is not what is served");
  compiler("echo code > \"$4\"");
  ASSERT_OK(compile("model.json").status());
  EXPECT_NE(read(path("calls")).find("compile " + path("m/1") + " -o "), std::string::npos);
}

TEST_F(CompileSourceTest, DamageInTheCacheIsMended) {
  auto first = compile();
  ASSERT_OK(first.status());
  fs::remove(first->directory + "/model.so");
  std::ofstream(first->directory + "/model.so") << "damaged";
  auto second = compile();
  ASSERT_OK(second.status());
  EXPECT_EQ(read(second->directory + "/model.so"), "a graph");
  EXPECT_EQ(calls(), 2u);
}

TEST_F(CompileSourceTest, TheCompilersWordsAreTheError) {
  compiler("echo 'error: node `conv1`: no such op' >&2; exit 2");
  EXPECT_STATUS(compile().status(), InvalidArgument, "node `conv1`: no such op");
  EXPECT_TRUE(fs::is_empty(path("cache"))); // nothing is left
}

TEST_F(CompileSourceTest, TimeIsBounded) {
  compiler("sleep 1000");
  options.timeout = 3s;
  EXPECT_STATUS(compile().status(), DeadlineExceeded, "took more than 3 s");
  EXPECT_TRUE(fs::is_empty(path("cache")));
}

TEST_F(CompileSourceTest, ACompilerThatDiesIsTold) {
  compiler("kill -KILL $$");
  EXPECT_STATUS(compile().status(), ResourceExhausted, "signal 9");
}

TEST_F(CompileSourceTest, SourcesThatChangeMeanwhileAreNotKept) {
  compiler("cp \"$2\" \"$4\"; echo more >> \"$2\"");
  EXPECT_STATUS(compile().status(), Unavailable, "changed while it was compiled");
  EXPECT_TRUE(fs::is_empty(path("cache")));
}

TEST_F(CompileSourceTest, WithoutACompilerTheRemedyIsTold) {
  options.program = path("absent");
  Status refused = compile().status();
  EXPECT_STATUS(refused, FailedPrecondition, "no compiler is installed");
  EXPECT_STATUS(refused, FailedPrecondition, "--publish");
}

TEST_F(CompileSourceTest, ACacheThatOthersMayWriteIsRefused) {
  fs::create_directories(path("cache"));
  chmod(path("cache").c_str(), 0777);
  EXPECT_STATUS(compile().status(), FailedPrecondition, "may be written by everybody");
}

TEST_F(CompileSourceTest, WhatAKilledServerLeftIsRemovedAndWhatOneUsesIsNot) {
  for (const char *name : {".tmp-killed", ".tmp-running"}) {
    fs::create_directories(path("cache/") + name);
    write(std::string("cache/") + name + "/model.so", "half");
  }
  const int running = open(path("cache/.tmp-running").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(flock(running, LOCK_EX), 0);
  ASSERT_OK(compile().status());
  EXPECT_FALSE(fs::exists(path("cache/.tmp-killed")));
  EXPECT_TRUE(fs::exists(path("cache/.tmp-running/model.so")));
  close(running);
}

TEST_F(CompileSourceTest, WhatWasNotUsedForLongestLeavesAFullCache) {
  options.cacheBytes = 20; // two artifacts of seven bytes, not three
  auto at = [&](int number) {
    const std::string directory = path("m/" + std::to_string(number));
    fs::create_directories(directory);
    std::ofstream(directory + "/model.onnx") << "graph " << number;
    return compileSource(directory, "model.onnx", options, {});
  };
  auto first = at(1), second = at(2);
  ASSERT_OK(first.status());
  ASSERT_OK(second.status());
  const timespec old[2] = {{1, 0}, {1, 0}};
  utimensat(AT_FDCWD, fs::path(second->directory).parent_path().c_str(), old, 0);
  ASSERT_OK(at(3).status());
  EXPECT_TRUE(fs::exists(first->directory));
  EXPECT_FALSE(fs::exists(second->directory));
}

} // namespace
