// A request costs a few small allocations, whatever its rows: memory of outputs, arenas and joined
// inputs is used again. Every allocation of the process is counted.
#include "ingot/serve/Scheduler.h"
#include "tests/support/CountAllocations.h"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>

using namespace ingot;
using namespace ingot::serve;
using tests::allocationCount;

namespace {

struct ScheduleAllocationTest : testing::Test {
  std::shared_ptr<const Artifact> artifact = std::move(*Artifact::open(FIXTURESERVED));
  std::shared_ptr<State> state = std::move(*State::readOnly(artifact));
  Scheduler scheduler{{1}};
  std::shared_ptr<Queue> queue = std::move(*scheduler.createQueue(artifact, state, "predict"));

  /// Allocations that a request takes on the calling thread, or by a worker.
  double each(int64_t rows, bool here) {
    Tensor x = std::move(*Tensor::zeros(DType::F32, {rows, 3}));
    constexpr int calls = 100;
    int64_t before = 0;
    for (int i = -10; i < calls; ++i) {
      if (i == 0) // what is kept is there now
        before = allocationCount();
      std::atomic<int> state{0};
      Request request;
      request.inputs.push_back(x);
      request.mayRunHere = here;
      request.done = [&](Outcome outcome) { state = outcome.status.isOk() ? 1 : 2; };
      queue->submit(std::move(request));
      while (state == 0)
        std::this_thread::yield();
      EXPECT_EQ(state, 1);
    }
    return static_cast<double>(allocationCount() - before) / calls;
  }
};

TEST_F(ScheduleAllocationTest, AFewForEachRequestWhateverItsRows) {
  for (bool here : {true, false}) {
    double one = each(1, here), many = each(1000, here);
    EXPECT_LE(one, 12.5) << here; // and now and then a block of a queue
    EXPECT_NEAR(one, many, 0.5) << here;
  }
}

} // namespace
