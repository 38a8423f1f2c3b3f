#include "Block.h"
#include "Faults.h"

#include <algorithm>
#include <mutex>

namespace ingot::shim {
namespace {

// The engine's table: what a thread asks for, its block does.
Block &block() { return *currentThread->block; }

const ShimThread *current() { return &currentThread->number; }
void fail(const char *text) { failThread(text); }
void *sharedArray(const void *key, const char *name, k_i64 bytes, k_i64 alignment) {
  void *array = block().shared().array(key, name, bytes, alignment);
  if (!array)
    failThread(std::string("static shared memory is full at ") + name);
  return array;
}
void *sharedDynamic() { return block().shared().dynamic(); }
void access(const void *address, k_i64 bytes, int write, k_i64 alignment) {
  block().access(address, bytes, write != 0, alignment);
}
void barrier(ShimPlace place) { block().barrier(place); }
void collective(int what, void *operands, ShimPlace place) {
  block().collective(what, operands, place);
}
// Threads run one at a time, and are left at no other place than those they wait at.
void atomicMin(k_u64 *address, k_u64 value) { *address = std::min(*address, value); }
void cpAsync(void *shared, const void *global, k_i32 bytes, int valid) {
  block().cpAsync(shared, global, bytes, valid != 0);
}
void cpAsyncCommit() { block().cpAsyncCommit(); }
void cpAsyncWait(k_i32 groups) { block().cpAsyncWait(groups); }
void mbarInit(k_u64 *bar, k_i32 arrivals) { block().mbarInit(bar, arrivals); }
void mbarExpect(k_u64 *bar, k_i32 bytes) { block().mbarArrive(bar, bytes); }
void mbarArrive(k_u64 *bar) { block().mbarArrive(bar, 0); }
void mbarWait(k_u64 *bar, k_i32 parity, ShimPlace place) { block().mbarWait(bar, parity, place); }
void tmaLoad(void *shared, const ShimTensorMap *map, k_i32 x, k_i32 y, k_u64 *bar) {
  block().tmaLoad(shared, *map, x, y, bar);
}
void asyncFence() { block().ordering().asyncFence(currentThread->number.thread); }

std::string checkLaunch(const ShimKernel &kernel, int64_t blocks, int64_t sharedBytes) {
  if (kernel.threads < 1 || kernel.threads > 1024)
    return "blocks have 1 to 1024 threads, not " + std::to_string(kernel.threads);
  if (blocks < 1 || blocks > 0x7fffffff)
    return "grids have 1 to 2147483647 blocks, not " + std::to_string(blocks);
  if (sharedBytes < 0 || sharedBytes > SharedMemory::maximalDynamic)
    return "no GPU has " + std::to_string(sharedBytes) + " bytes of shared memory a block";
  return {};
}

// Blocks are kept for the next launch: their stacks and shadows cost time to make.
std::vector<std::unique_ptr<Block>> &keptBlocks(int threads) {
  static std::map<int, std::vector<std::unique_ptr<Block>>> kept;
  return kept[threads];
}

void runBlocks(Launch &launch, int64_t blocks) {
  const bool interleaved = launch.schedule.order == Schedule::Interleaved;
  const bool reverse = launch.schedule.order == Schedule::Reverse ||
                       (launch.schedule.order != Schedule::Forward && launch.random() % 2 == 1);
  auto &kept = keptBlocks(static_cast<int>(launch.kernel->threads));
  const size_t resident = interleaved ? 2 : 1;
  while (kept.size() < resident)
    kept.push_back(std::make_unique<Block>(static_cast<int>(launch.kernel->threads)));

  int64_t started = 0;
  std::vector<Block *> running;
  while (launch.error.empty() && (started < blocks || !running.empty())) {
    while (running.size() < resident && started < blocks) {
      auto isFree = [&](const std::unique_ptr<Block> &block) {
        return std::find(running.begin(), running.end(), block.get()) == running.end();
      };
      running.push_back(std::find_if(kept.begin(), kept.end(), isFree)->get());
      running.back()->start(launch, reverse ? blocks - 1 - started : started);
      ++started;
    }
    const size_t which = running.size() == 1 ? 0 : launch.random() % running.size();
    running[which]->step();
    if (running[which]->isDone())
      running.erase(running.begin() + static_cast<long>(which));
  }
  for (Block *block : running)
    block->abandon();
}

} // namespace

const ShimEngine *engine() {
  static const ShimEngine table = [] {
    ShimEngine e = {};
    e.current = current;
    e.fail = fail;
    e.sharedArray = sharedArray;
    e.sharedDynamic = sharedDynamic;
    e.access = access;
    e.barrier = barrier;
    e.collective = collective;
    e.atomicMin = atomicMin;
    e.cpAsync = cpAsync;
    e.cpAsyncCommit = cpAsyncCommit;
    e.cpAsyncWait = cpAsyncWait;
    e.mbarInit = mbarInit;
    e.mbarExpect = mbarExpect;
    e.mbarArrive = mbarArrive;
    e.mbarWait = mbarWait;
    e.tmaLoad = tmaLoad;
    e.asyncFence = asyncFence;
    return e;
  }();
  return &table;
}

std::string launch(const ShimKernel &kernel, int64_t blocks, int64_t sharedBytes,
                   void *const *parameters, Schedule schedule, Bounds bounds) {
  if (std::string problem = checkLaunch(kernel, blocks, sharedBytes); !problem.empty())
    return std::string(kernel.name) + ": " + problem;
  static std::mutex one;
  std::lock_guard<std::mutex> lock(one);
  const FaultHandler handler;
  static GlobalMemory global;
  global.begin(std::move(bounds));
  Launch launch{&kernel, sharedBytes, parameters, schedule, std::mt19937_64(schedule.seed),
                global,  {}};
  runBlocks(launch, blocks);
  return launch.error.empty() ? std::string() : std::string(kernel.name) + ": " + launch.error;
}

std::string describe(Schedule schedule) {
  const char *names[] = {"forward", "reverse", "random", "skewed", "interleaved"};
  std::string text = names[schedule.order];
  if (schedule.order > Schedule::Reverse)
    text += " " + std::to_string(schedule.seed);
  return text;
}

std::vector<Schedule> allSchedules(int seeds) {
  std::vector<Schedule> all = {{Schedule::Forward, 0}, {Schedule::Reverse, 0}};
  for (Schedule::Order order : {Schedule::Random, Schedule::Skewed, Schedule::Interleaved})
    for (int seed = 0; seed < seeds; ++seed)
      all.push_back({order, static_cast<uint64_t>(seed)});
  return all;
}

} // namespace ingot::shim
