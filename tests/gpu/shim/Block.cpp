#include "Block.h"
#include "Faults.h"

#include <algorithm>
#include <cstring>

namespace ingot::shim {

Thread *currentThread = nullptr;

namespace {

std::string at(ShimPlace place) {
  return "line " + std::to_string(place.line) + ", column " + std::to_string(place.column);
}

bool samePlace(ShimPlace a, ShimPlace b) { return a.line == b.line && a.column == b.column; }

// Thrown through a kernel's frames to end its thread.
struct ThreadEnds {};

// The first function of each fiber.
void runThread() {
  const Launch &launch = currentThread->block->launch();
  try {
    launch.kernel->entry(launch.parameters);
  } catch (const ThreadEnds &) {
  }
  currentThread->state = Thread::Done;
  currentThread->fiber->leaveForGood();
}

} // namespace

void failThread(const std::string &text) {
  Thread &thread = *currentThread;
  thread.block->launch().error = "block " + std::to_string(thread.number.block) + ", thread " +
                                 std::to_string(thread.number.thread) + ": " + text;
  throw ThreadEnds();
}

void waitAs(Thread::State state, ShimPlace place) {
  Thread &thread = *currentThread;
  thread.state = state;
  thread.place = place;
  thread.fiber->leave();
  if (!thread.block->launch().error.empty()) // `abandon` wants it to go
    throw ThreadEnds();
}

Block::Block(int threads) : threads_(static_cast<size_t>(threads)) {
  for (size_t i = 0; i < threads_.size(); ++i) {
    threads_[i].block = this;
    threads_[i].number.thread = static_cast<k_i32>(i);
  }
}

void Block::start(Launch &launch, int64_t number) {
  launch_ = &launch;
  shared_.reset(launch.sharedBytes, ordering_.reset(static_cast<int>(threads_.size())));
  for (Thread &thread : threads_) {
    thread.number.block = static_cast<k_i32>(number);
    thread.state = Thread::Ready;
    thread.copies.clear();
    thread.committed = 0;
  }
  mbars_.clear();
  tmaCopies_.clear();
  groups_.assign(threads_.size() / 128, WarpGroup());
  steps_ = 0;
  done_ = 0;
  order_.resize(warpCount());
  for (size_t i = 0; i < order_.size(); ++i)
    order_[i] = i;
  if (launch.schedule.order == Schedule::Reverse)
    std::reverse(order_.begin(), order_.end());
  if (launch.schedule.order == Schedule::Skewed)
    std::shuffle(order_.begin(), order_.end(), launch.random);
  lastWarp_ = order_.size() - 1;
}

bool Block::canRun(size_t warp) const {
  for (size_t i = warp * 32; i < warpEnd(warp); ++i)
    if (threads_[i].state == Thread::Ready)
      return true;
  return false;
}

// The number of a warp that can run, or warpCount().
size_t Block::chooseWarp() {
  const size_t count = order_.size();
  const Schedule::Order order = launch_->schedule.order;
  size_t from = 0; // skewed: the first that can
  if (order == Schedule::Forward || order == Schedule::Reverse)
    from = lastWarp_ + 1;
  else if (order != Schedule::Skewed)
    from = launch_->random() % count;
  for (size_t i = 0; i < count; ++i)
    if (canRun(order_[(from + i) % count])) {
      lastWarp_ = (from + i) % count;
      return order_[lastWarp_];
    }
  return count;
}

void Block::runLanes(size_t warp) {
  size_t lanes[32];
  const size_t count = warpEnd(warp) - warp * 32;
  for (size_t i = 0; i < count; ++i)
    lanes[i] = warp * 32 + i;
  if (launch_->schedule.order == Schedule::Reverse)
    std::reverse(lanes, lanes + count);
  else if (launch_->schedule.order != Schedule::Forward)
    std::shuffle(lanes, lanes + count, launch_->random);
  for (size_t i = 0; i < count && launch_->error.empty(); ++i) {
    Thread &thread = threads_[lanes[i]];
    if (thread.state != Thread::Ready)
      continue;
    enter(thread);
    done_ += thread.state == Thread::Done;
  }
}

// A thread has a stack from its start to its end. Those that never wait share one.
void Block::enter(Thread &thread) {
  if (!thread.fiber) {
    if (freeFibers_.empty()) {
      fibers_.push_back(std::make_unique<Fiber>());
      freeFibers_.push_back(fibers_.back().get());
    }
    thread.fiber = freeFibers_.back();
    freeFibers_.pop_back();
    thread.fiber->start(runThread);
  }
  currentThread = &thread;
  thread.fiber->enter();
  currentThread = nullptr;
  if (thread.state == Thread::Faulted) {
    thread.state = Thread::Done;
    failAt(static_cast<size_t>(thread.number.thread), describeFault(*thread.fiber));
  }
  if (thread.state == Thread::Done) {
    freeFibers_.push_back(thread.fiber);
    thread.fiber = nullptr;
  }
}

void Block::step() {
  ++steps_;
  deliver(false);
  if (!launch_->error.empty())
    return;
  const size_t warp = chooseWarp();
  if (warp == warpCount()) {
    if (!deliver(true))
      explainStop();
    return;
  }
  runLanes(warp);
  if (launch_->error.empty())
    meet(warp);
  if (launch_->error.empty())
    meetBlock();
  if (launch_->error.empty() && isDone())
    checkEnd();
}

// Lanes that wait for each other: what they do together, when all are there.
void Block::meet(size_t warp) {
  const size_t first = warp * 32, end = warpEnd(warp);
  size_t there = 0, waiting = first;
  bool mayCome = false;
  for (size_t i = first; i < end; ++i)
    if (threads_[i].state == Thread::AtCollective) {
      ++there;
      waiting = i;
    } else {
      mayCome |= threads_[i].state == Thread::AtMbar;
    }
  if (there == 0)
    return;
  const Thread &one = threads_[waiting];
  for (size_t i = first; i < end; ++i)
    if (threads_[i].state == Thread::AtCollective &&
        (threads_[i].what != one.what || !samePlace(threads_[i].place, one.place)))
      return failAt(i, "the lanes of its warp do different things together: one at " +
                           at(threads_[i].place) + ", one at " + at(one.place));
  if (there < 32) {
    if (!mayCome)
      failAt(waiting, "only " + std::to_string(there) + " lanes of its warp reach " +
                          at(one.place) + ", where all 32 must be");
    return;
  }
  if (std::string problem = perform(warp); !problem.empty())
    failAt(waiting, problem);
}

// All lanes of the warp are at one place.
std::string Block::perform(size_t warp) {
  const Thread &one = threads_[warp * 32];
  size_t first = warp * 32, count = 32;
  std::string problem;
  if (one.what < SHIM_WGMMA) {
    problem = performByWarp(warp);
  } else {
    first = warp / 4 * 128;
    count = 128;
    if (first + count > threads_.size())
      return "wgmma wants four whole warps";
    for (size_t i = first; i < first + count; ++i) {
      if (threads_[i].state != Thread::AtCollective)
        return {};
      if (threads_[i].what != one.what || !samePlace(threads_[i].place, one.place))
        return "the warps of its group do different things together: one at " +
               at(threads_[i].place) + ", one at " + at(one.place);
    }
    problem = performByGroup(warp / 4);
  }
  for (size_t i = first; i < first + count; ++i)
    threads_[i].state = Thread::Ready;
  return problem;
}

void Block::checkEnd() {
  launch_->error = shared_.checkZones();
  if (!tmaCopies_.empty())
    launch_->error = "the block ends while a copy to its shared memory is under way";
  for (const WarpGroup &group : groups_)
    if (!group.accumulators.empty())
      launch_->error = "the block ends before wgmma has been waited for";
  if (!launch_->error.empty())
    launch_->error = "block " + std::to_string(threads_[0].number.block) + ": " + launch_->error;
}

void Block::meetBlock() {
  for (const Thread &thread : threads_)
    if (thread.state != Thread::AtBarrier)
      return;
  for (size_t i = 1; i < threads_.size(); ++i)
    if (!samePlace(threads_[i].place, threads_[0].place))
      return failAt(i, "threads wait at different barriers: it at " + at(threads_[i].place) +
                           ", thread 0 at " + at(threads_[0].place));
  ordering_.orderBlock();
  for (Thread &thread : threads_)
    thread.state = Thread::Ready;
  if (launch_->schedule.order == Schedule::Forward || launch_->schedule.order == Schedule::Reverse)
    lastWarp_ = order_.size() - 1;
}

// No thread can run, and not all are done: says why of one that waits.
void Block::explainStop() {
  auto find = [&](Thread::State state) {
    return std::find_if(threads_.begin(), threads_.end(),
                        [&](const Thread &thread) { return thread.state == state; });
  };
  std::string text;
  auto waiting = find(Thread::AtMbar);
  if (waiting != threads_.end()) {
    text = "it waits at " + at(waiting->place) +
           " for an mbarrier that is never complete: " + std::to_string(waiting->bar->pending) +
           " arrivals and " + std::to_string(waiting->bar->bytes) + " bytes are missing";
  } else if (waiting = find(Thread::AtCollective); waiting != threads_.end()) {
    text = "it waits at " + at(waiting->place) + " for warps of its group that do not come";
  } else {
    waiting = find(Thread::AtBarrier);
    text = "it waits at the barrier at " + at(waiting->place) + ", but thread " +
           std::to_string(find(Thread::Done)->number.thread) + " has ended";
  }
  failAt(static_cast<size_t>(waiting - threads_.begin()), text);
}

void Block::failAt(size_t thread, const std::string &text) {
  launch_->error = "block " + std::to_string(threads_[thread].number.block) + ", thread " +
                   std::to_string(thread) + ": " + text;
}

void Block::abandon() {
  for (Thread &thread : threads_) {
    if (thread.fiber)
      enter(thread);
    thread.state = Thread::Done;
  }
}

void Block::barrier(ShimPlace place) { waitAs(Thread::AtBarrier, place); }

void Block::collective(int what, void *operands, ShimPlace place) {
  currentThread->what = what;
  currentThread->operands = operands;
  waitAs(Thread::AtCollective, place);
}

void Block::access(const void *address, int64_t bytes, bool write, int64_t alignment) {
  if (bytes == 0)
    return;
  if (reinterpret_cast<uintptr_t>(address) % static_cast<uintptr_t>(alignment) != 0)
    failThread("an access to " + std::to_string(bytes) +
               " bytes at an address that is not so aligned");
  Thread &thread = *currentThread;
  const int self = thread.number.thread;
  if (shared_.contains(address)) {
    if (!(write ? shared_.write(self, address, bytes) : shared_.read(self, address, bytes)))
      failThread(shared_.problem());
  } else if (!thread.fiber->isStack(address)) {
    if (!launch_->global.access(thread.number, ordering_, address, bytes, write))
      failThread(launch_->global.problem());
  }
}

} // namespace ingot::shim
