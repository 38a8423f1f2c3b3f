// Requests as tests make them: inputs that live as long as they must, and a place where what became
// of each is waited for.
#pragma once
#include "ingot/serve/Scheduler.h"

#include <condition_variable>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace ingot::serve {

/// One request and its outcome; the request shares it.
class Call : public std::enable_shared_from_this<Call> {
public:
  std::vector<Tensor> inputs;
  Request request;

  void submit(Queue &queue) {
    request.inputs.assign(inputs.begin(), inputs.end());
    request.done = [this, self = shared_from_this()](Outcome outcome) {
      std::lock_guard<std::mutex> lock(mutex_);
      outcome_ = std::move(outcome);
      thread_ = std::this_thread::get_id();
      ++times_;
      changed_.notify_all();
    };
    queue.submit(std::move(request));
  }
  Outcome &await() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return times_ > 0; });
    return outcome_;
  }
  bool isDone() {
    std::lock_guard<std::mutex> lock(mutex_);
    return times_ > 0;
  }
  int times() {
    std::lock_guard<std::mutex> lock(mutex_);
    return times_;
  }
  std::thread::id doneOn() {
    std::lock_guard<std::mutex> lock(mutex_);
    return thread_;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  Outcome outcome_;
  std::thread::id thread_;
  int times_ = 0;
};

template <typename T> Tensor tensorOf(const Shape &shape, const std::vector<T> &values) {
  auto made = Tensor::of<T>(shape, values);
  EXPECT_TRUE(made.isOk()) << made.status().message();
  return std::move(*made);
}
inline Tensor texts(const std::vector<std::string_view> &values) {
  return std::move(*Tensor::ofTexts({static_cast<int64_t>(values.size())}, values));
}

template <typename... Tensors> std::shared_ptr<Call> makeCall(Tensors &&...inputs) {
  auto call = std::make_shared<Call>();
  (call->inputs.push_back(std::move(inputs)), ...);
  return call;
}

/// A column of values, as the gate takes it.
inline std::shared_ptr<Call> column(const std::vector<float> &values) {
  return makeCall(tensorOf<float>({static_cast<int64_t>(values.size()), 1}, values));
}

inline std::vector<float> floatsOf(const Tensor &tensor) {
  return {tensor.data<float>(), tensor.data<float>() + tensor.elementCount()};
}

} // namespace ingot::serve
