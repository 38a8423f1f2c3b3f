// `ingot compile --cache`: the same artifact, faster; what changes the code misses, what does not
// hits; nothing that happens to the directory makes a compilation fail.
#include "tests/unit/tools/CliTest.h"
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

namespace ingot::test {
namespace {

/// A convolution, whose kernel is packed when compiling, and a dense layer.
std::string modelText(const char *kernel, const char *activation = "relu",
                      const char *layer = "conv") {
  std::string text = R"(
graph.variable @"conv/kernel" {role = "trainable", value = dense<KERNEL> : tensor<3x3x32x32xf32>} : tensor<3x3x32x32xf32>
func.func @predict(%x: tensor<?x8x8x32xf32, #graph.dims<[batch, 8, 8, 32]>> {graph.name = "x"})
    -> (tensor<?x6x6x32xf32, #graph.dims<[batch, 6, 6, 32]>> {graph.name = "y"}) {
  %w = graph.read @"conv/kernel" : tensor<3x3x32x32xf32>
  %y = graph.conv %x, %w {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 0, 0>, paddingLow = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<?x8x8x32xf32, #graph.dims<[batch, 8, 8, 32]>>, tensor<3x3x32x32xf32>) -> tensor<?x6x6x32xf32, #graph.dims<[batch, 6, 6, 32]>> loc("LAYER")
  %z = graph.ACTIVATION %y : tensor<?x6x6x32xf32, #graph.dims<[batch, 6, 6, 32]>> loc("activation")
  return %z : tensor<?x6x6x32xf32, #graph.dims<[batch, 6, 6, 32]>>
}
)";
  for (auto [name, value] : {std::pair("KERNEL", kernel), std::pair("ACTIVATION", activation),
                             std::pair("LAYER", layer)})
    text.replace(text.find(name), std::strlen(name), value);
  return text;
}

class CliCacheTest : public CliTest {
protected:
  CliCacheTest() { std::ofstream(directory / "net.mlir") << modelText("0.5"); }

  /// Compiles to net.so; whether the code came from the cache.
  bool isCached(const std::string &options = "", const std::string &model = "net.mlir") {
    Outcome outcome = ingot("compile " + model + " -o net.so --json --cache cache " + options);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    return outcome.code == 0 && nlohmann::json::parse(outcome.out)["code_cached"].get<bool>();
  }
  std::string artifact() const { return contentsOf(directory / "net.so"); }
  std::vector<fs::path> entries() const {
    std::vector<fs::path> paths;
    for (const auto &entry : fs::directory_iterator(directory / "cache"))
      paths.push_back(entry.path());
    return paths;
  }
};

TEST_F(CliCacheTest, AHitIsTheSameArtifact) {
  ASSERT_EQ(ingot("compile net.mlir -o net.so").code, 0);
  std::string plain = artifact();
  EXPECT_FALSE(isCached());
  EXPECT_EQ(artifact(), plain);
  size_t count = entries().size();
  EXPECT_TRUE(isCached());
  EXPECT_EQ(entries().size(), count) << "the code that packs weights is found, too";
  EXPECT_EQ(artifact(), plain);
  Outcome first = ingot("compile net.mlir -o net.so"),
          second = ingot("compile net.mlir -o net.so --cache cache");
  EXPECT_THAT(second.err, HasSubstr(" s, code cached\n"));
  auto withoutFirstLine = [](const std::string &text) { return text.substr(text.find('\n')); };
  EXPECT_EQ(withoutFirstLine(first.err), withoutFirstLine(second.err));
}

TEST_F(CliCacheTest, WeightsAreNoPartOfTheCode) {
  EXPECT_FALSE(isCached());
  std::string first = artifact();
  std::ofstream(directory / "net.mlir") << modelText("0.25");
  EXPECT_TRUE(isCached());
  EXPECT_NE(artifact(), first);
  std::string cached = artifact();
  ASSERT_EQ(ingot("compile net.mlir -o net.so").code, 0);
  EXPECT_EQ(artifact(), cached);
  EXPECT_TRUE(isCached("--no-weights"));
}

TEST_F(CliCacheTest, WhatTheCodeDependsOnMisses) {
  EXPECT_FALSE(isCached("--target-cpu x86-64"));
  for (const char *options :
       {"--target-cpu x86-64-v2", "--target-cpu x86-64 --symbol other", "--target-cpu x86-64 -g",
        "--target-cpu x86-64 --debug-arena", "--target-cpu x86-64 --conv-precision exact",
        "--target-cpu x86-64 --fast-math"}) {
    EXPECT_FALSE(isCached(options)) << options;
    EXPECT_TRUE(isCached(options)) << options;
  }
  // Of two variants one is there: not all code is cached, but only the other is made.
  EXPECT_FALSE(isCached("--target-cpu x86-64,x86-64-v3"));
  EXPECT_TRUE(isCached("--target-cpu x86-64,x86-64-v3"));
  for (const std::string &model : {modelText("0.5", "tanh"), modelText("0.5", "relu", "other")}) {
    std::ofstream(directory / "net.mlir") << model;
    EXPECT_FALSE(isCached("--target-cpu x86-64"));
  }
}

TEST_F(CliCacheTest, AnotherCompilerMisses) {
  EXPECT_FALSE(isCached());
  // The same program but for its build id.
  std::string program = contentsOf(INGOT_BINARY);
  const std::string note("\4\0\0\0\24\0\0\0\3\0\0\0GNU\0", 16);
  size_t at = program.find(note);
  ASSERT_NE(at, std::string::npos);
  program[at + note.size()] ^= 1;
  std::ofstream(directory / "other", std::ios::binary) << program;
  fs::permissions(directory / "other", fs::perms::owner_all);
  std::string command = "cd " + directory.string() +
                        " && ./other compile net.mlir -o net.so --json --cache cache > other.json";
  ASSERT_EQ(std::system(command.c_str()), 0);
  auto json = nlohmann::json::parse(contentsOf(directory / "other.json"));
  EXPECT_FALSE(json["code_cached"].get<bool>());
  EXPECT_TRUE(isCached());
}

TEST_F(CliCacheTest, DamagedEntriesAreMadeAnew) {
  EXPECT_FALSE(isCached());
  std::string whole = artifact();
  size_t count = entries().size();
  for (const fs::path &path : entries()) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(fs::file_size(path) / 2));
    file.put('?');
  }
  EXPECT_FALSE(isCached());
  EXPECT_EQ(artifact(), whole);
  EXPECT_EQ(entries().size(), count);
  EXPECT_TRUE(isCached());
  EXPECT_EQ(artifact(), whole);
}

TEST_F(CliCacheTest, ManyCompilersShareADirectory) {
  std::vector<std::thread> threads;
  std::vector<int> codes(4, -1);
  for (size_t i = 0; i < codes.size(); ++i)
    threads.emplace_back([&, i] {
      std::string name = "net" + std::to_string(i);
      std::string command = "cd " + directory.string() +
                            " && " INGOT_BINARY " compile net.mlir --cache cache -o " + name +
                            ".so >" + name + ".out 2>&1";
      codes[i] = std::system(command.c_str());
    });
  for (std::thread &thread : threads)
    thread.join();
  for (size_t i = 0; i < codes.size(); ++i) {
    std::string name = "net" + std::to_string(i);
    EXPECT_EQ(codes[i], 0) << contentsOf(directory / (name + ".out"));
    EXPECT_EQ(contentsOf(directory / (name + ".so")), contentsOf(directory / "net0.so"));
  }
  EXPECT_TRUE(isCached());
  EXPECT_EQ(artifact(), contentsOf(directory / "net0.so"));
}

TEST_F(CliCacheTest, WhatTheDirectoryLacksIsNoError) {
  std::ofstream(directory / "file") << "no directory";
  Outcome outcome = ingot("compile net.mlir -o net.so --cache file");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("the compile cache does not keep this code"));
  EXPECT_TRUE(fs::exists(directory / "net.so"));
  EXPECT_FALSE(isCached("--cache-size 1KiB"));
  EXPECT_FALSE(isCached("--cache-size 1KiB")) << "nothing fits";
  EXPECT_EQ(ingot("compile net.mlir --cache cache --cache-size much").code, 1);
}

TEST_F(CliCacheTest, TheEnvironmentNamesADirectoryToo) {
  setenv("INGOT_CACHE", "elsewhere", 1);
  Outcome first = ingot("compile net.mlir -o net.so --json"),
          second = ingot("compile net.mlir -o net.so --json");
  unsetenv("INGOT_CACHE");
  EXPECT_FALSE(nlohmann::json::parse(first.out)["code_cached"].get<bool>());
  EXPECT_TRUE(nlohmann::json::parse(second.out)["code_cached"].get<bool>());
  Outcome third = ingot("compile net.mlir -o net.so --json");
  EXPECT_FALSE(nlohmann::json::parse(third.out)["code_cached"].get<bool>()) << "none by default";
}

} // namespace
} // namespace ingot::test
