// The machine behind the fake driver: devices, their memory, and queues of work. See Fake.h.
//
// All of it is under one lock, which every function of the driver takes. Order is known by clocks:
// work is the seq-th of its stream, and a Clock says up to which work of each stream something is
// behind. Host and devices each know what they waited for.
#pragma once
#include "runtime/device/CudaApi.h"
#include "tests/gpu/fake/CublasLtObjects.h"
#include "tests/gpu/shim/Shim.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace ingot::fake {

using namespace ingot::cuda;

using Clock = std::map<int, uint64_t>; // by stream number
void join(Clock &clock, const Clock &other);

struct Device {
  int index = 0;
  int capability = 90;
  bool hasPools = true;
  uint64_t memory = 0, used = 0;
  int retained = 0;               // of the primary context
  CUresult lostBy = CUDA_SUCCESS; // what all calls return from then on
  int working = 0;                // how often: its memory can be touched meanwhile
  int64_t sharedLimit() const;    // of a block, with the attribute
};

struct Block { // of memory
  char *mapping = nullptr;
  size_t mapped = 0; // with a guard page at each end
  char *address = nullptr;
  uint64_t bytes = 0;
  Device *device = nullptr; // NULL: pinned memory of the host
  bool isFreed = false;     // by a call; the memory itself goes when that work runs
  bool isGone = false;
  bool isMappedAt(const char *place) const { return place >= mapping && place < mapping + mapped; }
  int stream = -1; // that allocated it, as work `seq`; -1: there for all
  uint64_t seq = 0;
  Clock used, written; // by work of each stream; `written` by copies alone
};

enum class Access { Read, Write, Kernel };
struct Use {
  uint64_t address = 0, bytes = 0;
  Access access = Access::Kernel;
};

struct Event {
  Device *device = nullptr;
  bool isTimed = false;
  uint64_t recorded = 0, done = 0; // how often
  Clock clock;
  double seconds = 0;
};

struct Work {
  std::string name;
  std::vector<Use> uses;
  std::function<CUresult()> run;
  Event *awaits = nullptr; // until it is done `count` times
  uint64_t count = 0;
};

struct Graph {
  Device *device = nullptr;
  std::vector<Work> works;
};

struct Stream {
  int number = 0;
  Device *device = nullptr;
  std::deque<Work> queue;
  uint64_t seq = 0; // of the last work that was put
  Clock clock;      // what work that is put now is behind
  bool isCapturing = false, isBroken = false;
  int captureMode = 0;
  const void *captureThread = nullptr;
  std::unique_ptr<Graph> captured;
};

struct Function {
  struct Module *module = nullptr;
  const ShimKernel *kernel = nullptr;
  int64_t sharedBytes = sharedBytesWithoutAttribute; // that a launch may ask for
};
struct Module {
  Device *device = nullptr;
  shim::HostImage image;
  std::map<std::string, std::unique_ptr<Function>> functions;
};

/// Objects that callers have handles of.
template <typename T> class Handles {
public:
  T *add(std::unique_ptr<T> object) {
    T *raw = object.get();
    alive_[raw] = std::move(object);
    return raw;
  }
  T *find(const void *handle) {
    auto it = alive_.find(static_cast<T *>(const_cast<void *>(handle)));
    return it == alive_.end() ? nullptr : it->second.get();
  }
  void remove(T *object) { alive_.erase(object); }
  size_t size() const { return alive_.size(); }
  void clear() { alive_.clear(); }
  auto begin() { return alive_.begin(); }
  auto end() { return alive_.end(); }

private:
  std::map<T *, std::unique_ptr<T>> alive_;
};

class Machine {
public:
  static Machine &instance();
  ~Machine(); ///< says what is wrong

  std::recursive_mutex mutex;
  bool isStarted = false;
  std::vector<Device> devices;
  Handles<Stream> streams;
  Handles<Event> events;
  Handles<Graph> graphs, executables;
  Handles<Module> modules;
  Handles<LibraryHandle> libraries;
  Handles<MatmulDescription> matmuls;
  Handles<Layout> layouts;
  Handles<MatmulPreferences> preferences;
  std::string cublasLt = "working"; ///< or how it fails: see Fake.h
  std::map<std::string, int64_t> counts;
  int pushedContexts = 0;

  void start(); ///< reads the environment
  bool set(const std::string &name, const std::string &value);
  void reset();
  std::string misuses() const;
  std::string report();

  /// Writes down a wrong use, and gives `error` back.
  CUresult misuse(CUresult error, const std::string &text);

  /// Memory. `device` NULL: pinned. Null: there is not enough.
  Block *allocate(Device *device, uint64_t bytes, Stream *stream);
  Block *find(uint64_t address); ///< also what was freed
  CUresult release(Block &block, const std::string &what);
  /// A free that was called for: nothing may use it behind `clock`.
  CUresult markFreed(Block &block, const Clock &clock, const std::string &what);

  /// Work of a stream; recorded where it captures.
  CUresult put(Stream &stream, Work work);
  CUresult enqueue(Stream &stream, Work work);
  CUresult drain(Stream &stream);
  CUresult drainDevice(Device &device);
  bool stepTowards(Event &event);
  void drainUntil(Event &event);
  /// By the schedule, some work may run now.
  void somebodyElseRuns();

  Clock host; ///< what the host has waited for
  const shim::Schedule &threads() const { return threads_; }
  /// For a launch: what is in or beside blocks must be inside of one; what else there is, constants
  /// of the image, is no matter of the driver's.
  shim::Bounds bounds();

private:
  struct Working;
  CUresult checkUses(Stream &stream, const Work &work, const Clock &clock, uint64_t seq);
  bool step(Stream &stream);
  void unlock(Device &device, bool isUnlocked);

  std::vector<std::string> misuses_;
  std::map<uint64_t, std::unique_ptr<Block>> blocks_; // by address; those gone too, for a while
  std::deque<uint64_t> gone_;
  bool isRandom_ = false;
  std::mt19937_64 random_;
  shim::Schedule threads_;
};

} // namespace ingot::fake
