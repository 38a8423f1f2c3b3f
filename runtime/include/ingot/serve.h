/* The C interface of what many callers share: a pool of sessions to borrow, and the scheduler,
 * which joins requests that wait into batches (ingot/serve/Scheduler.h has more words about it).
 *
 *   ingot_scheduler_create(0, &scheduler, &error);
 *   ingot_queue_create(scheduler, model, state, "predict", NULL, &queue, &error);
 *   ingot_request request = {sizeof request};
 *   request.inputs = &images;
 *   request.input_count = 1;
 *   if (ingot_queue_run(queue, &request, &outcome, &error) == INGOT_CODE_OK)
 *     ingot_outcome_output(outcome, 0, &scores, &error);
 *   ingot_outcome_destroy(outcome);
 *
 * Conventions are ingot.h's. Everything here may be used from any number of threads, but for a
 * session while it is lent. What is made may be given back in any order.
 */
#ifndef INGOT_SERVE_H
#define INGOT_SERVE_H

#include "ingot/ingot.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ingot_session_pool ingot_session_pool;
typedef struct ingot_scheduler ingot_scheduler;
typedef struct ingot_queue ingot_queue;
typedef struct ingot_outcome ingot_outcome;

/* Session pools. At most `max_sessions` are lent at the same time; `pool` as for a session. */
ingot_code ingot_session_pool_create(const ingot_model *model, const char *function,
                                     size_t max_sessions, ingot_pool *pool,
                                     ingot_session_pool **sessions, ingot_error *error);
/* All sessions have come back. */
void ingot_session_pool_destroy(ingot_session_pool *sessions);
/* Waits while all are lent, at most for so many microseconds (below zero: for ever):
 * INGOT_CODE_DEADLINE_EXCEEDED. */
ingot_code ingot_session_pool_acquire(ingot_session_pool *sessions, int64_t timeout_us,
                                      ingot_session **session, ingot_error *error);
/* Gives a session back; NULL is fine. */
void ingot_session_pool_release(ingot_session_pool *sessions, ingot_session *session);

/* Schedulers. `workers` threads; 0 takes the CPUs this process may run on. `destroy` serves what
 * was accepted; not from inside a `done`. */
ingot_code ingot_scheduler_create(int32_t workers, ingot_scheduler **scheduler, ingot_error *error);
void ingot_scheduler_destroy(ingot_scheduler *scheduler);

/* What is 0 is as if it was not given. */
typedef struct ingot_queue_options {
  uint64_t size; /* sizeof(ingot_queue_options) */
  int64_t max_batch_rows;
  int64_t max_delay_us;
  int64_t max_queued; /* below zero: no request may wait */
  int32_t priority_levels;
  int32_t max_runs;
  double weight;
  int64_t timeout_us;
  int32_t trust_rows; /* not 0: the signature is enough to join requests */
} ingot_queue_options;

/* Queues: one function of a model, of a state that it only reads. `options` may be NULL. `destroy`
 * serves what was accepted and returns at once. */
ingot_code ingot_queue_create(ingot_scheduler *scheduler, const ingot_model *model,
                              const ingot_state *state, const char *function,
                              const ingot_queue_options *options, ingot_queue **queue,
                              ingot_error *error);
void ingot_queue_destroy(ingot_queue *queue);

typedef struct ingot_request {
  uint64_t size; /* sizeof(ingot_request) */
  /* Dims and data stay where they are until the request is done; the ingot_tensors need not. */
  const ingot_tensor *inputs;
  size_t input_count;
  int32_t priority;     /* 0 is most urgent */
  int32_t run_here;     /* not 0: may run on the calling thread */
  int64_t timeout_us;   /* 0: the queue's */
  const char *sequence; /* of a stream; or NULL */
  int32_t sequence_start, sequence_end;
} ingot_request;

/* Calls `done` once, on another thread or inside this call, with an outcome that is the caller's to
 * destroy, whenever it likes. It must not block for long. */
void ingot_queue_submit(ingot_queue *queue, const ingot_request *request,
                        void (*done)(void *user, ingot_outcome *outcome), void *user);
/* The same, and waits. `outcome` is NULL unless the request succeeded. Not from inside a `done`. */
ingot_code ingot_queue_run(ingot_queue *queue, const ingot_request *request,
                           ingot_outcome **outcome, ingot_error *error);

/* How the request ended. */
ingot_code ingot_outcome_status(const ingot_outcome *outcome, ingot_error *error);
/* An output; dims and data are the outcome's. */
ingot_code ingot_outcome_output(const ingot_outcome *outcome, size_t index, ingot_tensor *output,
                                ingot_error *error);
/* Rows of the (largest) run that it was part of; 0: it did not come to run. */
int64_t ingot_outcome_run_rows(const ingot_outcome *outcome);
void ingot_outcome_destroy(ingot_outcome *outcome);

#ifdef __cplusplus
}
#endif
#endif
