// Lifecycle: is the server starting, serving or draining, and how many requests are in flight.
// Requests are counted from their first byte to their last, so that draining loses none.
#ifndef INGOT_RUNTIME_SERVE_INFERENCE_LIFECYCLE_H
#define INGOT_RUNTIME_SERVE_INFERENCE_LIFECYCLE_H

#include <atomic>
#include <cstdint>

namespace ingot::serve {

class Lifecycle {
public:
  /// False from SIGTERM on: readiness is refused; requests are still served.
  bool isDraining() const { return draining_.load(std::memory_order_acquire); }
  void drain() { draining_.store(true, std::memory_order_release); }

  int64_t inFlight() const { return inFlight_.load(std::memory_order_acquire); }
  /// Counts a request; false, and not counted, where there are `most` already.
  bool begin(int64_t most) {
    if (inFlight_.fetch_add(1, std::memory_order_acq_rel) < most)
      return true;
    end();
    return false;
  }
  void end() { inFlight_.fetch_sub(1, std::memory_order_acq_rel); }

private:
  std::atomic<bool> draining_{false};
  std::atomic<int64_t> inFlight_{0};
};

} // namespace ingot::serve

#endif
