#include "runtime/serve/schedule/Core.h"
#include "runtime/core/Cpus.h"
#include "runtime/serve/schedule/QueueCore.h"

#include <algorithm>
#include <pthread.h>
#include <system_error>
#include <utility>

namespace ingot::serve {

namespace {
thread_local bool isBusy = false;

void setName(const char *name) { pthread_setname_np(pthread_self(), name); }
} // namespace

Core::Core(int workers) : regions_(availableCpus() > 1), spinning_(availableCpus() > 1) {
  std::lock_guard<std::mutex> lock(mutex);
  for (int i = 0; i < workers; ++i) {
    try {
      threads_.emplace_back([this, i] { work(i); });
    } catch (const std::system_error &) {
      break; // it works with the threads it got
    }
  }
  seats_.store(workerCount());
  try {
    timer_ = std::thread([this] { keepTime(); });
  } catch (const std::system_error &) {
    lookAt_ =
        Clock::time_point::min(); // nobody looks: workers see deadlines when they come to them
  }
}

void Core::stop() {
  std::unique_lock<std::mutex> lock(mutex);
  isClosed = true;
  for (QueueCore *queue : waiting)
    queue->updateReady(Clock::now()); // what waits for others to join it waits in vain
  wake_.notify_all();
  becameIdle.wait(lock, [&] { return accepted == 0; });
  stopping_.store(true);
  wake_.notify_all();
  timerWake_.notify_all();
  lock.unlock();
  for (std::thread &thread : threads_)
    thread.join();
  if (timer_.joinable())
    timer_.join();
}

bool Core::isBusyHere() { return isBusy; }

SessionOptions Core::sessionOptions() {
  SessionOptions options;
  if (workerCount() > 1) {
    options.parallelFor = &Core::parallelFor;
    options.threads = this;
  }
  return options;
}

void Core::parallelFor(void *core, ingot_task task, void *arg, int64_t count) {
  auto &self = *static_cast<Core *>(core);
  self.regions_.parallelFor(task, arg, count, [&](int64_t wanted) { self.wakeHelpers(wanted); });
}

bool Core::takeSeat() {
  int seats = seats_.load(std::memory_order_relaxed);
  while (seats > 0)
    if (seats_.compare_exchange_weak(seats, seats - 1))
      return true;
  return false;
}

/// What a worker that is idle, awake or asleep, is to wake for.
bool Core::isSomethingDue() const {
  return ((readyCount.load() > 0 || regions_.hasWork()) && hasSeat()) || stopping_.load();
}

void Core::wakeWorker() {
  // Who spins sees it too, and who sleeps looked before the mutex was last held here.
  if (readyCount.load() > 0 && hasSeat() && spinners_.load() == 0 && sleepers_.load() > 0)
    wake_.notify_one();
}

void Core::wakeHelpers(int64_t wanted) {
  int64_t able = std::min(sleepers_.load(), seats_.load());
  if (able <= 0)
    return;
  {
    std::lock_guard<std::mutex> lock(mutex);
  } // a sleeper is now either waiting or sees the work
  for (int64_t i = std::min(wanted, able); i > 0; --i)
    wake_.notify_one();
}

QueueCore *Core::nextQueue() const {
  QueueCore *next = nullptr;
  for (QueueCore *queue : waiting)
    if (queue->isReady && (!next || queue->served < next->served))
      next = queue;
  return next;
}

void Core::work(int index) {
  setName("ingot-worker");
  isBusy = true;
  {
    std::lock_guard<std::mutex> lock(mutex);
  } // all threads are there now
  while (!stopping_.load()) {
    if (readyCount.load() > 0 && takeSeat()) {
      Chain dropped;
      Runner *runner = nullptr;
      std::shared_ptr<QueueCore> queue;
      {
        std::lock_guard<std::mutex> lock(mutex);
        if (QueueCore *next = nextQueue()) {
          queue = next->shared_from_this();
          runner = next->take(Clock::now(), dropped);
        }
      }
      wakeWorker(); // for what is left
      deliver(dropped);
      if (runner)
        execute(*queue, *runner);
      releaseSeat();
      continue;
    }
    if (regions_.hasWork() && takeSeat()) {
      regions_.help(index * 7 % Regions::maxRegions, [&] { return readyCount.load() > 0; });
      releaseSeat();
      continue;
    }
    idle();
  }
}

/// Returns when there may be something to do. One thread stays awake for a while to see the next
/// request at once; more only where a run may want their help.
void Core::idle() {
  if (spinning_ && (spinners_.load() == 0 || seats_.load() < workerCount())) {
    spinners_.fetch_add(1);
    bool isDue = spinUntil([&] { return isSomethingDue(); });
    spinners_.fetch_sub(1); // before the mutex is taken: pairs with wakeWorker
    if (isDue)
      return;
  }
  std::unique_lock<std::mutex> lock(mutex);
  sleepers_.fetch_add(1);
  wake_.wait(lock, [&] { return isSomethingDue(); });
  sleepers_.fetch_sub(1);
}

void Core::execute(QueueCore &queue, Runner &runner) {
  bool wasBusy = std::exchange(isBusy, true);
  runner.run();
  Chain finished;
  {
    std::lock_guard<std::mutex> lock(mutex);
    queue.finish(runner, Clock::now(), finished);
  }
  wakeWorker(); // the queue may have waited for its runner
  deliver(finished);
  isBusy = wasBusy;
}

void Core::deliver(Chain &chain) {
  if (chain.isEmpty())
    return;
  bool wasBusy = std::exchange(isBusy, true);
  for (Pending *pending = chain.front(); pending; pending = pending->after) {
    Outcome &outcome = pending->outcome;
    if (!outcome.status.isOk()) {
      outcome.outputs.clear();
      outcome.owner.reset();
    } else if (pending->isSplit()) {
      for (Tensor &tensor : pending->whole->tensors)
        outcome.outputs.push_back(
            std::move(*Tensor::borrow(tensor.dtype(), tensor.shape(), tensor.rawData())));
      outcome.owner = std::move(pending->whole);
    }
    outcome.timing.finished = Clock::now();
    if (pending->request.done)
      pending->request.done(std::move(outcome));
    // What the request holds is let go before anybody hears that it is done with.
    pending->request = Request();
    pending->outcome = Outcome();
  }
  {
    std::lock_guard<std::mutex> lock(mutex);
    for (Pending *pending = chain.front(); pending; pending = pending->after)
      pending->queue->forget();
  }
  isBusy = wasBusy;
}

void Core::lookAt(Clock::time_point time) {
  if (time >= lookAt_)
    return;
  lookAt_ = time;
  timerWake_.notify_one();
}

/// Ends requests whose deadline is over while all workers are busy, and times to join.
void Core::keepTime() {
  setName("ingot-timer");
  std::unique_lock<std::mutex> lock(mutex);
  while (!stopping_.load()) {
    if (lookAt_ == Clock::time_point::max())
      timerWake_.wait(lock);
    else if (timerWake_.wait_until(lock, lookAt_) == std::cv_status::timeout) {
      lock.unlock();
      lookAtQueues();
      lock.lock();
    }
  }
}

void Core::lookAtQueues() {
  Chain dropped;
  QueueCore::Idle freed;
  {
    std::lock_guard<std::mutex> lock(mutex);
    auto now = Clock::now();
    lookAt_ = Clock::time_point::max();
    // A queue that has nothing in line any more leaves the list: from the back.
    for (size_t i = waiting.size(); i-- > 0;) {
      QueueCore &queue = *waiting[i];
      queue.dropExpired(now, dropped);
      queue.updateReady(now);
      lookAt_ = std::min(lookAt_, queue.nextEvent());
    }
    for (auto next = keepers.begin(); next != keepers.end();) {
      QueueCore &queue = **next++; // it may leave the set
      queue.takeIdle(now, freed);
      if (keepers.count(&queue))
        lookAt_ = std::min(lookAt_, queue.nextIdle(now));
    }
  }
  wakeWorker();
  deliver(dropped);
}

} // namespace ingot::serve
