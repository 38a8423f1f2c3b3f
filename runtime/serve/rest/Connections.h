// Connections: those that a server has open, and what is done to them from outside: deadlines,
// clients that are gone, draining. No timer a request: all are looked at together.
#ifndef INGOT_RUNTIME_SERVE_REST_CONNECTIONS_H
#define INGOT_RUNTIME_SERVE_REST_CONNECTIONS_H

#include "ingot/serve/Scheduler.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <unordered_set>

namespace ingot::serve::rest {

class Connection;

class Connections {
public:
  /// False, and not added: there are `most` already and some in reserve, or all were closed. What
  /// is in reserve answers questions of health alone.
  bool add(Connection *connection, int most);
  void remove(Connection *connection);

  /// Ends what is too late, and cancels runs whose clients are gone. Call every few milliseconds.
  void sweep(Clock::time_point now);
  /// Ends connections that are between two requests; others end with their next reply, and those
  /// that had no request yet may send one within a second.
  void drain();
  bool isDraining() const { return draining_.load(); }
  /// No connection is open but those whose last reply is written.
  bool isDrained() const;
  /// Ends all, and waits until the last one is gone.
  void closeAll();
  bool isClosed() const { return isClosed_.load(); }

private:
  mutable std::mutex mutex_;
  std::condition_variable isEmpty_;
  std::unordered_set<Connection *> open_;
  std::atomic<bool> isClosed_{false};
  std::atomic<bool> draining_{false};
};

} // namespace ingot::serve::rest

#endif
