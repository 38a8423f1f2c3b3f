// Connection: one client, its requests one after another. Reads a request, has it served, writes
// the reply in one write, and so on; what the client sent ahead (pipelining) waits in the buffer.
//
// Invariant: one step of a connection runs at a time, on any thread of the io_context; from
// elsewhere (Connections; complete and watch, by whoever serves) only the members below "Shared"
// are touched. A request is counted (Lifecycle) from its first byte to the last of its reply, and
// observed once (RequestRecord), however it ends.
#ifndef INGOT_RUNTIME_SERVE_REST_CONNECTION_H
#define INGOT_RUNTIME_SERVE_REST_CONNECTION_H

#include "runtime/serve/rest/Connections.h"
#include "runtime/serve/rest/Exchange.h"
#include "runtime/serve/rest/RequestParser.h"
#include "runtime/serve/rest/RestApi.h"
#include "runtime/serve/rest/Transport.h"

#include <atomic>
#include <limits>
#include <mutex>
#include <string>
#include <vector>

namespace ingot::serve::rest {

class Connection final : public Exchange, private TransportUser {
public:
  /// `peer`: as in RequestRecord. The others outlive the connection.
  Connection(asio::io_context &io, RestApi &api, Connections &connections,
             std::unique_ptr<Transport> transport, std::string peer);
  ~Connection() override;

  void start();
  void watch() override;
  void complete() override;

private:
  friend class Connections;

  enum class State {
    Handshake,
    Idle,      ///< between two requests
    Head,      ///< of a request is being read
    Body,      ///< is being read
    Running,   ///< the request is served
    Served,    ///< by another thread; the reply is to be made
    Writing,   ///< the reply
    Lingering, ///< the last reply is written, what the client still sends is thrown away
    Closed
  };

  void onHandshake(error_code error) override;
  void onRead(error_code error, size_t bytes) override;
  void onWritten(error_code error, size_t bytes) override;

  /// Takes steps until one has to wait. Memory may end in any of them.
  void proceed();
  void step();
  // Each takes the connection as far as it goes without waiting; true: go on with the next.
  bool beginRequest();
  bool readHead();
  bool readBody();
  bool serve();
  bool respond();
  bool finishReply();

  bool refuse(int status, const std::string &message);
  bool waitForBytes(size_t room);
  bool sendContinue();
  bool takeFromOut(size_t written);
  void enter(State state, std::chrono::seconds timeout);
  void enter(State state);
  void enterIdle();
  void observe();
  void giveUp(int status, const char *why);
  void close();
  std::shared_ptr<TransportUser> user();

  // Called by Connections, under its lock.
  void expire(Clock::time_point now);
  void cancelIfGone();
  void drain(Clock::time_point now);
  void shutDown(int how);

  asio::io_context &io_;
  RestApi &api_;
  Connections &connections_;
  const Limits &limits_;
  std::unique_ptr<Transport> transport_;
  RequestParser parser_;

  Bytes in_; ///< what was read and not yet used, from consumed_ on
  size_t consumed_ = 0;
  bool readsBody_ = false; ///< the pending read goes to the body itself
  bool isRefused_ = false; ///< the reply is there before the body is
  bool isCounted_ = false; ///< in Lifecycle
  Bytes head_;
  std::vector<asio::const_buffer> out_;

  bool isReserve_ = false; ///< for questions of health alone; set before the start

  // Shared.
  std::atomic<State> state_{State::Handshake};
  static int64_t nanosecondsOf(Clock::time_point time) { return time.time_since_epoch().count(); }
  static constexpr int64_t never = std::numeric_limits<int64_t>::max();
  std::atomic<int64_t> deadline_{never}; ///< Clock's nanoseconds
  std::atomic<bool> isExpired_{false};
  std::atomic<bool> isFresh_{true};        ///< no request came yet
  std::atomic<bool> isReadingShut_{false}; ///< by us, so it does not tell that the client has gone
  std::mutex watchMutex_;
  std::shared_ptr<Cancellation> watched_; ///< of the run that is under way

  /// Who goes on once a request is served: serve(), which has called the API and looks whether it
  /// is done, or complete(), on the thread that is done. The later of the two does: the first
  /// leaves Completed or Detached, and the second finds it.
  enum class Phase { Serving, Completed, Detached };
  std::atomic<Phase> phase_{Phase::Serving};
};

} // namespace ingot::serve::rest

#endif
