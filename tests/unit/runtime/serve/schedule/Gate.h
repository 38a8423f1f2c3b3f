// An artifact in the test itself whose runs wait until the test lets them go on, and say what they
// were given: what runs beside what, in which order and on whose memory is seen without a clock.
//
//   run       x f32[batch, 1] -> y f32[batch, 1] = 2 x; a run of two functions, `run` and `other`
//   together  x f32[batch, 1] -> y: a loop of `Gate::threads` items that all wait for each other
#pragma once
#include "ingot/serve/Scheduler.h"

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace ingot::serve {

class Gate {
public:
  /// What a run was given.
  struct Run {
    std::string function;
    std::vector<float> x;
    const void *input, *output;
    std::thread::id thread;
  };

  static Gate &instance() {
    static Gate gate;
    return gate;
  }

  /// Runs block from now on; what was seen is forgotten.
  void shut() {
    std::lock_guard<std::mutex> lock(mutex_);
    permits_ = 0;
    entered_ = 0;
    runs_.clear();
    atOnce_ = mostAtOnce_ = 0;
  }
  void open() { admit(1 << 30); }
  /// So many more runs may go on.
  void admit(int count) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      permits_ += count;
    }
    changed_.notify_all();
  }
  /// Until so many runs have begun since `shut`.
  void awaitRuns(size_t count) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return entered_ >= count; });
  }
  std::vector<Run> runs() {
    std::lock_guard<std::mutex> lock(mutex_);
    return runs_;
  }
  size_t mostAtOnce() {
    std::lock_guard<std::mutex> lock(mutex_);
    return mostAtOnce_;
  }
  int threads = 2; ///< that `together` needs

  std::shared_ptr<const Artifact> artifact() {
    auto adopted = Artifact::adopt(&table());
    return *adopted;
  }

private:
  void pass(const char *function, ingot_run *run) {
    int64_t rows = run->plan[1];
    std::vector<float> x(static_cast<size_t>(rows));
    if (rows > 0)
      std::memcpy(x.data(), run->inputs[0], x.size() * sizeof(float));
    std::unique_lock<std::mutex> lock(mutex_);
    runs_.push_back({function, x, run->inputs[0], run->outputs[0], std::this_thread::get_id()});
    ++entered_;
    mostAtOnce_ = std::max(mostAtOnce_, ++atOnce_);
    changed_.notify_all();
    changed_.wait(lock, [&] { return permits_ > 0; });
    --permits_;
    --atOnce_;
    lock.unlock();
    for (float &value : x)
      value *= 2;
    if (rows > 0)
      std::memcpy(run->outputs[0], x.data(), x.size() * sizeof(float));
  }

  static int32_t plan(const int64_t *symbols, int64_t *plan) {
    plan[0] = symbols[0] * 1024;
    plan[1] = plan[2] = symbols[0];
    plan[3] = 1;
    return symbols[0] < 0 ? INGOT_INVALID_ARGUMENT : INGOT_OK;
  }
  static int32_t runRun(ingot_run *run) {
    instance().pass("run", run);
    return run->begin && run->begin(run->user, 0) ? INGOT_CANCELLED : INGOT_OK;
  }
  static int32_t runOther(ingot_run *run) {
    instance().pass("other", run);
    return INGOT_OK;
  }
  /// Items of one loop that only end when all have begun: each needs a thread.
  static int32_t runTogether(ingot_run *run) {
    struct Meeting {
      std::mutex mutex;
      std::condition_variable all;
      int there = 0;
    } meeting;
    auto task = [](void *arg, int64_t) {
      Meeting &m = *static_cast<Meeting *>(arg);
      std::unique_lock<std::mutex> lock(m.mutex);
      ++m.there;
      m.all.notify_all();
      m.all.wait(lock, [&] { return m.there >= instance().threads; });
    };
    if (!run->parallel_for)
      return 99; // it would wait for ever
    run->parallel_for(run->pool, task, &meeting, instance().threads);
    return INGOT_OK;
  }

  static const ingot_artifact_table &table() {
    static const ingot_dim dims[] = {{-1, 0, "batch"}, {1, -1, "1"}};
    static const ingot_tensor_info x[] = {{"x", INGOT_F32, 2, dims}};
    static const ingot_tensor_info y[] = {{"y", INGOT_F32, 2, dims}};
    static const char *const symbols[] = {"batch"};
    static const ingot_symbol_source sources[] = {{INGOT_SYMBOL_EXTENT, 0, 0}};
    auto make = [](const char *name, int32_t (*run)(ingot_run *)) {
      ingot_function made = {};
      made.name = name;
      made.flags = INGOT_FUNCTION_CANONICAL;
      made.symbol_count = 1;
      made.symbols = symbols;
      made.sources = sources;
      made.input_count = made.output_count = 1;
      made.inputs = x;
      made.outputs = y;
      made.plan_words = 4;
      made.output_dims = 2;
      made.arena_formula = "batch * 1024";
      made.plan = &Gate::plan;
      made.run = run;
      return made;
    };
    static const ingot_function functions[] = {make("run", &Gate::runRun),
                                               make("other", &Gate::runOther),
                                               make("together", &Gate::runTogether)};
    static const ingot_artifact_table table = [] {
      ingot_artifact_table t = {};
      t.size = sizeof t;
      t.abi_major = INGOT_ABI_MAJOR;
      t.abi_minor = INGOT_ABI_MINOR;
      t.name = "gate";
      t.variant = "any";
      t.function_count = 3;
      t.functions = functions;
      return t;
    }();
    return table;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int permits_ = 0;
  size_t entered_ = 0, atOnce_ = 0, mostAtOnce_ = 0;
  std::vector<Run> runs_;
};

} // namespace ingot::serve
