// Sequences: the streams of a function that carries values from run to run. Each has what its next
// run takes, and at most one request in line or running; the others wait for their turn here.
//
// Invariant: guarded by Core::mutex, but for `carried`, which belongs to the run of the request
// whose turn it is.
#ifndef INGOT_RUNTIME_SERVE_SCHEDULE_SEQUENCES_H
#define INGOT_RUNTIME_SERVE_SCHEDULE_SEQUENCES_H

#include "runtime/serve/schedule/Pending.h"

#include <list>
#include <string>
#include <unordered_map>
#include <vector>

namespace ingot::serve {

struct Sequence {
  std::string name;
  std::vector<CarriedValue> carried;
  Pending *current = nullptr; ///< whose turn it is
  Line waiting;
  bool hasEnded = false;   ///< with the last request that came
  bool beginsAnew = false; ///< the next request begins it, since the one that should did not run
  Clock::time_point lastUsed;
};

class Sequences {
public:
  Sequences(int64_t most, std::chrono::milliseconds idle) : most_(most), idle_(idle) {}

  /// The sequence that a request goes on with, or begins. InvalidArgument: it has not begun, or is
  /// forgotten; ResourceExhausted: there are too many.
  /// `idle`: as for takeIdle.
  Result<Sequence *> find(const Request &request, Clock::time_point now, std::list<Sequence> &idle);
  /// The request was accepted. True: it is its turn; false: it waits here.
  bool enter(Pending &pending);
  /// A request that waited here will not run. Had it begun the sequence, the one behind it does.
  void giveUp(Pending &pending);
  /// The request whose turn it was has ended. The next one, whose turn it is now, or null.
  Pending *leave(Pending &pending, Clock::time_point now);

  /// Takes away those that nobody asked for too long, for the caller to free without the mutex.
  void takeIdle(Clock::time_point now, std::list<Sequence> &taken);

  int64_t count() const { return static_cast<int64_t>(sequences_.size()); }
  int64_t waitingCount() const { return waitingCount_; }
  /// All that wait here; `visit` may remove the one that it is given.
  template <typename Visit> void forWaiting(const Visit &visit) {
    for (Sequence &sequence : sequences_)
      for (Pending *pending = sequence.waiting.front(), *next; pending; pending = next) {
        next = pending->after;
        visit(pending);
      }
  }

private:
  void removeWaiting(Pending &pending);
  void forget(std::list<Sequence>::iterator sequence);

  const int64_t most_;
  const std::chrono::milliseconds idle_;
  std::list<Sequence> sequences_; // the one that was used last is last
  std::unordered_map<std::string, std::list<Sequence>::iterator> byName_;
  int64_t waitingCount_ = 0;
};

} // namespace ingot::serve

#endif
