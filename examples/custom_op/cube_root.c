/* An op of one's own: y = scale * cbrt(x), elementwise, and its gradient. cube_root.json describes
 * both; README.md says how they get into an artifact. */
#include <ingot/custom_op.h>
#include <math.h>

/* What one task takes of a tensor: blocks are cut by size alone, so that threads change no result.
 */
enum { block_size = 16384 };

typedef struct {
  int64_t count;
  float scale;
  const float *x, *y, *dy;
  float *result;
} work;

static int64_t count_of(const ingot_custom_tensor *tensor) {
  int64_t count = 1;
  int32_t axis;
  for (axis = 0; axis < tensor->rank; ++axis)
    count *= tensor->dims[axis];
  return count;
}

static int64_t end_of(const work *w, int64_t block) {
  int64_t end = (block + 1) * block_size;
  return end < w->count ? end : w->count;
}

static void run_blocks(const ingot_custom_call *call, work *w, ingot_task task) {
  w->count = count_of(&call->outputs[0]);
  w->scale = call->parameters[0].value.floats[0];
  w->x = call->inputs[0].data;
  w->result = call->outputs[0].data;
  ingot_custom_parallel_for(call, task, w, (w->count + block_size - 1) / block_size);
}

static void forward(void *arg, int64_t block) {
  const work *w = arg;
  int64_t i, end = end_of(w, block);
  for (i = block * block_size; i < end; ++i)
    w->result[i] = w->scale * cbrtf(w->x[i]);
}

int32_t cube_root(const ingot_custom_call *call) {
  work w = {0};
  run_blocks(call, &w, forward);
  return 0;
}

/* d/dx scale * cbrt(x) = scale / (3 * cbrt(x)^2); y is scale * cbrt(x). */
static void backward(void *arg, int64_t block) {
  const work *w = arg;
  int64_t i, end = end_of(w, block);
  for (i = block * block_size; i < end; ++i) {
    float root = w->y[i] / w->scale;
    w->result[i] = w->dy[i] * w->scale / (3 * root * root);
  }
}

int32_t cube_root_gradient(const ingot_custom_call *call) {
  work w = {0};
  w.y = call->inputs[1].data;
  w.dy = call->inputs[2].data;
  if (call->parameters[0].value.floats[0] == 0)
    return 1; /* the run returns INGOT_CUSTOM_OP_FAILED, with this number */
  run_blocks(call, &w, backward);
  return 0;
}
