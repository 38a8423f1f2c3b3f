// What a queue does as time goes by: when what waits may be taken, what is given up, and what
// nobody needs any more. See QueueCore.h.
#include "runtime/serve/schedule/QueueCore.h"

#include <algorithm>
#include <utility>

namespace ingot::serve {

namespace {
constexpr std::chrono::milliseconds leastLook{100};
} // namespace

/// When what is in line may be taken, as far as joining goes: at once where it fills a run.
Clock::time_point QueueCore::readyAt() const {
  if (options.maxDelay.count() <= 0 || isClosed_ || core->isClosed)
    return Clock::time_point::min();
  auto oldest = Clock::time_point::max();
  for (const Line &line : lines_)
    if (const Pending *first = line.front()) {
      if (queuedRows_ >= first->limit)
        return Clock::time_point::min();
      oldest = std::min(oldest, first->outcome.timing.submitted);
    }
  return oldest + options.maxDelay;
}

void QueueCore::updateReady(Clock::time_point now) {
  bool isNow = queued_ > 0 && runs_ < options.maxRuns;
  if (isNow)
    if (auto time = readyAt(); time > now) {
      isNow = false;
      core->lookAt(time);
    }
  if (isNow != isReady)
    core->readyCount.fetch_add(isNow ? 1 : -1);
  isReady = isNow;
}

Clock::time_point QueueCore::nextEvent() {
  auto next = Clock::time_point::max();
  sequences_.forWaiting(
      [&](const Pending *pending) { next = std::min(next, pending->request.deadline); });
  for (const Line &line : lines_)
    for (const Pending *pending = line.front(); pending; pending = pending->after)
      next = std::min(next, pending->request.deadline);
  if (queued_ > 0 && !isReady && runs_ < options.maxRuns)
    next = std::min(next, readyAt());
  return next;
}

Clock::time_point QueueCore::nextIdle(Clock::time_point now) const {
  auto next = Clock::time_point::max();
  if (options.keepIdle.count() > 0)
    next = now + options.keepIdle;
  if (sequences_.count() > 0) // not again and again where they are forgotten at once
    next = std::min(next, now + std::max<Clock::duration>(options.sequenceIdle, leastLook));
  return next;
}

void QueueCore::lookAfterIdle(Clock::time_point now) {
  if (auto next = nextIdle(now);
      next != Clock::time_point::max() && core->keepers.insert(this).second)
    core->lookAt(next);
}

void QueueCore::takeIdle(Clock::time_point now, Idle &taken) {
  sequences_.takeIdle(now, taken.sequences);
  bool hasMore = sequences_.count() > 0;
  if (options.keepIdle.count() > 0)
    hasMore |= takeIdleRunners(now, taken);
  if (!hasMore)
    core->keepers.erase(this);
}

/// True: there will be more.
bool QueueCore::takeIdleRunners(Clock::time_point now, Idle &taken) {
  auto isKept = [&](const Runner *runner) { return runner->lastUsed > now - options.keepIdle; };
  auto kept = std::find_if(idle_.begin(), idle_.end(), isKept); // the one used last is last
  for (auto runner = idle_.begin(); runner != kept; ++runner) {
    runnerBytes_ -= (*runner)->bytes();
    auto owner = std::find_if(runners_.begin(), runners_.end(),
                              [&](const auto &owned) { return owned.get() == *runner; });
    taken.runners.push_back(std::move(*owner));
    runners_.erase(owner);
  }
  idle_.erase(idle_.begin(), kept);
  return outputs->takeIdle(now - options.keepIdle, taken.outputs) || !runners_.empty();
}

} // namespace ingot::serve
