/* ingot/serve.h from C: sessions that are borrowed, requests that are run and submitted. */
#include "ingot/serve.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static int failures = 0;
static ingot_error error;

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      printf("%s:%d: %s is false (%s)\n", __FILE__, __LINE__, #condition, error.message);          \
      ++failures;                                                                                  \
    }                                                                                              \
  } while (0)

static const float x[] = {1, 0, 0};
static const int64_t x_dims[] = {1, 3};
static const ingot_tensor input = {INGOT_F32, 2, x_dims, x};

static void testSessions(ingot_model *model, ingot_state *state) {
  ingot_session_pool *pool;
  ingot_session *session, *other;
  ingot_tensor y;
  CHECK(ingot_session_pool_create(model, "none", 1, NULL, &pool, &error) == INGOT_CODE_NOT_FOUND);
  CHECK(pool == NULL);
  CHECK(ingot_session_pool_create(model, "predict", 0, NULL, &pool, &error) ==
        INGOT_CODE_INVALID_ARGUMENT);
  CHECK(ingot_session_pool_create(model, "predict", 1, NULL, &pool, &error) == INGOT_CODE_OK);
  CHECK(ingot_session_pool_acquire(pool, -1, &session, &error) == INGOT_CODE_OK);
  ingot_session_pool_release(pool, session);
  CHECK(ingot_session_pool_acquire(pool, INT64_MIN, &session, &error) == INGOT_CODE_OK);
  ingot_session_pool_release(pool, session);
  CHECK(ingot_session_pool_acquire(pool, INT64_MAX, &session, &error) == INGOT_CODE_OK);
  CHECK(ingot_session_pool_acquire(pool, 0, &other, &error) == INGOT_CODE_DEADLINE_EXCEEDED);
  CHECK(strcmp(error.message, "all sessions are lent") == 0);
  CHECK(ingot_session_run(session, state, &input, 1, &error) == INGOT_CODE_OK);
  CHECK(ingot_session_output(session, 0, &y, &error) == INGOT_CODE_OK);
  CHECK(((const float *)y.data)[0] == 1.5f);
  ingot_session_pool_release(pool, session);
  CHECK(ingot_session_pool_acquire(pool, 0, &other, &error) == INGOT_CODE_OK);
  CHECK(other == session);
  ingot_session_pool_release(pool, other);
  ingot_session_pool_release(pool, NULL);
  ingot_session_pool_destroy(pool);
}

typedef struct Answer {
  pthread_mutex_t mutex;
  pthread_cond_t came;
  ingot_outcome *outcome;
} Answer;

static void answer(void *user, ingot_outcome *outcome) {
  Answer *to = user;
  pthread_mutex_lock(&to->mutex);
  to->outcome = outcome;
  pthread_cond_signal(&to->came);
  pthread_mutex_unlock(&to->mutex);
}

static void testRequests(ingot_scheduler *scheduler, ingot_model *model, ingot_state *state) {
  ingot_queue *queue = (ingot_queue *)&error;
  ingot_queue_options options = {
      .size = sizeof options, .max_batch_rows = 4, .weight = 2, .timeout_us = INT64_MAX};
  CHECK(ingot_queue_create(scheduler, model, state, "count", &options, &queue, &error) ==
        INGOT_CODE_UNSUPPORTED);
  CHECK(queue == NULL);
  CHECK(ingot_queue_create(scheduler, model, NULL, "predict", NULL, &queue, &error) ==
        INGOT_CODE_INVALID_ARGUMENT);
  CHECK(strcmp(error.message, "the state is NULL") == 0);
  CHECK(ingot_queue_create(scheduler, model, state, "predict", &options, &queue, &error) ==
        INGOT_CODE_OK);

  ingot_request request = {.size = sizeof request, .inputs = &input, .input_count = 1};
  ingot_outcome *outcome;
  ingot_tensor y;
  for (int32_t here = 0; here < 2; ++here) {
    request.run_here = here;
    CHECK(ingot_queue_run(queue, &request, &outcome, &error) == INGOT_CODE_OK);
    CHECK(ingot_outcome_output(outcome, 0, &y, &error) == INGOT_CODE_OK);
    CHECK(y.rank == 2 && y.dims[0] == 1 && y.dims[1] == 2 && ((const float *)y.data)[1] == 1.5f);
    CHECK(ingot_outcome_run_rows(outcome) == 1);
    CHECK(ingot_outcome_output(outcome, 1, &y, &error) == INGOT_CODE_INVALID_ARGUMENT);
    ingot_outcome_destroy(outcome);
  }
  request.input_count = 0;
  CHECK(ingot_queue_run(queue, &request, &outcome, &error) == INGOT_CODE_INVALID_ARGUMENT);
  CHECK(outcome == NULL && strstr(error.message, "takes 1 inputs, 0 were given"));

  Answer here = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL};
  request.input_count = 1;
  request.timeout_us = INT64_MAX; /* for ever */
  CHECK(ingot_queue_run(queue, &request, &outcome, &error) == INGOT_CODE_OK);
  ingot_outcome_destroy(outcome);
  request.timeout_us = INT64_MIN; /* long ago */
  CHECK(ingot_queue_run(queue, &request, &outcome, &error) == INGOT_CODE_DEADLINE_EXCEEDED);
  request.timeout_us = 60000000;
  ingot_queue_submit(queue, &request, answer, &here);
  ingot_queue_destroy(queue); /* what it accepted is served */
  pthread_mutex_lock(&here.mutex);
  while (!here.outcome)
    pthread_cond_wait(&here.came, &here.mutex);
  pthread_mutex_unlock(&here.mutex);
  CHECK(ingot_outcome_status(here.outcome, &error) == INGOT_CODE_OK);
  CHECK(ingot_outcome_output(here.outcome, 0, &y, &error) == INGOT_CODE_OK);
  CHECK(((const float *)y.data)[0] == 1.5f);
  ingot_outcome_destroy(here.outcome);
}

static void testStreams(ingot_scheduler *scheduler, ingot_model *model, ingot_state *state) {
  ingot_queue *queue;
  CHECK(ingot_queue_create(scheduler, model, state, "running", NULL, &queue, &error) ==
        INGOT_CODE_OK);
  const float one = 1;
  const int64_t dims[] = {1};
  const ingot_tensor step = {INGOT_F32, 1, dims, &one};
  ingot_request request = {
      .size = sizeof request, .inputs = &step, .input_count = 1, .sequence = "a"};
  for (int i = 1; i <= 3; ++i) {
    ingot_outcome *outcome;
    ingot_tensor sum;
    request.sequence_start = i == 1;
    CHECK(ingot_queue_run(queue, &request, &outcome, &error) == INGOT_CODE_OK);
    CHECK(ingot_outcome_output(outcome, 0, &sum, &error) == INGOT_CODE_OK);
    CHECK(*(const float *)sum.data == (float)i);
    ingot_outcome_destroy(outcome);
  }
  ingot_queue_destroy(queue);
}

int main(void) {
  ingot_model *model;
  ingot_state *state;
  ingot_scheduler *scheduler;
  CHECK(ingot_model_open(FIXTURESERVED, NULL, &model, &error) == INGOT_CODE_OK);
  CHECK(ingot_state_create_read_only(model, &state, &error) == INGOT_CODE_OK);
  CHECK(ingot_scheduler_create(2, &scheduler, &error) == INGOT_CODE_OK);
  testSessions(model, state);
  testRequests(scheduler, model, state);
  testStreams(scheduler, model, state);
  ingot_state_destroy(state);
  ingot_model_close(model);
  ingot_scheduler_destroy(scheduler);
  printf("%d failures\n", failures);
  return failures != 0;
}
