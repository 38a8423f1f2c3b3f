// The command line run in a directory of its own; for the tests of each subcommand.
#pragma once
#include "ingot/data/Npy.h"
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

namespace ingot::test {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

struct Outcome {
  int code = -1; // the negative signal number when it was killed
  std::string out, err;
};

inline std::string contentsOf(const fs::path &path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

/// A directory that goes away with the test, and the tool run inside it.
class CliTest : public testing::Test {
protected:
  CliTest() {
    char name[] = "/tmp/ingot-cli-XXXXXX";
    directory = mkdtemp(name);
  }
  ~CliTest() override { fs::remove_all(directory); }

  void write(const std::string &name, const Shape &shape, const std::vector<float> &values) {
    Tensor tensor = *Tensor::of<float>(shape, values);
    ASSERT_TRUE(data::writeNpy(path(name), tensor).isOk());
  }
  std::vector<float> read(const std::string &name) {
    auto tensor = data::readNpy(path(name));
    if (!tensor.isOk()) {
      ADD_FAILURE() << tensor.status().message();
      return {};
    }
    return {tensor->data<float>(), tensor->data<float>() + tensor->elementCount()};
  }
  std::string path(const std::string &name) const { return (directory / name).string(); }

  Outcome ingot(const std::string &arguments) const {
    std::string command = "cd " + directory.string() + " && " INGOT_BINARY " " + arguments +
                          " >out.txt 2>err.txt </dev/null";
    int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
            contentsOf(directory / "out.txt"), contentsOf(directory / "err.txt")};
  }

  fs::path directory;
};

} // namespace ingot::test
