/* Classifies images with a compiled model, in plain C: no Ingot library, only the artifact's
 * header.
 *
 *   classify MODEL.so IMAGES.npy [--labels LABELS.npy] [--batch N] [--threads N] [--print N]
 *
 * It takes any artifact with a function `predict` from one f32 input [batch, …] to one f32 output
 * [batch, classes] that carries its weights; they are used where they lie, read-only. Built with
 * -DLINKED_MODEL the model is linked in (`ingot compile --emit obj|static`) and MODEL.so left out.
 */
#include "npy.h"
#include "thread_pool.h"

#include <ingot/artifact.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef LINKED_MODEL
const ingot_artifact_table *ingot_artifact(void);
#else
#include <dlfcn.h>
#endif

static void fail(const char *what, const char *detail) {
  fprintf(stderr, "classify: %s%s\n", what, detail);
  exit(2);
}

/* ---- the model ---- */

static const ingot_artifact_table *load_model(const char *path) {
#ifdef LINKED_MODEL
  (void)path;
  ingot_artifact_fn entry = ingot_artifact;
#else
  /* Without a slash dlopen would search the library path, not this directory. */
  char here[4096];
  snprintf(here, sizeof(here), "%s%s", strchr(path, '/') ? "" : "./", path);
  void *library = dlopen(here, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    fail("cannot load the model: ", dlerror());
  ingot_artifact_fn entry;
  *(void **)&entry = dlsym(library, "ingot_artifact");
  if (!entry)
    fail(path, " is not a compiled model");
#endif
  const ingot_artifact_table *model = entry();
  if (!model)
    fail("the model has no code for this CPU", "");
  if (model->abi_major != INGOT_ABI_MAJOR)
    fail("the model was compiled for another version of the interface", "");
  if (!model->initial_state)
    fail("the model carries no weights; compile it together with them", "");
  return model;
}

/* `predict`, checked to be from one f32 [batch, …] to one f32 [batch, classes]. */
static const ingot_function *find_predict(const ingot_artifact_table *model) {
  for (int64_t i = 0; i < model->function_count; i++) {
    const ingot_function *f = &model->functions[i];
    if (strcmp(f->name, "predict") != 0)
      continue;
    if (f->input_count != 1 || f->output_count != 1 || f->inputs[0].dtype != INGOT_F32 ||
        f->outputs[0].dtype != INGOT_F32 || f->inputs[0].rank < 1 || f->outputs[0].rank != 2 ||
        f->symbol_count > 1 || (f->flags & INGOT_FUNCTION_WRITES_STATE))
      fail("'predict' is not from one f32 input to one f32 output of class scores", "");
    for (int32_t axis = 1; axis < f->inputs[0].rank; axis++)
      if (f->inputs[0].dims[axis].size < 0)
        fail("'predict' wants more than the batch decided at run time: ",
             f->inputs[0].dims[axis].text);
    return f;
  }
  fail("the model has no function 'predict'", "");
  return NULL;
}

/* ---- running it ---- */

typedef struct classifier {
  const ingot_artifact_table *model;
  const ingot_function *predict;
  int64_t sample;  /* f32 values of one image */
  int64_t batch;   /* images a run */
  int64_t planned; /* images the plan below is for; -1: none yet */
  int64_t classes; /* scores of one image */
  int64_t *plan;
  void *arena;
  float *scores;
  thread_pool *pool;
} classifier;

static void *aligned(size_t bytes) {
  size_t rounded = (bytes / INGOT_ALIGNMENT + 1) * INGOT_ALIGNMENT;
  void *block = aligned_alloc(INGOT_ALIGNMENT, rounded);
  if (!block)
    fail("out of memory", "");
  return block;
}

/* Makes plan, arena and room for the scores of `batch` images. */
static void plan_for(classifier *c, int64_t batch) {
  if (c->planned == batch)
    return;
  if (c->predict->plan(&batch, c->plan) != INGOT_OK)
    fail("'predict' refuses this batch size", "");
  const int64_t *extents = c->plan + c->predict->output_dims;
  if (extents[0] != batch)
    fail("the first dimension of the scores is not the batch", "");
  free(c->arena);
  free(c->scores);
  c->arena = aligned((size_t)c->plan[0]);
  c->classes = extents[1];
  c->scores = aligned((size_t)(batch * c->classes) * sizeof(float));
  c->planned = batch;
}

/* The scores of `batch` images, valid until the next call. */
static const float *run_predict(classifier *c, const float *images, int64_t batch) {
  plan_for(c, batch);
  const void *inputs[1] = {images};
  void *outputs[1] = {c->scores};
  ingot_run run = {0};
  run.size = sizeof(run);
  run.plan = c->plan;
  run.inputs = inputs;
  run.outputs = outputs;
  run.state = (void *)c->model->initial_state; /* only read */
  run.arena = c->arena;
  run.parallel_for = c->pool ? thread_pool_run : NULL;
  run.pool = c->pool;
  int32_t status = c->predict->run(&run);
  if (status == INGOT_INDEX_OUT_OF_RANGE)
    fail("an index is out of range in ", c->model->nodes[run.failed_node]);
  if (status != INGOT_OK)
    fail("'predict' failed", "");
  return c->scores;
}

/* The class with the highest score, for each of `count` images. */
static void classify(classifier *c, const float *images, int64_t count, int64_t *predicted) {
  int64_t fixed = c->predict->inputs[0].dims[0].size; /* -1: any batch */
  if (fixed == 0)
    fail("'predict' takes no images at all", "");
  if (fixed > 0)
    c->batch = fixed;
  float *padded = NULL;
  for (int64_t at = 0; at < count; at += c->batch) {
    int64_t now = count - at < c->batch ? count - at : c->batch;
    const float *input = images + at * c->sample;
    if (fixed > now) { /* the last images do not fill a batch of fixed size */
      size_t bytes = (size_t)(fixed * c->sample) * sizeof(float);
      padded = memset(aligned(bytes), 0, bytes);
      memcpy(padded, input, (size_t)(now * c->sample) * sizeof(float));
      input = padded;
    }
    const float *scores = run_predict(c, input, fixed > 0 ? fixed : now);
    for (int64_t i = 0; i < now; i++) {
      const float *row = scores + i * c->classes;
      int64_t best = 0;
      for (int64_t k = 1; k < c->classes; k++)
        best = row[k] > row[best] ? k : best;
      predicted[at + i] = best;
    }
  }
  free(padded);
}

/* ---- files and arguments ---- */

static npy_array read_images(const char *path, const ingot_function *predict, int64_t *sample) {
  char message[512];
  npy_array images;
  if (npy_read(path, &images, message, sizeof(message)) != 0)
    fail(message, "");
  if (strcmp(images.type, "<f4") != 0)
    fail("the images must be float32 ('<f4'), these are ", images.type);
  *sample = 1;
  for (int32_t axis = 1; axis < predict->inputs[0].rank; axis++)
    *sample *= predict->inputs[0].dims[axis].size;
  if (images.rank < 1 || images.count != images.shape[0] * *sample) {
    snprintf(message, sizeof(message), "an image has %lld values, 'predict' wants %lld",
             images.rank < 1 ? 1LL : (long long)(images.count / images.shape[0]),
             (long long)*sample);
    fail(message, "");
  }
  return images;
}

static int64_t label_at(const npy_array *labels, int64_t i) {
  if (strcmp(labels->type, "|u1") == 0)
    return ((const uint8_t *)labels->data)[i];
  if (strcmp(labels->type, "<i4") == 0)
    return ((const int32_t *)labels->data)[i];
  if (strcmp(labels->type, "<i8") == 0)
    return ((const int64_t *)labels->data)[i];
  fail("labels must be uint8, int32 or int64, these are ", labels->type);
  return -1;
}

static int64_t count_correct(const char *path, const int64_t *predicted, int64_t count) {
  char message[512];
  npy_array labels;
  if (npy_read(path, &labels, message, sizeof(message)) != 0)
    fail(message, "");
  if (labels.count != count)
    fail("there are not as many labels as images in ", path);
  int64_t correct = 0;
  for (int64_t i = 0; i < count; i++)
    correct += label_at(&labels, i) == predicted[i];
  free(labels.data);
  return correct;
}

static long number_argument(const char *name, const char *text, long least) {
  char *end;
  long value = text ? strtol(text, &end, 10) : 0;
  if (!text || *text == '\0' || *end != '\0' || value < least || value > 1000000000L) {
    fprintf(stderr, "classify: %s wants a number of at least %ld\n", name, least);
    exit(1);
  }
  return value;
}

int main(int argc, char **argv) {
  const char *files[2] = {NULL, NULL}, *labels = NULL;
  long batch = 100, threads = 1, print = 10;
  int wanted = 2, given = 0;
#ifdef LINKED_MODEL
  wanted = 1;
#endif
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--labels") == 0 && i + 1 < argc)
      labels = argv[++i];
    else if (strcmp(argv[i], "--batch") == 0)
      batch = number_argument("--batch", argv[++i], 1);
    else if (strcmp(argv[i], "--threads") == 0)
      threads = number_argument("--threads", argv[++i], 1);
    else if (strcmp(argv[i], "--print") == 0)
      print = number_argument("--print", argv[++i], 0);
    else if (given < wanted && argv[i][0] != '-')
      files[given++] = argv[i];
    else
      given = wanted + 1, i = argc;
  }
  if (given != wanted) {
    fprintf(stderr,
            "usage: classify %sIMAGES.npy [--labels LABELS.npy] [--batch N] [--threads N] "
            "[--print N]\n",
            wanted == 2 ? "MODEL.so " : "");
    return 1;
  }

  classifier c = {0};
  c.planned = -1;
  c.batch = batch;
  c.model = load_model(files[0]);
  c.predict = find_predict(c.model);
  c.plan = aligned((size_t)c.predict->plan_words * sizeof(int64_t));
  if (threads > 1 && !(c.pool = thread_pool_create((int)threads)))
    fail("cannot start the threads", "");
  npy_array images = read_images(files[wanted - 1], c.predict, &c.sample);
  int64_t count = images.shape[0];
  int64_t *predicted = aligned((size_t)count * sizeof(int64_t));
  classify(&c, images.data, count, predicted);

  for (int64_t i = 0; i < count && i < print; i++)
    printf("image %lld: class %lld\n", (long long)i, (long long)predicted[i]);
  if (labels) {
    int64_t correct = count_correct(labels, predicted, count);
    printf("accuracy %.4f (%lld of %lld)\n", (double)correct / (double)count, (long long)correct,
           (long long)count);
  }
  free(predicted);
  free(images.data);
  free(c.plan);
  free(c.arena);
  free(c.scores);
  thread_pool_destroy(c.pool);
  return 0;
}
