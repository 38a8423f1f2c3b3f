// The C interface of session pools and the scheduler (ingot/serve.h).
#include "ingot/serve.h"
#include "ingot/serve/Scheduler.h"
#include "runtime/core/LendingPool.h"
#include "runtime/model/CApiObjects.h"
#include "runtime/serve/schedule/Pending.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

using namespace ingot;
using namespace ingot::capi;

struct ingot_session_pool {
  ingot_session_pool(const ingot_model &model, const char *function, size_t most, ingot_pool *pool)
      : model(model), function(function), threads(pool), sessions(most) {}
  const ingot_model model;
  const std::string function;
  ingot_pool *const threads;
  LendingPool<ingot_session> sessions;
};
struct ingot_scheduler {
  serve::Scheduler scheduler;
};
struct ingot_queue {
  std::shared_ptr<serve::Queue> queue;
};
struct ingot_outcome {
  serve::Outcome outcome;
};

namespace {

/// Of a struct whose `size` says how much of it the caller knows: the rest is 0.
template <typename T> T completed(const T *given) {
  T whole = {};
  if (given)
    std::memcpy(&whole, given, std::min<size_t>(given->size, sizeof(T)));
  return whole;
}

std::chrono::microseconds bounded(int64_t timeout_us) {
  return std::clamp<std::chrono::microseconds>(std::chrono::microseconds(timeout_us),
                                               -serve::longestWait, serve::longestWait);
}

serve::QueueOptions toOptions(const ingot_queue_options *given) {
  ingot_queue_options from = completed(given);
  serve::QueueOptions to;
  to.maxBatchRows = from.max_batch_rows;
  to.maxDelay = std::chrono::microseconds(from.max_delay_us);
  if (from.max_queued != 0)
    to.maxQueued = std::max<int64_t>(from.max_queued, 0);
  if (from.priority_levels != 0)
    to.priorityLevels = from.priority_levels;
  to.maxRuns = from.max_runs;
  if (from.weight != 0)
    to.weight = from.weight;
  to.defaultTimeout = std::chrono::microseconds(from.timeout_us);
  to.trustRows = from.trust_rows != 0;
  return to;
}

Status toRequest(const ingot_request *given, serve::Request &to) {
  INGOT_RETURN_IF_ERROR(required("the request", given));
  ingot_request from = completed(given);
  INGOT_RETURN_IF_ERROR(toViews(from.inputs, from.input_count, to.inputs));
  to.priority = from.priority;
  to.mayRunHere = from.run_here != 0;
  if (from.timeout_us != 0)
    to.deadline = serve::Clock::now() + bounded(from.timeout_us);
  to.sequence = from.sequence ? from.sequence : "";
  to.sequenceStart = from.sequence_start != 0;
  to.sequenceEnd = from.sequence_end != 0;
  return Status::ok();
}
} // namespace

extern "C" {

//===----------------------------------------------------------------------===//
// Session pools
//===----------------------------------------------------------------------===//

ingot_code ingot_session_pool_create(const ingot_model *model, const char *function,
                                     size_t max_sessions, ingot_pool *pool,
                                     ingot_session_pool **sessions, ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the place for the session pool", sessions));
    *sessions = nullptr;
    INGOT_RETURN_IF_ERROR(required("the model", model));
    INGOT_RETURN_IF_ERROR(required("the function's name", function));
    if (max_sessions == 0)
      return Status(StatusCode::InvalidArgument, "a session pool needs one session at least");
    ingot_session *first;
    ingot_error why;
    if (ingot_session_create(model, function, pool, &first, &why) != INGOT_CODE_OK)
      return Status(static_cast<StatusCode>(why.code), why.message);
    std::unique_ptr<ingot_session> session(first);
    auto made = std::make_unique<ingot_session_pool>(*model, function, max_sessions, pool);
    made->sessions.add(std::move(session));
    *sessions = made.release();
    return Status::ok();
  });
}

void ingot_session_pool_destroy(ingot_session_pool *sessions) { delete sessions; }

ingot_code ingot_session_pool_acquire(ingot_session_pool *sessions, int64_t timeout_us,
                                      ingot_session **session, ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the session pool", sessions));
    INGOT_RETURN_IF_ERROR(required("the place for the session", session));
    ingot_error why = {INGOT_CODE_DEADLINE_EXCEEDED, "all sessions are lent"};
    auto timeout = bounded(timeout_us);
    *session = sessions->sessions
                   .take(timeout,
                         [&] {
                           ingot_session *made = nullptr;
                           ingot_session_create(&sessions->model, sessions->function.c_str(),
                                                sessions->threads, &made, &why);
                           return std::unique_ptr<ingot_session>(made);
                         })
                   .release();
    return *session ? Status::ok() : Status(static_cast<StatusCode>(why.code), why.message);
  });
}

void ingot_session_pool_release(ingot_session_pool *sessions, ingot_session *session) {
  if (session)
    sessions->sessions.give(std::unique_ptr<ingot_session>(session));
}

//===----------------------------------------------------------------------===//
// Schedulers and queues
//===----------------------------------------------------------------------===//

ingot_code ingot_scheduler_create(int32_t workers, ingot_scheduler **scheduler,
                                  ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the place for the scheduler", scheduler));
    *scheduler = nullptr;
    *scheduler = new ingot_scheduler{serve::Scheduler({workers})};
    return Status::ok();
  });
}

void ingot_scheduler_destroy(ingot_scheduler *scheduler) { delete scheduler; }

ingot_code ingot_queue_create(ingot_scheduler *scheduler, const ingot_model *model,
                              const ingot_state *state, const char *function,
                              const ingot_queue_options *options, ingot_queue **queue,
                              ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the place for the queue", queue));
    *queue = nullptr;
    INGOT_RETURN_IF_ERROR(required("the scheduler", scheduler));
    INGOT_RETURN_IF_ERROR(required("the model", model));
    INGOT_RETURN_IF_ERROR(required("the state", state));
    INGOT_RETURN_IF_ERROR(required("the function's name", function));
    INGOT_ASSIGN_OR_RETURN(auto made,
                           scheduler->scheduler.createQueue(model->artifact, state->state, function,
                                                            toOptions(options)));
    *queue = new ingot_queue{std::move(made)};
    return Status::ok();
  });
}

void ingot_queue_destroy(ingot_queue *queue) { delete queue; }

void ingot_queue_submit(ingot_queue *queue, const ingot_request *request,
                        void (*done)(void *user, ingot_outcome *outcome), void *user) {
  serve::Request scheduled;
  scheduled.done = [done, user](serve::Outcome outcome) {
    done(user, new ingot_outcome{std::move(outcome)});
  };
  if (Status status = toRequest(request, scheduled); !status.isOk()) {
    serve::Outcome refused;
    refused.status = std::move(status);
    scheduled.done(std::move(refused));
    return;
  }
  queue->queue->submit(std::move(scheduled));
}

ingot_code ingot_queue_run(ingot_queue *queue, const ingot_request *request,
                           ingot_outcome **outcome, ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the queue", queue));
    INGOT_RETURN_IF_ERROR(required("the place for the outcome", outcome));
    *outcome = nullptr;
    struct Waiting {
      std::mutex mutex;
      std::condition_variable came;
      std::unique_ptr<ingot_outcome> outcome;
    } waiting;
    ingot_queue_submit(
        queue, request,
        [](void *user, ingot_outcome *given) {
          auto &here = *static_cast<Waiting *>(user);
          std::lock_guard<std::mutex> lock(here.mutex);
          here.outcome.reset(given);
          here.came.notify_one();
        },
        &waiting);
    std::unique_lock<std::mutex> lock(waiting.mutex);
    waiting.came.wait(lock, [&] { return waiting.outcome != nullptr; });
    Status status = waiting.outcome->outcome.status;
    if (status.isOk())
      *outcome = waiting.outcome.release();
    return status;
  });
}

//===----------------------------------------------------------------------===//
// Outcomes
//===----------------------------------------------------------------------===//

ingot_code ingot_outcome_status(const ingot_outcome *outcome, ingot_error *error) {
  return report(outcome->outcome.status, error);
}

ingot_code ingot_outcome_output(const ingot_outcome *outcome, size_t index, ingot_tensor *output,
                                ingot_error *error) {
  return guarded(error, [&]() -> Status {
    INGOT_RETURN_IF_ERROR(required("the outcome", outcome));
    INGOT_RETURN_IF_ERROR(required("the place for the output", output));
    const std::vector<Tensor> &outputs = outcome->outcome.outputs;
    if (index >= outputs.size())
      return Status(StatusCode::InvalidArgument,
                    "the outcome has " + std::to_string(outputs.size()) +
                        " outputs, none is number " + std::to_string(index));
    *output = fromTensor(outputs[index]);
    return Status::ok();
  });
}

int64_t ingot_outcome_run_rows(const ingot_outcome *outcome) {
  return outcome->outcome.timing.runRows;
}

void ingot_outcome_destroy(ingot_outcome *outcome) { delete outcome; }

} // extern "C"
