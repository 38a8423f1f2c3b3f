// `ingot compile --publish`: a version that a server takes, or nothing.
#include "runtime/serve/repository/Manifest.h"
#include "runtime/serve/repository/Publish.h"
#include "tests/unit/tools/CliTest.h"
#include <nlohmann/json.hpp>

namespace ingot::test {
namespace {

const char *const kModel = R"(
func.func @predict(%x: tensor<?x3xf32, #graph.dims<[batch, 3]>> {graph.name = "x"})
    -> (tensor<?x3xf32, #graph.dims<[batch, 3]>> {graph.name = "y"}) {
  %y = graph.relu %x : tensor<?x3xf32, #graph.dims<[batch, 3]>> loc("activation")
  return %y : tensor<?x3xf32, #graph.dims<[batch, 3]>>
}
)";

class CliPublishTest : public CliTest {
protected:
  CliPublishTest() {
    std::ofstream(directory / "net.mlir") << kModel;
    std::ofstream(directory / "labels.txt") << "cat\ndog\n";
  }
};

TEST_F(CliPublishTest, WritesTheNextVersionWithItsManifest) {
  Outcome first = ingot("compile net.mlir --publish models/net --labels labels.txt "
                        "--target-cpu x86-64-v3,x86-64");
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.err, HasSubstr("models/net/1/model.so"));
  EXPECT_THAT(first.err, HasSubstr("ingot serve --model-repository"));
  EXPECT_TRUE(serve::checkVersion(path("models/net/1")).isOk());
  auto manifest = serve::readManifest(path("models/net/1"));
  ASSERT_TRUE(manifest.isOk());
  EXPECT_THAT(manifest->compiler, testing::StartsWith("ingot "));
  EXPECT_EQ(manifest->targets, (std::vector<std::string>{"x86-64-v3", "x86-64"}));
  EXPECT_EQ(contentsOf(path("models/net/1/assets/labels.txt")), "cat\ndog\n");
  Outcome second = ingot("compile net.mlir --publish models/net --json");
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_EQ(nlohmann::json::parse(second.out)["path"], path("models/net/2/model.so"));
  EXPECT_EQ(std::distance(fs::directory_iterator(path("models/net")), {}), 2);
}

TEST_F(CliPublishTest, AVersionThatIsThereIsNotChanged) {
  ASSERT_EQ(ingot("compile net.mlir --publish net/7").code, 0);
  std::string before = contentsOf(path("net/7/MANIFEST.json"));
  Outcome again = ingot("compile net.mlir --publish net/7 --fast-math");
  EXPECT_EQ(again.code, 2);
  EXPECT_THAT(again.err, HasSubstr("`net/7` is there already"));
  EXPECT_EQ(contentsOf(path("net/7/MANIFEST.json")), before);
}

TEST_F(CliPublishTest, AFailureLeavesNothing) {
  std::ofstream(directory / "broken.mlir") << "func.func";
  EXPECT_EQ(ingot("compile broken.mlir --publish new").code, 2);
  EXPECT_EQ(ingot("compile net.mlir --publish new --labels absent").code, 2);
  EXPECT_FALSE(fs::exists(path("new")));
}

TEST_F(CliPublishTest, WhatNoServerCouldLoadIsRefused) {
  for (const char *options : {"-o net.so", "--emit obj", "--symbol net", "--no-weights",
                              "--sanitize address", "--stop-after fuse"})
    EXPECT_EQ(ingot(std::string("compile net.mlir --publish net ") + options).code, 1) << options;
  EXPECT_EQ(ingot("compile net.mlir --publish net/0").code, 1);
  EXPECT_EQ(ingot("compile net.mlir --labels labels.txt").code, 1);
  EXPECT_FALSE(fs::exists(path("net")));
}

} // namespace
} // namespace ingot::test
