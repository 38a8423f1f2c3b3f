/* The C interface used from C: load, inspect, bind, predict, train, save, and every kind of
 * refusal. */
#include "ingot/ingot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failures = 0;

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      printf("%s:%d: %s is false\n", __FILE__, __LINE__, #condition);                              \
      ++failures;                                                                                  \
    }                                                                                              \
  } while (0)

#define CHECK_OK(call)                                                                             \
  do {                                                                                             \
    if ((call) != INGOT_CODE_OK || error.code != INGOT_CODE_OK || error.message[0]) {              \
      printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #call, error.message);                         \
      ++failures;                                                                                  \
    }                                                                                              \
  } while (0)

#define CHECK_ERROR(call, expected, fragment)                                                      \
  do {                                                                                             \
    ingot_code seen = (call);                                                                      \
    if (seen != (expected) || error.code != seen || !strstr(error.message, fragment)) {            \
      printf("%s:%d: %s gave %d: %s\n", __FILE__, __LINE__, #call, (int)seen, error.message);      \
      ++failures;                                                                                  \
    }                                                                                              \
  } while (0)

static ingot_error error;

static void testLoading(void) {
  ingot_model *model = (ingot_model *)&error;
  CHECK_ERROR(ingot_model_open("/absent.so", NULL, &model, &error), INGOT_CODE_NOT_FOUND,
              "/absent.so");
  CHECK(model == NULL);
  CHECK_ERROR(ingot_model_open(FIXTUREABI2, NULL, &model, &error), INGOT_CODE_UNSUPPORTED,
              "interface version 2.");
  CHECK_ERROR(ingot_model_open(FIXTURELINEAR, "other", &model, &error), INGOT_CODE_NOT_FOUND,
              "no symbol 'other'");
  CHECK_ERROR(ingot_model_open(NULL, NULL, &model, &error), INGOT_CODE_INVALID_ARGUMENT,
              "the path is NULL");
  CHECK(ingot_model_open("/absent.so", NULL, &model, NULL) == INGOT_CODE_NOT_FOUND);
  CHECK_ERROR(ingot_model_adopt(NULL, &model, &error), INGOT_CODE_UNSUPPORTED, "no code for this");
  char longPath[3000];
  memset(longPath, 'x', sizeof(longPath) - 1);
  longPath[sizeof(longPath) - 1] = 0;
  CHECK(ingot_model_open(longPath, NULL, &model, &error) != INGOT_CODE_OK);
  CHECK(strlen(error.message) < sizeof(error.message));
  ingot_model_close(NULL);
  ingot_state_destroy(NULL);
  ingot_session_destroy(NULL);
  ingot_pool_destroy(NULL);
}

static void testInspection(const ingot_model *model) {
  const ingot_artifact_table *table = ingot_model_table(model);
  CHECK(strcmp(table->name, "linear") == 0);
  CHECK(table->variable_count == 4);
  const ingot_function *predict = ingot_model_function(model, "predict");
  CHECK(predict && predict->input_count == 1 && strcmp(predict->inputs[0].name, "x") == 0);
  CHECK(ingot_model_function(model, "absent") == NULL);
  const ingot_variable_info *kernel = ingot_model_variable(model, "dense/kernel");
  CHECK(kernel && kernel->bytes == 24 && strcmp(ingot_dtype_name(kernel->dtype), "f32") == 0);
  CHECK(ingot_dtype_size(INGOT_F64) == 8 && ingot_dtype_size(99) == 0);
  CHECK(ingot_dtype_per_byte(INGOT_U4) == 2 && ingot_dtype_per_byte(INGOT_F32) == 1);
}

static void testState(const ingot_model *model, ingot_state *state) {
  const int64_t shape[] = {3, 2};
  const float values[6] = {1, 2, 3, 4, 5, 6};
  const float rate = 0.5f;
  ingot_tensor kernel = {INGOT_F32, 2, shape, values};
  ingot_tensor scalar = {INGOT_F32, 0, NULL, &rate};
  ingot_tensor broken = {INGOT_F32, 2, NULL, values};
  float back[6] = {0};
  uint64_t version = ingot_state_version(state);
  CHECK_OK(ingot_state_set(state, "dense/kernel", &kernel, &error));
  CHECK_OK(ingot_state_set(state, "optimizer/learning_rate", &scalar, &error));
  CHECK(ingot_state_version(state) > version);
  CHECK_OK(ingot_state_get(state, "dense/kernel", back, sizeof(back), &error));
  CHECK(memcmp(back, values, sizeof(back)) == 0);
  CHECK_OK(ingot_state_derive(state, NULL, &error));
  CHECK_ERROR(ingot_state_set(state, "dense/bias", &kernel, &error), INGOT_CODE_INVALID_ARGUMENT,
              "variable 'dense/bias' is f32[2], the value is f32[3, 2]");
  CHECK_ERROR(ingot_state_set(state, "dense/kernel", &broken, &error), INGOT_CODE_INVALID_ARGUMENT,
              "dims is NULL");
  CHECK_ERROR(ingot_state_get(state, "dense/kernel", back, 8, &error), INGOT_CODE_INVALID_ARGUMENT,
              "room was given for 8");
  CHECK_ERROR(ingot_state_get(state, "absent", back, 8, &error), INGOT_CODE_NOT_FOUND, "'absent'");
  ingot_state *shared;
  CHECK_ERROR(ingot_state_create_read_only(model, &shared, &error), INGOT_CODE_FAILED_PRECONDITION,
              "carries no weights");
}

static void testFiles(const ingot_model *model, ingot_state *state) {
  char path[] = "/tmp/ingot-capi-XXXXXX";
  int file = mkstemp(path);
  CHECK(file >= 0);
  close(file);
  ingot_state *other;
  float rate = 0;
  CHECK_OK(ingot_state_save(state, path, 0, &error));
  CHECK_OK(ingot_state_create(model, &other, &error));
  CHECK_OK(ingot_state_bind(other, path, INGOT_BIND_REQUIRE_ALL, &error));
  CHECK_OK(ingot_state_get(other, "optimizer/learning_rate", &rate, sizeof(rate), &error));
  CHECK(rate == 0.5f);
  CHECK_OK(ingot_state_save(state, path, INGOT_SAVE_WEIGHTS_ONLY, &error));
  CHECK_ERROR(ingot_state_bind(other, path, INGOT_BIND_REQUIRE_ALL, &error), INGOT_CODE_NOT_FOUND,
              "optimizer/learning_rate");
  CHECK_OK(ingot_state_bind(other, path, 0, &error));
  ingot_state_destroy(other);
  unlink(path);
}

static int cancel(void *user, int64_t kernel) {
  ++*(int *)user;
  return kernel == 1;
}

static void testSessions(const ingot_model *model, ingot_state *state) {
  ingot_pool *pool;
  ingot_session *predict, *train;
  CHECK_OK(ingot_pool_create(2, &pool, &error));
  CHECK(ingot_pool_threads(pool) == 2);
  CHECK_OK(ingot_session_create(model, "predict", pool, &predict, &error));
  CHECK_OK(ingot_session_create(model, "train_step", NULL, &train, &error));

  const int64_t xShape[] = {2, 3}, targetShape[] = {2, 2};
  const float x[6] = {1, 10, 100, 1, 0, 0}, target[4] = {0};
  ingot_tensor inputs[] = {{INGOT_F32, 2, xShape, x}, {INGOT_F32, 2, targetShape, target}};
  ingot_tensor output;
  CHECK_OK(ingot_session_prepare(predict, inputs, 1, &error));
  CHECK_OK(ingot_session_run(predict, state, inputs, 1, &error));
  CHECK_OK(ingot_session_output(predict, 0, &output, &error));
  CHECK(output.rank == 2 && output.dims[0] == 2 && output.dims[1] == 2);
  CHECK(((const float *)output.data)[0] == 531.0f);

  float mine[4] = {0};
  CHECK_OK(ingot_session_set_output_buffer(predict, 0, mine, sizeof(mine), &error));
  CHECK_OK(ingot_session_run(predict, state, inputs, 1, &error));
  CHECK(mine[0] == 531.0f && mine[3] == 2.0f);

  int kernels = 0;
  ingot_session_set_callbacks(train, cancel, NULL, &kernels);
  CHECK_ERROR(ingot_session_run(train, state, inputs, 2, &error), INGOT_CODE_CANCELLED,
              "'train_step' was cancelled");
  CHECK(kernels == 2);
  ingot_session_set_callbacks(train, NULL, NULL, NULL);
  float first = 0, last = 0;
  const float rate = 1e-4f;
  ingot_tensor scalar = {INGOT_F32, 0, NULL, &rate};
  CHECK_OK(ingot_state_set(state, "optimizer/learning_rate", &scalar, &error));
  for (int step = 0; step < 20; ++step) {
    CHECK_OK(ingot_session_run(train, state, inputs, 2, &error));
    CHECK_OK(ingot_session_output(train, 0, &output, &error));
    last = *(const float *)output.data;
    first = step == 0 ? last : first;
  }
  CHECK(last < first);
  CHECK(ingot_session_arena_bytes(train) == 16);

  CHECK_ERROR(ingot_session_run(predict, state, inputs, 2, &error), INGOT_CODE_INVALID_ARGUMENT,
              "takes 1 inputs, 2 were given");
  CHECK_ERROR(ingot_session_run(predict, state, NULL, 1, &error), INGOT_CODE_INVALID_ARGUMENT,
              "inputs is NULL");
  CHECK_ERROR(ingot_session_output(predict, 1, &output, &error), INGOT_CODE_INVALID_ARGUMENT,
              "none is number 1");
  ingot_session *absent;
  CHECK_ERROR(ingot_session_create(model, "fit", NULL, &absent, &error), INGOT_CODE_NOT_FOUND,
              "no function 'fit'");
  ingot_pool *none;
  CHECK_ERROR(ingot_pool_create(-1, &none, &error), INGOT_CODE_INVALID_ARGUMENT, "not -1");
  ingot_pool *pinned;
  CHECK_OK(ingot_pool_create_pinned(2, &pinned, &error));
  CHECK(ingot_pool_threads(pinned) == 2);
  ingot_pool_destroy(pinned);
  ingot_session_destroy(predict);
  ingot_session_destroy(train);
  ingot_pool_destroy(pool);
}

static void testStreams(const ingot_model *model, ingot_state *state) {
  const ingot_artifact_table *table = ingot_model_table(model);
  CHECK(table->carry_count == 1);
  const ingot_carry *carry = &table->carries[0];
  CHECK(!strcmp(table->functions[carry->function].inputs[carry->input].name, "total"));
  ingot_session *stream;
  CHECK_OK(ingot_session_create(model, "accumulate", NULL, &stream, &error));
  int64_t dims[] = {2};
  int32_t values[] = {1, 2}, start[] = {10, 20};
  ingot_tensor a = {INGOT_I32, 1, dims, values}, first = {INGOT_I32, 1, dims, start}, sums;
  CHECK_OK(ingot_session_run(stream, state, &a, 1, &error));
  CHECK_OK(ingot_session_run(stream, state, &a, 1, &error));
  CHECK_OK(ingot_session_output(stream, 0, &sums, &error));
  CHECK(((const int32_t *)sums.data)[1] == 4);
  ingot_session_reset(stream);
  CHECK_OK(ingot_session_run(stream, state, &a, 1, &error));
  CHECK(((const int32_t *)sums.data)[1] == 2);
  CHECK_OK(ingot_session_set_carried(stream, (size_t)carry->input, &first, &error));
  CHECK_OK(ingot_session_run(stream, state, &a, 1, &error));
  CHECK(((const int32_t *)sums.data)[1] == 22);
  CHECK_ERROR(ingot_session_set_carried(stream, 1, &first, &error), INGOT_CODE_INVALID_ARGUMENT,
              "has no carried input 1");
  ingot_session_destroy(stream);
}

int main(void) {
  ingot_model *model;
  ingot_state *state;
  testLoading();
  CHECK_OK(ingot_model_open(FIXTURELINEAR, NULL, &model, &error));
  CHECK_OK(ingot_state_create(model, &state, &error));
  if (failures)
    return 1;
  testInspection(model);
  testState(model, state);
  testFiles(model, state);
  testSessions(model, state);
  testStreams(model, state);
  ingot_model_close(model); /* the state keeps it loaded */
  ingot_state_destroy(state);
  printf("%d failures\n", failures);
  return failures != 0;
}
