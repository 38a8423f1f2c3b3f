// See LogWriter.h.
#include "runtime/serve/server/LogWriter.h"
#include "runtime/core/AtomicFile.h"

#include <cerrno>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace ingot::serve {

namespace {

Result<int> openFile(const std::string &path, LogWriter::Begin begin) {
  const int how = begin == LogWriter::Begin::Anew ? O_TRUNC : 0;
  const int file = path == "-"
                       ? dup(STDOUT_FILENO)
                       : open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | how, 0666);
  if (file < 0)
    return errnoStatus("write", path, errno);
  return file;
}

} // namespace

Result<std::unique_ptr<LogWriter>> LogWriter::open(const std::string &path, Begin begin) {
  INGOT_ASSIGN_OR_RETURN(int file, openFile(path, begin));
  return std::unique_ptr<LogWriter>(new LogWriter(path, file));
}

LogWriter::LogWriter(std::string path, int file) : path_(std::move(path)), file_(file) {
  thread_ = std::thread([this] { work(); });
}

LogWriter::~LogWriter() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    isStopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
  close(file_);
  if (nextFile_ >= 0)
    close(nextFile_);
}

void LogWriter::write(std::string piece) {
  std::string dropped; // freed without the mutex
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (queued_.size() >= mostQueued) {
      dropped = std::move(queued_.front());
      queued_.pop_front();
    }
    queued_.push_back(std::move(piece));
    if (queued_.size() > 1)
      return; // the thread knows
  }
  changed_.notify_all();
}

Status LogWriter::reopen() {
  if (path_ == "-")
    return Status();
  INGOT_ASSIGN_OR_RETURN(int file, openFile(path_, Begin::Append));
  std::lock_guard<std::mutex> lock(mutex_);
  std::swap(file, nextFile_); // of two calls, the later one counts
  if (file >= 0)
    close(file);
  return Status();
}

bool LogWriter::flush(std::chrono::milliseconds timeout) {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return queued_.empty() && !isWriting_; });
}

void LogWriter::work() {
  pthread_setname_np(pthread_self(), "ingot-log");
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return isStopping_ || !queued_.empty(); });
    if (queued_.empty())
      return;
    std::deque<std::string> pieces = std::exchange(queued_, {});
    if (nextFile_ >= 0)
      close(std::exchange(file_, std::exchange(nextFile_, -1)));
    isWriting_ = true;
    lock.unlock();
    std::string text;
    for (const std::string &piece : pieces)
      text += piece;
    writeOut(file_, text);
    lock.lock();
    isWriting_ = false;
    changed_.notify_all();
  }
}

/// What cannot be written as a whole is taken back, where the file lets it.
void LogWriter::writeOut(int file, const std::string &text) {
  struct stat before{};
  const bool canTakeBack = fstat(file, &before) == 0 && S_ISREG(before.st_mode);
  for (size_t written = 0; written < text.size();) {
    const ssize_t count = ::write(file, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0) {
      if (canTakeBack && written > 0)
        (void)!ftruncate(file, before.st_size);
      return;
    }
    written += static_cast<size_t>(count);
  }
}

} // namespace ingot::serve
