// Commands as a user would type them, in a test with a directory of its own.
#pragma once
#include "tests/unit/runtime/model/TestFiles.h"

#include <cstdlib>
#include <string>
#include <sys/wait.h>

class ShellTest : public FileTest {
protected:
  struct Outcome {
    int code;
    std::string out, err;
  };

  Outcome shell(const std::string &command) {
    std::string full = "{ " + command + "\n} >" + path("out") + " 2>" + path("err");
    int status = std::system(full.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read(path("out")), read(path("err"))};
  }
};
