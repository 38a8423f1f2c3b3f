// See ChildProcess.h.
#include "runtime/serve/repository/ChildProcess.h"
#include "runtime/core/AtomicFile.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ingot::serve {

namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr size_t mostOutput = size_t{64} << 10;

/// The attributes and file actions of posix_spawn, which are freed.
struct SpawnSettings {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  int error = 0;

  explicit SpawnSettings(int output) {
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    auto check = [this](int code) { error = error ? error : code; };
    // Servers block signals in their threads and ignore SIGPIPE; a compiler should not.
    check(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETSIGDEF));
    check(posix_spawnattr_setpgroup(&attributes, 0));
    check(posix_spawnattr_setsigmask(&attributes, &none));
    check(posix_spawnattr_setsigdefault(&attributes, &all));
    check(posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0));
    check(posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO));
    check(posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO));
    // Sockets of libraries need not be close-on-exec; a client would wait on one we have closed.
    check(posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1));
  }
  ~SpawnSettings() {
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
  }
  SpawnSettings(const SpawnSettings &) = delete;
  SpawnSettings &operator=(const SpawnSettings &) = delete;
};

void limit(pid_t process, const ChildOptions &options) {
  if (options.memoryBytes != 0) {
    const rlimit bytes = {options.memoryBytes, options.memoryBytes};
    prlimit(process, RLIMIT_AS, &bytes, nullptr);
  }
  const rlimit none = {0, 0};
  prlimit(process, RLIMIT_CORE, &none, nullptr);
  if (options.timeout.count() != 0) { // if we are killed, nobody else ends it
    const auto seconds = static_cast<rlim_t>(options.timeout.count() / 1000 + 1) *
                         static_cast<rlim_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
    const rlimit time = {seconds, seconds};
    prlimit(process, RLIMIT_CPU, &time, nullptr);
  }
}

/// A running child: ended and waited for with the object.
class Child {
public:
  Child(pid_t process, int output) : process_(process), output_(output) {}
  ~Child() {
    if (!isOver_) {
      kill(-process_, SIGKILL);
      waitpid(process_, &status_, 0);
    }
    close(output_);
  }
  Child(const Child &) = delete;
  Child &operator=(const Child &) = delete;

  /// Reads what there is, waiting up to `wait` for it; what is too much is read and forgotten, so
  /// that the child does not wait.
  void read(std::string &output, std::chrono::milliseconds wait) {
    pollfd ready = {output_, POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(wait.count())) <= 0)
      return;
    char piece[4096];
    const ssize_t count = ::read(output_, piece, sizeof(piece));
    if (count > 0)
      output.append(piece, std::min(static_cast<size_t>(count), mostOutput - output.size()));
    isClosed_ = count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN);
  }
  bool isClosed() const { return isClosed_; }
  /// With all that it has started. WNOWAIT: as long as the process is not waited for, no other
  /// group can have its number.
  bool hasEnded() {
    siginfo_t info = {};
    if (waitid(P_PID, static_cast<id_t>(process_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == 0)
      return false;
    kill(-process_, SIGKILL);
    waitpid(process_, &status_, 0);
    return isOver_ = true;
  }
  int exitCode() const { return WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_); }

private:
  pid_t process_;
  int output_, status_ = 0;
  bool isOver_ = false, isClosed_ = false;
};

} // namespace

Result<ChildResult> runProgram(const std::vector<std::string> &argv, const ChildOptions &options) {
  int pipe[2];
  if (pipe2(pipe, O_CLOEXEC) != 0)
    return errnoStatus("start", argv[0], errno);
  std::vector<char *> words;
  for (const std::string &word : argv)
    words.push_back(const_cast<char *>(word.c_str()));
  words.push_back(nullptr);
  pid_t process = 0;
  SpawnSettings settings(pipe[1]);
  const int error = settings.error ? settings.error
                                   : posix_spawn(&process, argv[0].c_str(), &settings.actions,
                                                 &settings.attributes, words.data(), environ);
  close(pipe[1]);
  if (error != 0) {
    close(pipe[0]);
    return errnoStatus("start", argv[0], error);
  }
  Child child(process, pipe[0]);
  limit(process, options);
  ChildResult result;
  const auto begin = SteadyClock::now();
  auto pause = std::chrono::milliseconds(1);
  while (!child.hasEnded()) {
    if (options.timeout.count() != 0 && SteadyClock::now() - begin >= options.timeout) {
      result.isTimedOut = true;
      return result;
    }
    if (options.shouldGoOn)
      INGOT_RETURN_IF_ERROR(options.shouldGoOn());
    if (child.isClosed()) // it runs on without a voice
      usleep(static_cast<useconds_t>(pause.count() * 1000));
    else
      child.read(result.output, pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(50));
  }
  while (!child.isClosed() && result.output.size() < mostOutput) { // what is left in the pipe
    const size_t before = result.output.size();
    child.read(result.output, std::chrono::milliseconds(0));
    if (result.output.size() == before)
      break;
  }
  result.exitCode = child.exitCode();
  return result;
}

} // namespace ingot::serve
