#include "runtime/serve/schedule/Sequences.h"

#include <utility>

namespace ingot::serve {

Result<Sequence *> Sequences::find(const Request &request, Clock::time_point now,
                                   std::list<Sequence> &idle) {
  takeIdle(now, idle);
  auto known = byName_.find(request.sequence);
  if (known != byName_.end() && (!known->second->hasEnded || request.sequenceStart))
    return &*known->second;
  if (!request.sequenceStart)
    return Status(
        StatusCode::InvalidArgument,
        "sequence '" + request.sequence + "' has not begun, has ended, or was not used for " +
            std::to_string(idle_.count()) + " ms: its first request must say that it starts it");
  if (static_cast<int64_t>(sequences_.size()) >= most_)
    return Status(StatusCode::ResourceExhausted,
                  "there are " + std::to_string(sequences_.size()) +
                      " sequences, as many as may be at the same time");
  Sequence &made = sequences_.emplace_back();
  made.name = request.sequence;
  made.lastUsed = now;
  byName_.emplace(request.sequence, std::prev(sequences_.end()));
  return &made;
}

bool Sequences::enter(Pending &pending) {
  Sequence &sequence = *pending.sequence;
  sequence.hasEnded = pending.request.sequenceEnd;
  pending.request.sequenceStart |= std::exchange(sequence.beginsAnew, false);
  if (!sequence.current) {
    sequence.current = &pending;
    return true;
  }
  sequence.waiting.append(&pending);
  ++waitingCount_;
  return false;
}

void Sequences::removeWaiting(Pending &pending) {
  pending.sequence->waiting.remove(&pending);
  --waitingCount_;
}

void Sequences::giveUp(Pending &pending) {
  Pending *next = pending.after;
  removeWaiting(pending);
  if (!pending.request.sequenceStart)
    return;
  if (next)
    next->request.sequenceStart = true;
  else
    pending.sequence->beginsAnew = true;
}

Pending *Sequences::leave(Pending &pending, Clock::time_point now) {
  Sequence &sequence = *pending.sequence;
  sequence.lastUsed = now;
  auto place = byName_.find(sequence.name)->second;
  sequences_.splice(sequences_.end(), sequences_, place);
  // One that did not come to run begins, or ends, the sequence all the same.
  if (pending.request.sequenceEnd ||
      (pending.request.sequenceStart && pending.outcome.timing.runs == 0))
    sequence.carried.clear();
  Pending *next = sequence.waiting.front();
  sequence.current = next;
  if (next)
    removeWaiting(*next);
  else if (sequence.hasEnded)
    forget(place);
  return next;
}

void Sequences::forget(std::list<Sequence>::iterator sequence) {
  byName_.erase(sequence->name);
  sequences_.erase(sequence);
}

void Sequences::takeIdle(Clock::time_point now, std::list<Sequence> &taken) {
  for (auto next = sequences_.begin(); next != sequences_.end() && now - next->lastUsed > idle_;) {
    auto sequence = next++;
    if (sequence->current)
      continue;
    byName_.erase(sequence->name);
    taken.splice(taken.end(), sequences_, sequence);
  }
}

} // namespace ingot::serve
