// See ChildProcess.h.
#include "tools/ingot/ChildProcess.h"
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace ingot::cli {
namespace {

/// An anonymous file that a child prints into.
class Capture {
public:
  Capture() : descriptor(memfd_create("ingot-output", MFD_CLOEXEC)) {
    if (descriptor < 0)
      throw Failure(kInput, std::string("cannot capture output: ") + std::strerror(errno));
  }
  ~Capture() { close(descriptor); }
  Capture(const Capture &) = delete;
  Capture &operator=(const Capture &) = delete;

  std::string text() const {
    constexpr size_t most = 1 << 20;
    std::string result(most, '\0');
    ssize_t count = pread(descriptor, result.data(), most, 0);
    result.resize(count > 0 ? static_cast<size_t>(count) : 0);
    return result;
  }
  const int descriptor;
};

/// In the child: only calls that are safe after fork, then exec. Reports why exec failed by
/// `failed`.
[[noreturn]] void becomeChild(const std::vector<char *> &argv,
                              const std::vector<char *> &environment, const Capture &out,
                              const Capture &err, int failed) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  dup2(out.descriptor, STDOUT_FILENO);
  dup2(err.descriptor, STDERR_FILENO);
  execvpe(argv[0], argv.data(), environment.data());
  int error = errno;
  (void)!write(failed, &error, sizeof(error));
  _exit(127);
}

/// Waits until the process has ended or time is up, and kills its group then.
void waitFor(pid_t pid, double seconds, ChildResult &result) {
  auto start = std::chrono::steady_clock::now();
  auto pause = std::chrono::microseconds(200);
  int status = 0;
  while (waitpid(pid, &status, WNOHANG) == 0) {
    std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    if (seconds > 0 && elapsed.count() > seconds && !result.timedOut) {
      result.timedOut = true;
      kill(-pid, SIGKILL);
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(20'000));
  }
  kill(-pid, SIGKILL); // what it left running
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

} // namespace

ChildResult runChild(const std::vector<std::string> &argv, double seconds,
                     const std::vector<std::string> &environment) {
  std::vector<char *> words, variables;
  for (const std::string &word : argv)
    words.push_back(const_cast<char *>(word.c_str()));
  words.push_back(nullptr);
  for (const std::string &variable : environment) // the first of a name counts
    variables.push_back(const_cast<char *>(variable.c_str()));
  for (char **variable = environ; *variable; ++variable) {
    std::string_view name(*variable, std::strcspn(*variable, "=") + 1);
    bool isReplaced = false;
    for (const std::string &other : environment)
      isReplaced |= std::string_view(other).substr(0, name.size()) == name;
    if (!isReplaced)
      variables.push_back(*variable);
  }
  variables.push_back(nullptr);
  Capture out, err;
  int failed[2];
  if (pipe2(failed, O_CLOEXEC) != 0)
    throw Failure(kInput, std::string("cannot start `") + argv[0] + "`: " + std::strerror(errno));
  pid_t pid = fork();
  if (pid == 0)
    becomeChild(words, variables, out, err, failed[1]);
  int error = pid < 0 ? errno : 0;
  close(failed[1]);
  ChildResult result;
  if (pid > 0) {
    setpgid(pid, pid);
    if (read(failed[0], &error, sizeof(error)) != sizeof(error))
      error = 0;
    waitFor(pid, seconds, result);
  }
  close(failed[0]);
  if (error != 0)
    throw Failure(kInput, "cannot start `" + argv[0] + "`: " + std::strerror(error));
  result.out = out.text();
  result.err = err.text();
  return result;
}

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "ingot-XXXXXX").string();
  if (!mkdtemp(name.data()))
    throw Failure(kInput,
                  "cannot make a temporary directory: " + name + ": " + std::strerror(errno));
  directory = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
}

} // namespace ingot::cli
