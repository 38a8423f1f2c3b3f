// A block of threads while it runs. Internal to the engine.
//
// A step runs one warp until each of its threads waits, then does what they wait for if all who
// must take part are there. The parts that do one kind of thing are in files of their own:
// Collectives.cpp, AsyncCopies.cpp, WarpGroups.cpp.
#pragma once
#include "Fiber.h"
#include "SharedMemory.h"
#include "Shim.h"

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace ingot::shim {

class Block;

/// A copy to shared memory by cp.async that its thread has not waited for.
struct AsyncCopy {
  void *to;
  const void *from;
  int32_t bytes;
  bool valid;
  int64_t group;
};

struct Thread {
  enum State { Ready, AtBarrier, AtCollective, AtMbar, Done };

  ShimThread number = {0, 0};
  Block *block = nullptr;
  Fiber fiber;
  State state = Ready;
  bool started = false;
  ShimPlace place = {0, 0}; ///< where it waits
  // AtCollective: what it takes part in.
  int what = 0;
  void *operands = nullptr;
  // Asynchronous copies.
  std::vector<AsyncCopy> copies;
  int64_t committed = 0; ///< groups
};

/// What is the same for all blocks of a launch.
struct Launch {
  const ShimKernel *kernel;
  int64_t sharedBytes;
  void *const *parameters;
  Schedule schedule;
  std::mt19937_64 random;
  std::string error; ///< of the first thread that failed; the launch ends then
};

class Block {
public:
  explicit Block(int threads);

  /// Starts anew, as this block of the grid. Everything of another launch is forgotten.
  void start(Launch &launch, int64_t number);
  bool isDone() const { return done_ == threads_.size(); }
  /// Runs one warp as far as it goes. On an error, launch.error is set.
  void step();
  /// After an error: ends all threads where they are.
  void abandon();

  SharedMemory &shared() { return shared_; }
  Launch &launch() { return *launch_; }

  // What threads ask for, called in their fibers. All may fail: they do not return then.
  void barrier(ShimPlace place);
  void collective(int what, void *operands, ShimPlace place);
  void access(const void *address, int64_t bytes, bool write, int64_t alignment);
  void cpAsync(void *to, const void *from, int32_t bytes, bool valid);
  void cpAsyncCommit();
  void cpAsyncWait(int32_t groups);

private:
  size_t warpCount() const { return (threads_.size() + 31) / 32; }
  size_t warpEnd(size_t warp) const { return std::min(warp * 32 + 32, threads_.size()); }
  bool canRun(size_t warp) const;
  size_t chooseWarp();
  void runLanes(size_t warp);
  void meet(size_t warp);
  void meetBlock();
  void explainStop();
  void failAt(size_t thread, const std::string &text);

  // Collectives.cpp: all lanes of the warp are there.
  std::string perform(size_t warp);
  std::string shuffle(Thread *lanes);
  std::string ldmatrix(Thread *lanes, bool transposed);

  Launch *launch_ = nullptr;
  std::vector<Thread> threads_;
  SharedMemory shared_;
  size_t done_ = 0;
  size_t lastWarp_ = 0;
  std::vector<size_t> order_; ///< of warps, for the skewed schedule: the first runs ahead
};

/// The thread that runs now, null outside of kernels. One launch at a time runs in a process.
extern Thread *currentThread;

/// Ends the launch with an error of the thread that runs now.
[[noreturn]] void failThread(const std::string &text);
/// Waits in the given state until the scheduler makes the thread ready again.
void waitAs(Thread::State state, ShimPlace place);

} // namespace ingot::shim
