// Answer: what somebody waits for who asked the repository's thread.
//
// Invariant: it is given exactly once; where nobody gives it, since the thread is stopping, its end
// does.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_ANSWER_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_ANSWER_H

#include "ingot/Status.h"

#include <future>
#include <utility>

namespace ingot::serve {

class Answer {
public:
  Answer() = default;
  ~Answer() {
    if (!isGiven_)
      give(Status(StatusCode::Unavailable, "the server is stopping"));
  }
  Answer(const Answer &) = delete;
  Answer &operator=(const Answer &) = delete;

  void give(Status status) {
    isGiven_ = true;
    promise_.set_value(std::move(status));
  }
  std::future<Status> future() { return promise_.get_future(); }

private:
  std::promise<Status> promise_;
  bool isGiven_ = false;
};

} // namespace ingot::serve

#endif
