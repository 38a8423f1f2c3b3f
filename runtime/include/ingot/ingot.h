/* The C interface of Ingot's runtime: load a compiled model, bind weights, run it, train it.
 *
 *   ingot_error error;
 *   ingot_model *model;
 *   ingot_state *state;
 *   ingot_session *predict;
 *   if (ingot_model_open("model.so", NULL, &model, &error) != INGOT_CODE_OK) puts(error.message);
 *   ingot_state_create(model, &state, &error);
 *   ingot_state_bind(state, "weights.safetensors", 0, &error);
 *   ingot_session_create(model, "predict", NULL, &predict, &error);
 *   ingot_session_run(predict, state, &images, 1, &error);
 *   ingot_session_output(predict, 0, &scores, &error);
 *
 * Errors: every function that can fail returns an ingot_code and, unless `error` is NULL, writes
 * code and message to it; on success it writes INGOT_CODE_OK and "". There is no global state.
 * Ownership: what *_open and *_create give is given back with *_close or *_destroy (NULL is fine),
 * in any order: a state or session keeps its model loaded. A pool outlives the sessions made with
 * it. Threads: a model is read by any number of threads. A state serves any number of sessions at
 * once; a call that writes it while others use it is refused (INGOT_CODE_FAILED_PRECONDITION). A
 * session belongs to one thread at a time; make one per thread. All pointers to a result are
 * required; where a name is wanted, it is a zero-terminated string.
 */
#ifndef INGOT_INGOT_H
#define INGOT_INGOT_H

#include "ingot/artifact.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ingot_code {
  INGOT_CODE_OK = 0,
  INGOT_CODE_INVALID_ARGUMENT = 1,
  INGOT_CODE_NOT_FOUND = 2,
  INGOT_CODE_FAILED_PRECONDITION = 3,
  INGOT_CODE_OUT_OF_RANGE = 4,
  INGOT_CODE_CANCELLED = 5,
  INGOT_CODE_RESOURCE_EXHAUSTED = 6,
  INGOT_CODE_UNSUPPORTED = 7,
  INGOT_CODE_DATA_LOSS = 8,
  INGOT_CODE_IO_ERROR = 9,
  INGOT_CODE_INTERNAL = 10,
  INGOT_CODE_DEADLINE_EXCEEDED = 11,
  INGOT_CODE_UNAVAILABLE = 12
} ingot_code;

/* Where a call says what went wrong; the caller's, on its stack. Long messages are cut. */
typedef struct ingot_error {
  ingot_code code;
  char message[1020];
} ingot_error;

typedef struct ingot_model ingot_model;
typedef struct ingot_pool ingot_pool;
typedef struct ingot_state ingot_state;
typedef struct ingot_session ingot_session;

/* A dense row-major tensor that belongs to somebody else. */
typedef struct ingot_tensor {
  int32_t dtype; /* ingot_dtype */
  int32_t rank;
  const int64_t *dims; /* rank of them */
  const void *data;    /* any alignment; may be NULL when there are no elements */
} ingot_tensor;

/* "f32"; "unknown" for a number that is no element type. */
const char *ingot_dtype_name(int32_t dtype);
/* Bytes of one element, 1 for those that share a byte; 0 for a number that is no element type. */
size_t ingot_dtype_size(int32_t dtype);
/* How many elements share a byte: 4 of 2 bits, 2 of 4 bits, else 1. A tensor of n elements takes
 * ingot_dtype_size times n / ingot_dtype_per_byte bytes, rounded up. */
size_t ingot_dtype_per_byte(int32_t dtype);

/* Models. `symbol` NULL means "ingot_artifact". */
ingot_code ingot_model_open(const char *path, const char *symbol, ingot_model **model,
                            ingot_error *error);
/* A model that was linked statically: ingot_model_adopt(ingot_artifact(), &model, &error). */
ingot_code ingot_model_adopt(const ingot_artifact_table *table, ingot_model **model,
                             ingot_error *error);
/* The model on a device, "cuda", "cuda:1" or "opencl": its states and sessions are used like
 * others, with their memory there. INGOT_CODE_UNAVAILABLE: no driver or device;
 * INGOT_CODE_UNSUPPORTED: the model has no code for it. */
ingot_code ingot_model_on_device(const ingot_model *model, const char *device,
                                 ingot_model **on_device, ingot_error *error);
void ingot_model_close(ingot_model *model);
/* Everything there is to know, as artifact.h describes it: counts, names, shapes, variables,
 * kernels. Valid while the model, or a state or session of it, exists. */
const ingot_artifact_table *ingot_model_table(const ingot_model *model);
/* NULL when there is none of that name. */
const ingot_function *ingot_model_function(const ingot_model *model, const char *name);
const ingot_variable_info *ingot_model_variable(const ingot_model *model, const char *name);

/* Threads. `threads` counts the calling one; 0 takes the CPUs this process may run on. */
ingot_code ingot_pool_create(int32_t threads, ingot_pool **pool, ingot_error *error);
/* The same; each thread but the caller's stays on one CPU, on cores of their own as far as there
 * are so many, the first being left to the caller. */
ingot_code ingot_pool_create_pinned(int32_t threads, ingot_pool **pool, ingot_error *error);
void ingot_pool_destroy(ingot_pool *pool);
int32_t ingot_pool_threads(const ingot_pool *pool);

/* States. `create` copies the model's weights, or fills with zeros where it carries none;
 * `create_read_only` uses the model's weights in place and can neither be set, bound nor trained.
 */
ingot_code ingot_state_create(const ingot_model *model, ingot_state **state, ingot_error *error);
ingot_code ingot_state_create_read_only(const ingot_model *model, ingot_state **state,
                                        ingot_error *error);
void ingot_state_destroy(ingot_state *state);

enum {
  INGOT_BIND_REQUIRE_ALL = 1,   /* optimizer and control variables must be in the file too */
  INGOT_BIND_ALLOW_MISSING = 2, /* variables that are not in the file keep their values */
  INGOT_BIND_ALLOW_EXTRA = 4    /* tensors that are no variables are ignored */
};
enum {
  INGOT_SAVE_WEIGHTS_ONLY = 1 /* leave out optimizer and control variables */
};
/* Variables from and to a safetensors file, by name; saving is atomic. */
ingot_code ingot_state_bind(ingot_state *state, const char *path, uint32_t flags,
                            ingot_error *error);
ingot_code ingot_state_save(const ingot_state *state, const char *path, uint32_t flags,
                            ingot_error *error);
/* One variable. `get` copies exactly the variable's `bytes` (see ingot_model_variable). */
ingot_code ingot_state_set(ingot_state *state, const char *name, const ingot_tensor *value,
                           ingot_error *error);
ingot_code ingot_state_get(const ingot_state *state, const char *name, void *data, size_t bytes,
                           ingot_error *error);
/* Recomputes what depends on changed variables now, not at the next run. `pool` may be NULL. */
ingot_code ingot_state_derive(ingot_state *state, ingot_pool *pool, ingot_error *error);
/* Goes up whenever a variable may have changed. */
uint64_t ingot_state_version(const ingot_state *state);

/* Sessions: one function of a model. `pool` may be NULL: the calling thread runs everything. */
ingot_code ingot_session_create(const ingot_model *model, const char *function, ingot_pool *pool,
                                ingot_session **session, ingot_error *error);
void ingot_session_destroy(ingot_session *session);
/* Called before and after each kernel, from the running thread; non-zero from `begin` cancels.
 * Either may be NULL. */
void ingot_session_set_callbacks(ingot_session *session, int (*begin)(void *user, int64_t kernel),
                                 void (*end)(void *user, int64_t kernel), void *user);
/* Checks and plans for these inputs without running; the outputs' shapes are known then. */
ingot_code ingot_session_prepare(ingot_session *session, const ingot_tensor *inputs,
                                 size_t input_count, ingot_error *error);
/* Runs; inputs in the order of the function's `inputs`, without those that the session carries
 * (ingot_carry, `carries` of the model's table): they take an output's value of the run before,
 * zeros at first. Allocates nothing when shapes repeat. */
ingot_code ingot_session_run(ingot_session *session, ingot_state *state, const ingot_tensor *inputs,
                             size_t input_count, ingot_error *error);
/* The two halves of a run: while it works on a device, one more may be started. `wait` is for the
 * one that was started first, whose outputs are those of the session then, until the next `start`.
 * Inputs may change once `start` returns; meanwhile nothing else is called. On the CPU `start` does
 * the work. */
ingot_code ingot_session_start(ingot_session *session, ingot_state *state,
                               const ingot_tensor *inputs, size_t input_count, ingot_error *error);
ingot_code ingot_session_wait(ingot_session *session, ingot_error *error);
/* Starts a new stream: what the session carries is zeros at the next run. */
void ingot_session_reset(ingot_session *session);
/* The value of a carried input, an index into the function's `inputs`, at the next run. */
ingot_code ingot_session_set_carried(ingot_session *session, size_t input,
                                     const ingot_tensor *value, ingot_error *error);
/* An output of the last run (or prepare); dims and data are the session's, until its next call. */
ingot_code ingot_session_output(const ingot_session *session, size_t index, ingot_tensor *output,
                                ingot_error *error);
/* From the next run on writes output `index` to the caller's memory; NULL ends that. */
ingot_code ingot_session_set_output_buffer(ingot_session *session, size_t index, void *data,
                                           size_t bytes, ingot_error *error);
/* Bytes of scratch memory the current shapes need. */
int64_t ingot_session_arena_bytes(const ingot_session *session);

#ifdef __cplusplus
}
#endif
#endif
