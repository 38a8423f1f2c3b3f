/* A hand-written artifact that follows artifact.h to the letter: what the runtime's tests load
 * instead of a compiled model, and a worked example of the interface.
 *
 * The model is y = x * kernel + bias on f32[batch, 3] -> f32[batch, 2]. `derive` keeps a transposed
 * kernel, which `predict` reads; `train_step` (one SGD step on the mean squared error) reads the
 * canonical one. FIXTURE_* macros make the variants the tests want: FIXTURE_ABI_MAJOR,
 * FIXTURE_NO_VARIANT (no code for this CPU), FIXTURE_WEIGHTS (carries an initial state).
 */
#include "ingot/artifact.h"

#include <stddef.h>

#ifndef FIXTURE_ABI_MAJOR
#define FIXTURE_ABI_MAJOR INGOT_ABI_MAJOR
#endif

enum { FEATURES = 3, CLASSES = 2 };

/* The state block. */
typedef struct State {
  _Alignas(INGOT_ALIGNMENT) float kernel[FEATURES][CLASSES];
  _Alignas(INGOT_ALIGNMENT) float bias[CLASSES];
  _Alignas(INGOT_ALIGNMENT) float learning_rate;
  _Alignas(INGOT_ALIGNMENT) int64_t steps;
  _Alignas(INGOT_ALIGNMENT) float transposed[CLASSES][FEATURES]; /* derived */
} State;

static const int64_t kernel_shape[] = {FEATURES, CLASSES};
static const int64_t bias_shape[] = {CLASSES};

static const ingot_variable_info variables[] = {
    {"dense/kernel", INGOT_F32, 2, kernel_shape, offsetof(State, kernel), 24,
     INGOT_VARIABLE_TRAINABLE},
    {"dense/bias", INGOT_F32, 1, bias_shape, offsetof(State, bias), 8, INGOT_VARIABLE_TRAINABLE},
    {"optimizer/learning_rate", INGOT_F32, 0, NULL, offsetof(State, learning_rate), 4,
     INGOT_VARIABLE_CONTROL},
    {"optimizer/steps", INGOT_I64, 0, NULL, offsetof(State, steps), 8, INGOT_VARIABLE_OPTIMIZER},
};

static const char *const nodes[] = {"dense", "embedding"};
static const char *const symbols[] = {"batch"};
static const ingot_symbol_source sources[] = {{INGOT_SYMBOL_EXTENT, 0, 0}};
static const ingot_symbol_source second_source[] = {{INGOT_SYMBOL_EXTENT, 1, 0}};

static const ingot_dim batch_by_features[] = {{-1, 0, "batch"}, {FEATURES, -1, "3"}};
static const ingot_dim batch_by_classes[] = {{-1, 0, "batch"}, {CLASSES, -1, "2"}};
static const ingot_dim batch_only[] = {{-1, 0, "batch"}};
static const ingot_dim twice_batch[] = {{-1, -1, "batch * 2"}};

static void parallel(const ingot_run *run, ingot_task task, void *arg, int64_t count) {
  if (run->parallel_for) {
    run->parallel_for(run->pool, task, arg, count);
    return;
  }
  for (int64_t i = 0; i < count; ++i)
    task(arg, i);
}

static int begin(const ingot_run *run, int64_t kernel) {
  return run->begin ? run->begin(run->user, kernel) : 0;
}
static void end(const ingot_run *run, int64_t kernel) {
  if (run->end)
    run->end(run->user, kernel);
}

/* plan = {arena bytes, batch, output extents…}; at most 1,000,000 rows. */
static int32_t check_batch(int64_t batch) {
  return batch < 0 || batch > 1000000 ? INGOT_INVALID_ARGUMENT : INGOT_OK;
}

/* ---- derive: transposes the kernel ---- */

static int32_t plan_derive(const int64_t *values, int64_t *plan) {
  (void)values;
  plan[0] = 0;
  return INGOT_OK;
}

static int32_t run_derive(ingot_run *run) {
  State *state = run->state;
  for (int i = 0; i < FEATURES; ++i)
    for (int j = 0; j < CLASSES; ++j)
      state->transposed[j][i] = state->kernel[i][j];
  return INGOT_OK;
}

/* ---- predict: x -> y ---- */

static int32_t plan_predict(const int64_t *values, int64_t *plan) {
  plan[0] = 0;
  plan[1] = values[0];
  plan[2] = values[0];
  plan[3] = CLASSES;
  return check_batch(values[0]);
}

typedef struct Rows {
  const ingot_run *run;
  const State *state;
} Rows;

static void predict_row(void *arg, int64_t row) {
  const Rows *rows = arg;
  const float *x = (const float *)rows->run->inputs[0] + row * FEATURES;
  float *y = (float *)rows->run->outputs[0] + row * CLASSES;
  for (int j = 0; j < CLASSES; ++j) {
    float sum = rows->state->bias[j];
    for (int i = 0; i < FEATURES; ++i)
      sum += x[i] * rows->state->transposed[j][i];
    y[j] = sum;
  }
}

static int32_t run_predict(ingot_run *run) {
  if (begin(run, 0))
    return INGOT_CANCELLED;
  Rows rows = {run, run->state};
  parallel(run, predict_row, &rows, run->plan[1]);
  end(run, 0);
  return INGOT_OK;
}

/* ---- train_step: x, target -> loss; kernel 0 fills the arena with y - target, 1 updates ---- */

static int32_t plan_train(const int64_t *values, int64_t *plan) {
  plan[0] = values[0] * CLASSES * (int64_t)sizeof(float);
  plan[1] = values[0];
  return check_batch(values[0]);
}

static void train_row(void *arg, int64_t row) {
  const Rows *rows = arg;
  const float *x = (const float *)rows->run->inputs[0] + row * FEATURES;
  const float *target = (const float *)rows->run->inputs[1] + row * CLASSES;
  float *difference = (float *)rows->run->arena + row * CLASSES;
  for (int j = 0; j < CLASSES; ++j) {
    float sum = rows->state->bias[j];
    for (int i = 0; i < FEATURES; ++i)
      sum += x[i] * rows->state->kernel[i][j];
    difference[j] = sum - target[j];
  }
}

static int32_t run_train(ingot_run *run) {
  State *state = run->state;
  Rows rows = {run, state};
  int64_t batch = run->plan[1];
  const float *x = run->inputs[0], *difference = run->arena;
  if (begin(run, 0))
    return INGOT_CANCELLED;
  parallel(run, train_row, &rows, batch);
  end(run, 0);
  if (begin(run, 1))
    return INGOT_CANCELLED;
  float loss = 0, gradient[FEATURES + 1][CLASSES] = {{0}}; /* the last row: the bias's */
  float scale = batch == 0 ? 0 : 1.0f / (float)(batch * CLASSES);
  for (int64_t row = 0; row < batch; ++row)
    for (int j = 0; j < CLASSES; ++j) {
      float d = difference[row * CLASSES + j];
      loss += d * d * scale;
      for (int i = 0; i < FEATURES; ++i)
        gradient[i][j] += 2 * scale * d * x[row * FEATURES + i];
      gradient[FEATURES][j] += 2 * scale * d;
    }
  for (int j = 0; j < CLASSES; ++j) {
    for (int i = 0; i < FEATURES; ++i)
      state->kernel[i][j] -= state->learning_rate * gradient[i][j];
    state->bias[j] -= state->learning_rate * gradient[FEATURES][j];
  }
  state->steps += 1;
  *(float *)run->outputs[0] = loss;
  end(run, 1);
  return INGOT_OK;
}

/* ---- lookup: rows of the kernel by index; pairs: an input whose extent is a formula ---- */

static int32_t run_lookup(ingot_run *run) {
  const State *state = run->state;
  const int64_t *indices = run->inputs[0];
  float *out = run->outputs[0];
  for (int64_t i = 0; i < run->plan[1]; ++i) {
    if (indices[i] < 0 || indices[i] >= FEATURES) {
      run->failed_node = 1;
      return INGOT_INDEX_OUT_OF_RANGE;
    }
    for (int j = 0; j < CLASSES; ++j)
      out[i * CLASSES + j] = state->kernel[indices[i]][j];
  }
  return INGOT_OK;
}

static int32_t plan_pairs(const int64_t *values, int64_t *plan) {
  plan[0] = 0;
  plan[1] = values[0];
  plan[2] = values[0];
  return check_batch(values[0]);
}

static int32_t run_pairs(ingot_run *run) {
  const int32_t *a = run->inputs[0], *b = run->inputs[1];
  int32_t *out = run->outputs[0];
  for (int64_t i = 0; i < run->plan[1]; ++i)
    out[i] = a[i] + b[2 * i] + b[2 * i + 1];
  return INGOT_OK;
}

/* ---- accumulate: a stream; the sums of a run are the next one's total. Row 0 may not be -1 ----
 */

static int32_t run_accumulate(ingot_run *run) {
  const int32_t *total = run->inputs[0], *a = run->inputs[1];
  int32_t *sums = run->outputs[0];
  for (int64_t i = 0; i < run->plan[1]; ++i)
    sums[i] = total[i] + a[i];
  if (run->plan[1] > 0 && a[0] == -1) {
    run->failed_node = 1;
    return INGOT_INDEX_OUT_OF_RANGE;
  }
  return INGOT_OK;
}

/* ---- initialize: no inputs, no outputs, no symbols ---- */

static int32_t run_initialize(ingot_run *run) {
  State *state = run->state;
  for (int i = 0; i < FEATURES * CLASSES; ++i)
    state->kernel[i / CLASSES][i % CLASSES] = (float)(i + 1);
  state->bias[0] = 0.5f;
  state->bias[1] = -0.5f;
  return INGOT_OK;
}

/* ---- the table ---- */

static const ingot_tensor_info x_only[] = {{"x", INGOT_F32, 2, batch_by_features}};
static const ingot_tensor_info x_and_target[] = {{"x", INGOT_F32, 2, batch_by_features},
                                                 {"target", INGOT_F32, 2, batch_by_classes}};
static const ingot_tensor_info y_only[] = {{"y", INGOT_F32, 2, batch_by_classes}};
static const ingot_tensor_info loss_only[] = {{"loss", INGOT_F32, 0, NULL}};
static const ingot_tensor_info indices_only[] = {{"indices", INGOT_I64, 1, batch_only}};
static const ingot_tensor_info a_and_b[] = {{"a", INGOT_I32, 1, batch_only},
                                            {"b", INGOT_I32, 1, twice_batch}};
static const ingot_tensor_info total_and_a[] = {{"total", INGOT_I32, 1, batch_only},
                                                {"a", INGOT_I32, 1, batch_only}};
static const ingot_tensor_info sums_only[] = {{"sums", INGOT_I32, 1, batch_only}};

static const ingot_kernel_info predict_kernels[] = {
    {"dense/matmul+add", "dense", "batch * 12", "batch * 20"}};
static const ingot_kernel_info train_kernels[] = {
    {"dense/matmul+add+sub", "dense", "batch * 14", "batch * 28"},
    {"dense/sgd", "dense", "batch * 16", "batch * 20"}};

static const ingot_function functions[] = {
    {"predict", 0, 1, symbols, sources, 1, x_only, 1, y_only, 4, 2, 1, predict_kernels, "0",
     plan_predict, run_predict},
    {"train_step", INGOT_FUNCTION_WRITES_STATE | INGOT_FUNCTION_CANONICAL, 1, symbols, sources, 2,
     x_and_target, 1, loss_only, 2, 2, 2, train_kernels, "batch * 8", plan_train, run_train},
    {"lookup", INGOT_FUNCTION_CANONICAL, 1, symbols, sources, 1, indices_only, 1, y_only, 4, 2, 0,
     NULL, "0", plan_predict, run_lookup},
    {"pairs", INGOT_FUNCTION_CANONICAL, 1, symbols, sources, 2, a_and_b, 1, sums_only, 3, 2, 0,
     NULL, "0", plan_pairs, run_pairs},
    {"initialize", INGOT_FUNCTION_WRITES_STATE | INGOT_FUNCTION_CANONICAL, 0, NULL, NULL, 0, NULL,
     0, NULL, 1, 1, 0, NULL, "0", plan_derive, run_initialize},
    {"accumulate", INGOT_FUNCTION_CANONICAL, 1, symbols, second_source, 2, total_and_a, 1,
     sums_only, 3, 2, 0, NULL, "0", plan_pairs, run_accumulate},
};

static const ingot_carry carries[] = {{5, 0, 0}};

static const ingot_function derive = {.name = "derive",
                                      .flags = INGOT_FUNCTION_WRITES_STATE,
                                      .plan_words = 1,
                                      .output_dims = 1,
                                      .arena_formula = "0",
                                      .plan = plan_derive,
                                      .run = run_derive};

#ifdef FIXTURE_WEIGHTS
static const State weights = {
    {{1, 2}, {3, 4}, {5, 6}}, {0.5f, -0.5f}, 0.125f, 0, {{1, 3, 5}, {2, 4, 6}}};
#define INITIAL_STATE &weights
#else
#define INITIAL_STATE NULL
#endif

static const ingot_artifact_table table = {
    .size = sizeof(ingot_artifact_table),
    .abi_major = FIXTURE_ABI_MAJOR,
    .abi_minor = INGOT_ABI_MINOR,
    .name = "linear",
    .variant = "any",
    .state_bytes = sizeof(State),
    .variable_count = sizeof(variables) / sizeof(variables[0]),
    .variables = variables,
    .function_count = sizeof(functions) / sizeof(functions[0]),
    .functions = functions,
    .derive = &derive,
    .initial_state = INITIAL_STATE,
    .node_count = sizeof(nodes) / sizeof(nodes[0]),
    .nodes = nodes,
    .carry_count = sizeof(carries) / sizeof(carries[0]),
    .carries = carries,
};

const struct ingot_artifact *ingot_artifact(void);
const struct ingot_artifact *ingot_artifact(void) {
#ifdef FIXTURE_NO_VARIANT
  (void)table;
  return NULL;
#else
  return &table;
#endif
}
