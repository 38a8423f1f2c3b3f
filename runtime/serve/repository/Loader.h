// Loader: threads of the lowest priority, on which versions are loaded, compiled or freed, so that
// those that serve do not notice.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_LOADER_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_LOADER_H

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ingot::serve {

class Loader {
public:
  /// `name`: of the threads, 15 characters at most.
  Loader(const char *name, int threads);
  /// Runs what is queued, and joins.
  ~Loader();
  Loader(const Loader &) = delete;
  Loader &operator=(const Loader &) = delete;

  /// In the order of the calls, where there is one thread.
  void run(std::function<void()> task);

private:
  void work(const char *name);
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool isStopping_ = false;
  std::vector<std::thread> threads_;
};

} // namespace ingot::serve

#endif
