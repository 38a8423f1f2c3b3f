/* A hand-written artifact that follows artifact.h to the letter: what the tests of serving load
 * instead of a compiled model. It carries its weights, so State::readOnly works.
 *
 *   predict     x f32[batch, 3] -> y f32[batch, 2] = x * {{1, 2}, {3, 4}, {5, 6}} + {0.5, -0.5}
 *   classify    the same x -> scores f32[batch, 2], the same y; labels text[batch, 2]: "cat", "dog"
 *   regress     a f32[batch, 1], b i64[batch] -> value f32[batch, 1] = a + b
 *   every_type  bool, i8, … f64, text, each [batch, 2] -> the same, by the same names
 *   scalars     real f32[], integer i64[], text[] -> the same
 *   sleep       ms i32[batch] -> waited i32[batch]; sleeps as long, can be cancelled each ms
 *   pick        index i64[batch] -> value f32[batch] of {10, 20, 30}; other indices are out of
 * range pairs       a, b f32[batch, length] -> sum f32[batch, length], mean f32[batch] of its row
 *   center      x f32[batch, 1] -> y f32[batch, 1] = x - the mean of all rows: no batch either,
 *               though its signature is that of one
 *   total       x f32[rows] -> sum f32[]: the rows are not independent, so no batch
 *   join        a, b text[batch] -> joined, joined_bytes text[batch]: a + b, made by the run
 *   running     x f32[batch], total f32[batch] -> sum f32[batch] = total + x, carried as `total`
 *   count       x f32[batch, 3] -> calls i64[]: writes the state
 */
#include "ingot/artifact.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

/* With FIXTURE_ECHO the default function is `every_type`, for protocols that name no function. */
#ifdef FIXTURE_ECHO
#define PREDICT_NAME "linear"
#define EVERY_TYPE_NAME "predict"
#else
#define PREDICT_NAME "predict"
#define EVERY_TYPE_NAME "every_type"
#endif

enum { FEATURES = 3, CLASSES = 2, TYPES = 14 };

/* The state block. */
typedef struct State {
  _Alignas(INGOT_ALIGNMENT) float kernel[FEATURES][CLASSES];
  _Alignas(INGOT_ALIGNMENT) float bias[CLASSES];
  _Alignas(INGOT_ALIGNMENT) int64_t calls;
} State;

static const State weights = {{{1, 2}, {3, 4}, {5, 6}}, {0.5f, -0.5f}, 0};

static const int64_t kernel_shape[] = {FEATURES, CLASSES};
static const int64_t bias_shape[] = {CLASSES};
static const ingot_variable_info variables[] = {
    {"dense/kernel", INGOT_F32, 2, kernel_shape, offsetof(State, kernel), 24,
     INGOT_VARIABLE_TRAINABLE},
    {"dense/bias", INGOT_F32, 1, bias_shape, offsetof(State, bias), 8, INGOT_VARIABLE_TRAINABLE},
    {"calls", INGOT_I64, 0, NULL, offsetof(State, calls), 8, INGOT_VARIABLE_OPTIMIZER},
};

static const char *const nodes[] = {"dense", "embedding"};
static const char *const batch_symbol[] = {"batch"};
static const char *const batch_and_length[] = {"batch", "length"};
static const char *const rows_symbol[] = {"rows"};
static const ingot_symbol_source first_extents[] = {{INGOT_SYMBOL_EXTENT, 0, 0},
                                                    {INGOT_SYMBOL_EXTENT, 0, 1}};

static const ingot_dim by_3[] = {{-1, 0, "batch"}, {3, -1, "3"}};
static const ingot_dim by_2[] = {{-1, 0, "batch"}, {2, -1, "2"}};
static const ingot_dim by_1[] = {{-1, 0, "batch"}, {1, -1, "1"}};
static const ingot_dim by_length[] = {{-1, 0, "batch"}, {-1, 1, "length"}};
static const ingot_dim batch_only[] = {{-1, 0, "batch"}};
static const ingot_dim rows_only[] = {{-1, 0, "rows"}};

static int begin(const ingot_run *run, int64_t kernel) {
  return run->begin ? run->begin(run->user, kernel) : 0;
}
static void end(const ingot_run *run, int64_t kernel) {
  if (run->end)
    run->end(run->user, kernel);
}
static void parallel(const ingot_run *run, ingot_task task, void *arg, int64_t count) {
  if (run->parallel_for) {
    run->parallel_for(run->pool, task, arg, count);
    return;
  }
  for (int64_t i = 0; i < count; ++i)
    task(arg, i);
}

/* Plans are {arena bytes, batch, [length,] output extents…}; at most 1,000,000 rows. */
static int32_t check_extent(int64_t extent, int64_t *plan) {
  plan[0] = extent < 0 || extent > 1000000 ? -1 : plan[0];
  return plan[0] < 0 ? INGOT_INVALID_ARGUMENT : INGOT_OK;
}

/* ---- predict, classify ---- */

static int32_t plan_predict(const int64_t *values, int64_t *plan) {
  plan[0] = values[0] * 64;
  plan[1] = plan[2] = plan[4] = values[0];
  plan[3] = plan[5] = CLASSES;
  return check_extent(values[0], plan);
}

static void predict_row(void *arg, int64_t row) {
  const ingot_run *run = arg;
  const State *state = run->state;
  const char *x = (const char *)run->inputs[0] + row * FEATURES * (int64_t)sizeof(float);
  char *y = (char *)run->outputs[0] + row * CLASSES * (int64_t)sizeof(float);
  float features[FEATURES], sums[CLASSES]; /* inputs and outputs have any alignment */
  memcpy(features, x, sizeof features);
  for (int j = 0; j < CLASSES; ++j) {
    sums[j] = state->bias[j];
    for (int i = 0; i < FEATURES; ++i)
      sums[j] += features[i] * state->kernel[i][j];
  }
  memcpy(y, sums, sizeof sums);
}

static int32_t run_predict(ingot_run *run) {
  if (begin(run, 0))
    return INGOT_CANCELLED;
  parallel(run, predict_row, run, run->plan[1]);
  end(run, 0);
  return INGOT_OK;
}

static int32_t run_classify(ingot_run *run) {
  int32_t code = run_predict(run);
  static const ingot_string labels[CLASSES] = {{"cat", 3}, {"dog", 3}};
  for (int64_t row = 0; code == INGOT_OK && row < run->plan[1]; ++row)
    memcpy((char *)run->outputs[1] + row * (int64_t)sizeof labels, labels, sizeof labels);
  return code;
}

/* ---- regress ---- */

static int32_t plan_regress(const int64_t *values, int64_t *plan) {
  plan[0] = 0;
  plan[1] = plan[2] = values[0];
  plan[3] = 1;
  return check_extent(values[0], plan);
}

static int32_t run_regress(ingot_run *run) {
  for (int64_t i = 0; i < run->plan[1]; ++i) {
    float a;
    int64_t b;
    memcpy(&a, (const char *)run->inputs[0] + i * 4, 4);
    memcpy(&b, (const char *)run->inputs[1] + i * 8, 8);
    a += (float)b;
    memcpy((char *)run->outputs[0] + i * 4, &a, 4);
  }
  return INGOT_OK;
}

/* ---- every_type, scalars: copies ---- */

static const int64_t element_bytes[TYPES] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, 16};

static int32_t plan_every(const int64_t *values, int64_t *plan) {
  plan[0] = 0;
  plan[1] = values[0];
  for (int i = 0; i < TYPES; ++i) {
    plan[2 + 2 * i] = values[0];
    plan[3 + 2 * i] = 2;
  }
  return check_extent(values[0], plan);
}

static int32_t run_every(ingot_run *run) {
  for (int i = 0; i < TYPES && run->plan[1] != 0; ++i)
    memcpy(run->outputs[i], run->inputs[i], (size_t)(run->plan[1] * 2 * element_bytes[i]));
  return INGOT_OK;
}

static int32_t plan_scalars(const int64_t *values, int64_t *plan) {
  (void)values;
  plan[0] = 0;
  return INGOT_OK;
}

static int32_t run_scalars(ingot_run *run) {
  memcpy(run->outputs[0], run->inputs[0], 4);
  memcpy(run->outputs[1], run->inputs[1], 8);
  memcpy(run->outputs[2], run->inputs[2], sizeof(ingot_string));
  return INGOT_OK;
}

/* ---- sleep, pick ---- */

static int32_t plan_rows(const int64_t *values, int64_t *plan) {
  plan[0] = values[0] * 64;
  plan[1] = plan[2] = plan[3] = values[0];
  return check_extent(values[0], plan);
}

static int32_t run_sleep(ingot_run *run) {
  for (int64_t i = 0; i < run->plan[1]; ++i) {
    int32_t ms;
    memcpy(&ms, (const char *)run->inputs[0] + i * 4, 4);
    for (int32_t k = 0; k < ms; ++k) {
      if (begin(run, 0))
        return INGOT_CANCELLED;
      const struct timespec millisecond = {0, 1000000};
      nanosleep(&millisecond, NULL);
      end(run, 0);
    }
    memcpy((char *)run->outputs[0] + i * 4, &ms, 4);
  }
  return INGOT_OK;
}

static int32_t run_pick(ingot_run *run) {
  static const float values[] = {10, 20, 30};
  for (int64_t i = 0; i < run->plan[1]; ++i) {
    int64_t index;
    memcpy(&index, (const char *)run->inputs[0] + i * 8, 8);
    if (index < 0 || index > 2) {
      run->failed_node = 1;
      return INGOT_INDEX_OUT_OF_RANGE;
    }
    memcpy((char *)run->outputs[0] + i * 4, &values[index], 4);
  }
  return INGOT_OK;
}

/* ---- pairs ---- */

static int32_t plan_pairs(const int64_t *values, int64_t *plan) {
  plan[0] = 0;
  plan[1] = plan[3] = plan[5] = values[0];
  plan[2] = plan[4] = values[1];
  return check_extent(values[0], plan) || check_extent(values[1], plan) ? INGOT_INVALID_ARGUMENT
                                                                        : INGOT_OK;
}

static int32_t run_pairs(ingot_run *run) {
  int64_t length = run->plan[2];
  for (int64_t row = 0; row < run->plan[1]; ++row) {
    float total = 0;
    for (int64_t k = row * length; k < (row + 1) * length; ++k) {
      float a, b;
      memcpy(&a, (const char *)run->inputs[0] + k * 4, 4);
      memcpy(&b, (const char *)run->inputs[1] + k * 4, 4);
      a += b;
      total += a;
      memcpy((char *)run->outputs[0] + k * 4, &a, 4);
    }
    total /= (float)length;
    memcpy((char *)run->outputs[1] + row * 4, &total, 4);
  }
  return INGOT_OK;
}

/* ---- total, center ---- */

static int32_t plan_total(const int64_t *values, int64_t *plan) {
  plan[0] = 0;
  plan[1] = values[0];
  return check_extent(values[0], plan);
}

static int32_t run_total(ingot_run *run) {
  float sum = 0;
  for (int64_t i = 0; i < run->plan[1]; ++i) {
    float x;
    memcpy(&x, (const char *)run->inputs[0] + i * 4, 4);
    sum += x;
  }
  memcpy(run->outputs[0], &sum, 4);
  return INGOT_OK;
}

static int32_t run_center(ingot_run *run) {
  float sum = 0, x;
  for (int pass = 0; pass < 2; ++pass)
    for (int64_t i = 0; i < run->plan[1]; ++i) {
      memcpy(&x, (const char *)run->inputs[0] + i * 4, 4);
      if (pass == 0) {
        sum += x;
        continue;
      }
      x -= sum / (float)run->plan[1];
      memcpy((char *)run->outputs[0] + i * 4, &x, 4);
    }
  return INGOT_OK;
}

/* ---- join ---- */

static ingot_string text_at(const void *texts, int64_t index) {
  ingot_string text;
  memcpy(&text, (const char *)texts + index * (int64_t)sizeof text, sizeof text);
  return text;
}

static char *append(char *to, ingot_string text) {
  if (text.size != 0)
    memcpy(to, text.data, text.size);
  return to + text.size;
}

static int32_t run_join(ingot_run *run) {
  run->text_used = 0;
  for (int64_t i = 0; i < run->plan[1]; ++i)
    run->text_used += text_at(run->inputs[0], i).size + text_at(run->inputs[1], i).size;
  if (run->text_used > run->text_capacity)
    return INGOT_TEXT_TOO_SHORT;
  char *next = run->text;
  for (int64_t i = 0; i < run->plan[1]; ++i) {
    ingot_string a = text_at(run->inputs[0], i), b = text_at(run->inputs[1], i);
    ingot_string joined = {next, a.size + b.size};
    if (joined.size != 0)
      next = append(append(next, a), b);
    for (int output = 0; output < 2; ++output)
      memcpy((char *)run->outputs[output] + i * (int64_t)sizeof joined, &joined, sizeof joined);
  }
  return INGOT_OK;
}

/* ---- running: a stream; count: writes the state ---- */

static int32_t run_running(ingot_run *run) {
  for (int64_t i = 0; i < run->plan[1]; ++i) {
    float x, total;
    memcpy(&x, (const char *)run->inputs[0] + i * 4, 4);
    memcpy(&total, (const char *)run->inputs[1] + i * 4, 4);
    total += x;
    memcpy((char *)run->outputs[0] + i * 4, &total, 4);
  }
  return INGOT_OK;
}

static int32_t run_count(ingot_run *run) {
  State *state = run->state;
  state->calls += 1;
  memcpy(run->outputs[0], &state->calls, 8);
  return INGOT_OK;
}

/* ---- the table ---- */

#define EVERY_TYPE(rank, dims)                                                                     \
  {"bool", INGOT_BOOL, rank, dims}, {"i8", INGOT_I8, rank, dims}, {"i16", INGOT_I16, rank, dims},  \
      {"i32", INGOT_I32, rank, dims}, {"i64", INGOT_I64, rank, dims},                              \
      {"u8", INGOT_U8, rank, dims}, {"u16", INGOT_U16, rank, dims},                                \
      {"u32", INGOT_U32, rank, dims}, {"u64", INGOT_U64, rank, dims},                              \
      {"f16", INGOT_F16, rank, dims}, {"bf16", INGOT_BF16, rank, dims},                            \
      {"f32", INGOT_F32, rank, dims}, {"f64", INGOT_F64, rank, dims}, {                            \
    "text", INGOT_STRING, rank, dims                                                               \
  }

static const ingot_tensor_info every[] = {EVERY_TYPE(2, by_2)};
static const ingot_tensor_info scalars[] = {
    {"real", INGOT_F32, 0, NULL}, {"integer", INGOT_I64, 0, NULL}, {"text", INGOT_STRING, 0, NULL}};
static const ingot_tensor_info x_by_3[] = {{"x", INGOT_F32, 2, by_3}};
static const ingot_tensor_info y_by_2[] = {{"y", INGOT_F32, 2, by_2}};
static const ingot_tensor_info scores[] = {{"scores", INGOT_F32, 2, by_2},
                                           {"labels", INGOT_STRING, 2, by_2}};
static const ingot_tensor_info a_and_b[] = {{"a", INGOT_F32, 2, by_1},
                                            {"b", INGOT_I64, 1, batch_only}};
static const ingot_tensor_info value_by_1[] = {{"value", INGOT_F32, 2, by_1}};
static const ingot_tensor_info ms[] = {{"ms", INGOT_I32, 1, batch_only}};
static const ingot_tensor_info waited[] = {{"waited", INGOT_I32, 1, batch_only}};
static const ingot_tensor_info index_only[] = {{"index", INGOT_I64, 1, batch_only}};
static const ingot_tensor_info value_only[] = {{"value", INGOT_F32, 1, batch_only}};
static const ingot_tensor_info rows_of_length[] = {{"a", INGOT_F32, 2, by_length},
                                                   {"b", INGOT_F32, 2, by_length}};
static const ingot_tensor_info sum_and_mean[] = {{"sum", INGOT_F32, 2, by_length},
                                                 {"mean", INGOT_F32, 1, batch_only}};
static const ingot_tensor_info x_by_rows[] = {{"x", INGOT_F32, 1, rows_only}};
static const ingot_tensor_info x_by_1[] = {{"x", INGOT_F32, 2, by_1}};
static const ingot_tensor_info y_by_1[] = {{"y", INGOT_F32, 2, by_1}};
static const ingot_tensor_info sum_only[] = {{"sum", INGOT_F32, 0, NULL}};
static const ingot_tensor_info texts[] = {{"a", INGOT_STRING, 1, batch_only},
                                          {"b", INGOT_STRING, 1, batch_only}};
static const ingot_tensor_info joined[] = {{"joined", INGOT_STRING, 1, batch_only},
                                           {"joined_bytes", INGOT_STRING, 1, batch_only}};
static const ingot_tensor_info x_and_total[] = {{"x", INGOT_F32, 1, batch_only},
                                                {"total", INGOT_F32, 1, batch_only}};
static const ingot_tensor_info sums[] = {{"sum", INGOT_F32, 1, batch_only}};
static const ingot_tensor_info calls[] = {{"calls", INGOT_I64, 0, NULL}};

static const ingot_kernel_info predict_kernels[] = {
    {"dense/matmul+add", "dense", "batch * 12", "batch * 20"}};
static const ingot_kernel_info sleep_kernels[] = {{"sleep", "sleep", "0", "0"}};

enum { READS = INGOT_FUNCTION_CANONICAL };

static const ingot_function functions[] = {
    {PREDICT_NAME, READS, 1, batch_symbol, first_extents, 1, x_by_3, 1, y_by_2, 6, 2, 1,
     predict_kernels, "batch * 64", plan_predict, run_predict},
    {"classify", READS, 1, batch_symbol, first_extents, 1, x_by_3, 2, scores, 6, 2, 1,
     predict_kernels, "batch * 64", plan_predict, run_classify},
    {"regress", READS, 1, batch_symbol, first_extents, 2, a_and_b, 1, value_by_1, 4, 2, 0, NULL,
     "0", plan_regress, run_regress},
    {EVERY_TYPE_NAME, READS, 1, batch_symbol, first_extents, TYPES, every, TYPES, every,
     2 + 2 * TYPES, 2, 0, NULL, "0", plan_every, run_every},
    {"scalars", READS, 0, NULL, NULL, 3, scalars, 3, scalars, 1, 1, 0, NULL, "0", plan_scalars,
     run_scalars},
    {"sleep", READS, 1, batch_symbol, first_extents, 1, ms, 1, waited, 4, 2, 1, sleep_kernels,
     "batch * 64", plan_rows, run_sleep},
    {"pick", READS, 1, batch_symbol, first_extents, 1, index_only, 1, value_only, 4, 2, 0, NULL,
     "batch * 64", plan_rows, run_pick},
    {"pairs", READS, 2, batch_and_length, first_extents, 2, rows_of_length, 2, sum_and_mean, 6, 3,
     0, NULL, "0", plan_pairs, run_pairs},
    {"total", READS, 1, rows_symbol, first_extents, 1, x_by_rows, 1, sum_only, 2, 2, 0, NULL, "0",
     plan_total, run_total},
    {"join", READS, 1, batch_symbol, first_extents, 2, texts, 2, joined, 4, 2, 0, NULL,
     "batch * 64", plan_rows, run_join},
    {"running", READS, 1, batch_symbol, first_extents, 2, x_and_total, 1, sums, 4, 2, 0, NULL,
     "batch * 64", plan_rows, run_running},
    {"count", INGOT_FUNCTION_CANONICAL | INGOT_FUNCTION_WRITES_STATE, 1, batch_symbol,
     first_extents, 1, x_by_3, 1, calls, 2, 2, 0, NULL, "0", plan_total, run_count},
    {"center", READS, 1, batch_symbol, first_extents, 1, x_by_1, 1, y_by_1, 4, 2, 0, NULL, "0",
     plan_regress, run_center},
};

static const ingot_carry carries[] = {{10, 0, 1}};

static const ingot_artifact_table table = {
    .size = sizeof(ingot_artifact_table),
    .abi_major = INGOT_ABI_MAJOR,
    .abi_minor = INGOT_ABI_MINOR,
    .name = "served",
    .variant = "any",
    .state_bytes = sizeof(State),
    .variable_count = sizeof(variables) / sizeof(variables[0]),
    .variables = variables,
    .function_count = sizeof(functions) / sizeof(functions[0]),
    .functions = functions,
    .initial_state = &weights,
    .node_count = sizeof(nodes) / sizeof(nodes[0]),
    .nodes = nodes,
    .carry_count = sizeof(carries) / sizeof(carries[0]),
    .carries = carries,
};

const struct ingot_artifact *ingot_artifact(void);
const struct ingot_artifact *ingot_artifact(void) { return &table; }
