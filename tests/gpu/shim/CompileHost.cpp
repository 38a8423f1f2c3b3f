#include "CompileHost.h"

#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace ingot::shim {
namespace {

std::vector<std::string> command(const HostCompileOptions &options, bool withPrelude,
                                 const std::string &source, const std::string &path) {
  const char *compiler = std::getenv("INGOT_CLANG");
  std::vector<std::string> words = {compiler ? compiler : "clang++-22",
                                    "-std=c++17",
                                    options.optimized ? "-O2" : "-O1",
                                    "-ffp-contract=off",
                                    "-fPIC",
                                    "-shared",
                                    "-fuse-ld=lld",
                                    "-nostdlib++",
                                    "-fno-rtti",
                                    "-Wno-unknown-pragmas"};
  auto add = [&](std::initializer_list<const char *> more) {
    words.insert(words.end(), more.begin(), more.end());
  };
  if (options.instrumented) // and accesses stay as the kernel has them
    add({"-fsanitize=thread", "-mllvm", "-tsan-instrument-func-entry-exit=0", "-fno-vectorize",
         "-fno-slp-vectorize"});
  if (options.addressSanitizer)
    add({"-fsanitize=address", "-fsanitize-address-use-after-return=never", "-g1"});
  if (withPrelude)
    add({"-include", INGOT_SOURCE_DIR "/backends/gpu/prelude/shim.h"});
  add({"-o", path.c_str(), source.c_str(), "-lm"});
  return words;
}

// Runs it with everything that it says in the file `log`.
int run(const std::vector<std::string> &words, const std::string &log) {
  std::vector<char *> arguments;
  for (const std::string &word : words)
    arguments.push_back(const_cast<char *>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t process = 0;
  const int problem =
      posix_spawnp(&process, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = -1;
  if (problem == 0)
    while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
    }
  return problem == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

} // namespace

std::string compileHost(const std::string &text, const std::string &path,
                        const HostCompileOptions &options) {
  if (options.instrumented && options.addressSanitizer)
    return "an image cannot be instrumented and have the address sanitizer";
  const std::string source = path + ".cpp", log = path + ".log";
  std::ofstream(source) << text;
  const bool withPrelude = text.find("INGOT_SHIM_ABI_H") == std::string::npos;
  const int status = run(command(options, withPrelude, source, path), log);
  if (status == 127)
    return "clang++-22 cannot be run (INGOT_CLANG names another)";
  std::ostringstream said;
  said << std::ifstream(log).rdbuf();
  unlink(log.c_str());
  if (status != 0)
    return said.str().empty() ? "the compiler failed" : said.str();
  unlink(source.c_str());
  return {};
}

} // namespace ingot::shim
