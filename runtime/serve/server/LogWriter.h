// LogWriter: appends text to a file on a thread of its own, so that whoever writes never waits for
// a disk. Where the file cannot keep up, the oldest pieces that are not written yet are dropped.
#ifndef INGOT_RUNTIME_SERVE_SERVER_LOGWRITER_H
#define INGOT_RUNTIME_SERVE_SERVER_LOGWRITER_H

#include "ingot/Status.h"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace ingot::serve {

class LogWriter {
public:
  enum class Begin { Append, Anew };
  /// "-" is standard output. IoError, NotFound (name the file).
  static Result<std::unique_ptr<LogWriter>> open(const std::string &path,
                                                 Begin begin = Begin::Append);
  /// Writes what is queued.
  ~LogWriter();
  LogWriter(const LogWriter &) = delete;
  LogWriter &operator=(const LogWriter &) = delete;

  /// A piece is in the file as a whole or, where it was dropped or the disk is full, not at all.
  void write(std::string piece);
  /// Goes on in a new file of the same name, after the old one was renamed. Where that cannot be
  /// made, goes on in the old one: IoError, NotFound.
  Status reopen();
  /// Waits until what came so far is written. False: not within `timeout`.
  bool flush(std::chrono::milliseconds timeout);

private:
  LogWriter(std::string path, int file);
  void work();
  static void writeOut(int file, const std::string &text);

  static constexpr size_t mostQueued = 8192;

  const std::string path_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> queued_;
  int file_, nextFile_ = -1; ///< nextFile_: what reopen opened, for the thread to take
  bool isWriting_ = false, isStopping_ = false;
  std::thread thread_;
};

} // namespace ingot::serve

#endif
