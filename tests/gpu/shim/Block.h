// A block of threads while it runs. Internal to the engine.
//
// A step runs one warp until each of its threads waits, then does what they wait for if all who
// must take part are there. The parts that do one kind of thing are in files of their own:
// Collectives.cpp, AsyncCopies.cpp, WarpGroups.cpp.
#pragma once
#include "Fiber.h"
#include "GlobalMemory.h"
#include "Ordering.h"
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

/// A barrier that threads arrive at and bytes of copies.
struct Mbar {
  int32_t arrivals, pending; ///< of a phase, and of them still to come
  int64_t bytes = 0;         ///< expected and not there
  int parity = 0;            ///< of the phase that is not complete
  int initializer;           ///< the thread, and when
  uint32_t initialized;
  Ordering::Clock clock; ///< of those who have arrived
};

/// A copy by the tensor memory accelerator that is under way.
struct TmaCopy {
  char *to;
  ShimTensorMap map;
  int32_t x, y;
  Mbar *bar;
  int64_t due; ///< the step of the block in which it arrives at the latest
};

/// What four warps have asked of the tensor cores and not waited for.
struct WarpGroup {
  /// The threads' accumulators while they are not theirs.
  struct Accumulators {
    std::vector<float *> c; ///< of each of 128 threads
    std::vector<float> values;
    int uses; ///< multiplications to come
  };
  struct Multiplication {
    ShimWgmma operands; ///< of the first thread; c is the key of `accumulators`
  };
  std::vector<Multiplication> open;
  std::vector<std::vector<Multiplication>> committed;
  std::map<float *, Accumulators> accumulators;
  bool fenced = false;
};

struct Thread {
  enum State { Ready, AtBarrier, AtCollective, AtMbar, Done, Faulted };

  ShimThread number = {0, 0};
  Block *block = nullptr;
  Fiber *fiber = nullptr; ///< from its start to its end
  State state = Ready;
  ShimPlace place = {0, 0}; ///< where it waits
  // AtCollective: what it takes part in.
  int what = 0;
  void *operands = nullptr;
  Mbar *bar = nullptr; ///< AtMbar
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
  GlobalMemory &global;
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
  Ordering &ordering() { return ordering_; }
  Launch &launch() { return *launch_; }

  // What threads ask for, called in their fibers. All may fail: they do not return then.
  void barrier(ShimPlace place);
  void collective(int what, void *operands, ShimPlace place);
  void access(const void *address, int64_t bytes, bool write, int64_t alignment);
  void cpAsync(void *to, const void *from, int32_t bytes, bool valid);
  void cpAsyncCommit();
  void cpAsyncWait(int32_t groups);
  void mbarInit(k_u64 *address, int32_t arrivals);
  void mbarArrive(k_u64 *address, int32_t bytes);
  void mbarWait(k_u64 *address, int32_t parity, ShimPlace place);
  void tmaLoad(void *to, const ShimTensorMap &map, int32_t x, int32_t y, k_u64 *bar);

private:
  size_t warpCount() const { return (threads_.size() + 31) / 32; }
  size_t warpEnd(size_t warp) const { return std::min(warp * 32 + 32, threads_.size()); }
  bool canRun(size_t warp) const;
  size_t chooseWarp();
  void runLanes(size_t warp);
  void enter(Thread &thread);
  void meet(size_t warp);
  std::string perform(size_t warp);
  void meetBlock();
  void checkEnd();
  void explainStop();
  void failAt(size_t thread, const std::string &text);

  // Collectives.cpp: all lanes of the warp are there.
  std::string performByWarp(size_t warp);
  std::string shuffle(Thread *lanes);
  std::string ldmatrix(Thread *lanes, bool transposed);

  // AsyncCopies.cpp
  Mbar &mbar(k_u64 *address);
  void completeIfDone(Mbar &bar);
  bool deliver(bool anyway);
  void deliver(const TmaCopy &copy);

  // WarpGroups.cpp: all threads of the group are there.
  std::string performByGroup(size_t group);
  std::string beginMultiplication(WarpGroup &group, Thread *threads);
  std::string finishMultiplication(WarpGroup &group, Thread *threads,
                                   const WarpGroup::Multiplication &multiplication);
  std::string loadLeft(const Thread *threads, const ShimWgmma &operands, float (*values)[16]);
  std::string loadRight(const Thread *threads, const ShimWgmma &operands, float (*values)[16]);
  std::string loadRows(const Thread *threads, uint64_t descriptor, int rows, bool byRow, int type,
                       float (*values)[16]);
  std::string loadAcross(const Thread *threads, uint64_t descriptor, int rows, bool byRow, int type,
                         float (*values)[16]);

  Launch *launch_ = nullptr;
  std::vector<Thread> threads_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber *> freeFibers_; ///< the last is still in the caches
  Ordering ordering_;
  SharedMemory shared_{ordering_};
  std::map<k_u64 *, Mbar> mbars_;
  std::vector<TmaCopy> tmaCopies_;
  std::vector<WarpGroup> groups_;
  int64_t steps_ = 0;
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
