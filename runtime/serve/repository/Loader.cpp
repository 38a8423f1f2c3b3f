// See Loader.h.
#include "runtime/serve/repository/Loader.h"

#include <algorithm>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ingot::serve {

namespace {
/// On Linux priorities are a thread's, and the processes that it starts inherit them. Nice 19 and
/// not SCHED_IDLE: on a machine that is busy for good, loading goes on, if slowly.
void takeLowestPriority() { setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), 19); }
} // namespace

Loader::Loader(const char *name, int threads) {
  for (int i = 0; i < std::max(threads, 1); ++i)
    threads_.emplace_back([this, name] { work(name); });
}

Loader::~Loader() {
  {
    std::lock_guard lock(mutex_);
    isStopping_ = true;
  }
  changed_.notify_all();
  for (std::thread &thread : threads_)
    thread.join();
}

void Loader::run(std::function<void()> task) {
  {
    std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
}

void Loader::work(const char *name) {
  pthread_setname_np(pthread_self(), name);
  takeLowestPriority();
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return isStopping_ || !tasks_.empty(); });
    if (tasks_.empty())
      return;
    std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    task = nullptr; // what it holds goes here, too
    lock.lock();
  }
}

} // namespace ingot::serve
